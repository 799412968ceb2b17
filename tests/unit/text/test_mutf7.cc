// Modified UTF-7: names of the real stores, and what real Cyrus 3.6.1 accepts and refuses (store.md 2.2).
#include <random>

#include "format/text/mutf7.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::text;

TEST_CASE("mutf7: both ways") {
  const std::pair<const char*, const char*> rows[] = {
      {"R&-D", "R&D"},
      {"Entw&APw-rfe", "Entwürfe"},
      {"&ZeVnLIqe-", "日本語"},
      {"&BB4EQgRHBFEEQgRL-", "Отчёты"},
      {"&AOk-t&AOk- 2003", "été 2003"},
      {"&2D3eAA-", "😀"},
      {"a+b=c,d'g#h:i$j~k", "a+b=c,d'g#h:i$j~k"},
      {"", ""},
      {"&AOQ-&-", "ä&"},
  };
  for (const auto& [encoded, text] : rows) {
    INFO(encoded);
    CHECK(utf8_to_mutf7(text).value() == encoded);
    CHECK(mutf7_to_utf8(encoded).value() == text);
    CHECK(check_mutf7(encoded).has_value());
  }
}

TEST_CASE("mutf7: refused") {
  for (const char* name : {"&AGE-", "&AOQ-&AOQ-", "&AOQ", "&", "a&b", "&AOR-", "&A-", "&AO-", "&AAAA-",
                           "&2D0-", "&3gA-", "&3gDYPQ-", "\xC3\xA4", "a\nb", "a\x7F", "&AOQ/-", "&AOQA-"}) {
    INFO(name);
    CHECK_FALSE(check_mutf7(name).has_value());
    CHECK_FALSE(mutf7_to_utf8(name).has_value());
  }
  CHECK(check_mutf7("&AOQ-x").has_value());
  CHECK_FALSE(check_mutf7("&2D3eAA-", Mutf7Rule::without_surrogates).has_value());
}

TEST_CASE("mutf7: text that is no UTF-8 is refused") {
  for (const char* text :
       {"\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "a\x80", "\t"}) {
    CHECK_FALSE(utf8_to_mutf7(text).has_value());
  }
}

TEST_CASE("mutf7: every text comes back") {
  std::mt19937 random(7);
  const char32_t ranges[][2] = {
      {0x20, 0x7E}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, 0x10FFFF}};
  const auto append = [](std::string& out, std::uint32_t c) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xC0 | c >> 6), put(0x80 | (c & 63));
    } else if (c < 0x10000) {
      put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
    } else {
      put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
    }
  };
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (auto i = random() % 12; i > 0; --i) {
      const auto& range = ranges[random() % 5];
      append(text, static_cast<std::uint32_t>(range[0] + random() % (range[1] - range[0] + 1)));
    }
    const auto encoded = utf8_to_mutf7(text);
    REQUIRE_OK(encoded);
    REQUIRE_OK(check_mutf7(*encoded));
    REQUIRE(mutf7_to_utf8(*encoded).value() == text);
  }
}
