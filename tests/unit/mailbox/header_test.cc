#include "format/mailbox/header.h"

#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::mailbox;

namespace {

Buffer bytes_of(std::string_view text) {
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}
Buffer with_magic(std::string_view content) {
  return bytes_of(std::string(header_magic()) + std::string(content));
}

// As Cyrus 3.6.1 wrote it (mailbox.md 2.3).
constexpr std::string_view kDlist =
    "%(T e N user.alice.a I 3bbqlqwt8ipno25nhwhwe4g0 A %(alice lrswipkxtecdan) U ($Foo Bar))\n";

}  // namespace

TEST_CASE("the dlist form gives every field") {
  const auto header = decode_header(with_magic(kDlist));
  REQUIRE_OK(header);
  CHECK(header->form == HeaderForm::dlist);
  CHECK(header->type == "e");
  CHECK(header->name == "user.alice.a");
  CHECK(header->uniqueid == "3bbqlqwt8ipno25nhwhwe4g0");
  CHECK(!header->quotaroot);
  CHECK(header->acl == "alice\tlrswipkxtecdan\t");
  CHECK(header->flags == std::vector<std::string>{"$Foo", "Bar"});
}

TEST_CASE("keys of the dlist come in any order, unknown ones are kept") {
  const auto header =
      decode_header(with_magic("%(U (a NIL b) Z %(x (1 2)) Q user.alice I id T el N user.alice)\n"));
  REQUIRE_OK(header);
  CHECK(header->flags == std::vector<std::string>{"a", "", "b"});
  CHECK(header->quotaroot == "user.alice");
  CHECK(!header->acl);
  REQUIRE(header->extra.size() == 1);
  CHECK(header->extra[0].first == "Z");
  const auto again = decode_header(encode_header(*header, HeaderForm::dlist).value());
  REQUIRE_OK(again);
  CHECK(*again == *header);
}

TEST_CASE("a free flag slot keeps its place in the text form") {
  MailboxHeader header;
  header.uniqueid = "0123456789abcdef";
  header.flags = {"one", "", "three"};
  header.acl = "bovik\tlrs\t";
  const auto file = encode_header(header, HeaderForm::text);
  REQUIRE_OK(file);
  CHECK(as_text(*file).substr(kHeaderMagicSize) == "\t0123456789abcdef\none  three \nbovik\tlrs\t\n");
  const auto read = decode_header(*file);
  REQUIRE_OK(read);
  CHECK(read->flags == header.flags);
}

TEST_CASE("a header from before 2.0 has no unique id") {
  const auto header = decode_header(with_magic("user.bovik\n\n\n"));
  REQUIRE_OK(header);
  CHECK(header->quotaroot == "user.bovik");
  CHECK(header->uniqueid.empty());
}

TEST_CASE("values that the file cannot hold are refused") {
  MailboxHeader header;
  header.uniqueid = "id";
  header.acl = "b\xC3\xB6vik\tlrs\t";
  CHECK(encode_header(header, HeaderForm::dlist).error().code == Errc::invalid);
  CHECK(encode_header(header, HeaderForm::text).has_value());
  header.acl = "bovik\tlrs";  // the last TAB may be missing
  CHECK(encode_header(header, HeaderForm::dlist).has_value());
  header.acl = "bovik";
  CHECK(encode_header(header, HeaderForm::dlist).error().code == Errc::invalid);
  header.acl.reset();
  header.flags.assign(129, "x");
  CHECK(encode_header(header, HeaderForm::dlist).error().code == Errc::invalid);
  header.flags = {"two words"};
  CHECK(encode_header(header, HeaderForm::text).error().code == Errc::invalid);
}

TEST_CASE("errors name the offset") {
  Buffer file = with_magic(kDlist);
  file[7] ^= std::byte{1};
  CHECK(decode_header(file).error().offset == 7U);
  CHECK(decode_header(Bytes(file).first(7)).error().offset == 7U);
  CHECK(decode_header(with_magic("\t\n\n\n")).error().offset == kHeaderMagicSize + 1);
  CHECK(decode_header(with_magic("q\tid\nflags")).error().offset == kHeaderMagicSize + 5);
  CHECK(decode_header(with_magic("%(T e N x I y")).error().offset == kHeaderMagicSize);
}

TEST_CASE("damaged magic costs nothing") {
  const Buffer good = with_magic(kDlist);
  const auto header = decode_header(good);
  for (std::size_t bit = 0; bit < kHeaderMagicSize * 8; ++bit) {
    Buffer file = good;
    file[bit / 8] ^= std::byte(1U << (bit % 8));
    CHECK_FALSE(decode_header(file));
    const SalvagedHeader salvaged = decode_header_lenient(file);
    CHECK(salvaged.header == *header);
    CHECK(salvaged.magic == Trust::doubtful);
    CHECK(salvaged.doubts.size() == 1);
  }
}

TEST_CASE("of a cut header, what is called sound is right") {
  for (const std::string_view content :
       {kDlist,
        std::string_view("user.bovik\t0123456789abcdef\nOne Two \nbovik\tlrswipcda\tanyone\tlrs\t\n")}) {
    const Buffer good = with_magic(content);
    const auto header = decode_header(good);
    REQUIRE_OK(header);
    for (std::size_t size = 0; size < good.size(); ++size) {
      INFO("cut after " << size << " bytes");
      const Bytes file = Bytes(good).first(size);
      CHECK_FALSE(decode_header(file));
      const SalvagedHeader salvaged = decode_header_lenient(file);
      CHECK_FALSE(salvaged.intact());
      if (salvaged.name == Trust::sound) {
        CHECK(salvaged.header.name == header->name);
      }
      if (salvaged.uniqueid == Trust::sound) {
        CHECK(salvaged.header.uniqueid == header->uniqueid);
      }
      if (salvaged.quotaroot == Trust::sound) {
        CHECK(salvaged.header.quotaroot == header->quotaroot);
      }
      if (salvaged.acl == Trust::sound) {
        CHECK(salvaged.header.acl == header->acl);
      }
      if (salvaged.flags == Trust::sound) {
        CHECK(salvaged.header.flags == header->flags);
      }
    }
  }
}

TEST_CASE("a value in the middle that is broken does not take the others along") {
  const SalvagedHeader salvaged =
      decode_header_lenient(with_magic("%(T e N user.alice I id A )alice lrs) U ($Foo Bar))\n"));
  CHECK(salvaged.header.uniqueid == "id");
  CHECK(salvaged.uniqueid == Trust::sound);
  CHECK(salvaged.header.flags == std::vector<std::string>{"$Foo", "Bar"});
  CHECK(salvaged.flags == Trust::doubtful);
  CHECK_FALSE(salvaged.intact());
}

TEST_CASE("of a cut list the whole items are kept") {
  const SalvagedHeader salvaged =
      decode_header_lenient(with_magic("%(T e N user.a I id A %(a lrs b lrswi c l"));
  CHECK(salvaged.header.acl == "a\tlrs\tb\tlrswi\t");
  CHECK(salvaged.acl == Trust::doubtful);
  CHECK(salvaged.flags == Trust::lost);
}

TEST_CASE("a list that is closed is whole, even when the one around it is not") {
  const SalvagedHeader salvaged =
      decode_header_lenient(with_magic("%(T e N user.a I id A(%(a lrs) U ($Foo Bar Baz))\n"));
  CHECK(salvaged.header.flags == std::vector<std::string>{"$Foo", "Bar", "Baz"});
}

TEST_CASE("a damaged value that decodes but cannot be written is taken out") {
  MailboxHeader broken;
  broken.flags = {"Foo"};
  broken.extra = {{"%(ted", "\"a\\\"b\""}};
  broken.quotaroot = std::string("user.ted\0\"A", 10);
  CHECK_FALSE(encode_header(broken, HeaderForm::dlist));
  CHECK(drop_unwritable(broken, HeaderForm::dlist) ==
        std::vector<std::string_view>{"values of unknown keys", "quota root"});
  CHECK(broken.flags == std::vector<std::string>{"Foo"});
  CHECK(encode_header(broken, HeaderForm::dlist));
}

TEST_CASE("no single-bit flip of a header does harm") {
  const Buffer good = with_magic(kDlist);
  for (std::size_t bit = kHeaderMagicSize * 8; bit < good.size() * 8; ++bit) {
    Buffer file = good;
    file[bit / 8] ^= std::byte(1U << (bit % 8));
    INFO("bit " << bit);
    const SalvagedHeader salvaged = decode_header_lenient(file);
    if (const auto header = decode_header(file); header) {
      CHECK(salvaged.header.name == header->name);
      CHECK(header->flags.size() <= kMaxUserFlags);
      const auto written = encode_header(*header, HeaderForm::dlist);
      if (written) {
        CHECK(*decode_header(*written) == *header);
      }
    } else {
      CHECK_FALSE(salvaged.intact());
    }
  }
}

TEST_CASE("flag names are atoms and are found without case") {
  MailboxHeader header;
  header.flags = {"", "$Forwarded", "Work"};
  CHECK(find_flag(header, "$forwarded") == 1U);
  CHECK(find_flag(header, "") == std::nullopt);
  CHECK(find_flag(header, "work2") == std::nullopt);
  CHECK(valid_flag_name("$Forwarded"));
  for (const char* name : {"", "a b", "a(b", "a{", "a%", "a*", "\\Seen", "a\"b", "\xC3\xA4"}) {
    INFO(name);
    CHECK_FALSE(valid_flag_name(name));
  }
}
