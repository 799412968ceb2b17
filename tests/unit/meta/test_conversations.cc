// Message records of conversations databases: one that Cyrus 3.6.1 wrote, and what must be refused.
#include <string>

#include "format/meta/conversations.h"
#include "tests/support/check.h"

using namespace cyr;

namespace {

// Of the store "modern": a message in the folder with number 1.
const std::string real_key = "G15df9e730cec210b6901be125d299708f29d474e:1:2";
const std::string real_value(
    "\x82\x84,G\x92\x07\x85*\x19\x00\x00\x00\x13 \x00\x00\x00\x00\x00\x00\x00?\xb6\xb1\xe2", 25);

}  // namespace

TEST_CASE("a message record of 3.6.1 is read", "[conversations]") {
  const auto read = meta::decode_conversation_message(real_key, real_value);
  REQUIRE_OK(read);
  REQUIRE(read->has_value());
  const auto& message = **read;
  CHECK(message.guid.hex() == "15df9e730cec210b6901be125d299708f29d474e");
  CHECK(message.folder == 1);
  CHECK(message.uid == 2);
  CHECK(message.cid == 0x842c47920785'2a19);
  CHECK(message.system_flags == 0x20000013);
  CHECK(message.internaldate == 0x3fb6b1e2);
}

TEST_CASE("the record of a body part is no message", "[conversations]") {
  const auto read =
      meta::decode_conversation_message("G1a1b2d0411bc4ca22da288fdbd644134b7739c3d:0:17[1]", real_value);
  REQUIRE_OK(read);
  CHECK_FALSE(read->has_value());
}

TEST_CASE("damaged message records are refused", "[conversations]") {
  for (std::size_t length = 0; length < real_value.size(); ++length) {
    CHECK_FALSE(meta::decode_conversation_message(real_key, real_value.substr(0, length)));
  }
  std::string other = real_value;
  other[0] = '\x81';
  CHECK_FALSE(meta::decode_conversation_message(real_key, other));
  for (const std::string key :
       {"", "B15df", "G15df:1:2", "G15df9e730cec210b6901be125d299708f29d474e:1",
        "G15df9e730cec210b6901be125d299708f29d474e:x:2", "G15df9e730cec210b6901be125d299708f29d474e:1:0",
        "G15df9e730cec210b6901be125d299708f29d474e:1:99999999999"}) {
    CAPTURE(key);
    CHECK_FALSE(meta::decode_conversation_message(key, real_value));
  }
}

TEST_CASE("the folder list keeps the places of deleted folders", "[conversations]") {
  const auto folders =
      meta::decode_conversation_folders("(h71mzod5193fretv31ucx4xz - 16h7r36t4e5m93py5m967t63)");
  REQUIRE_OK(folders);
  CHECK(*folders == std::vector<std::string>{"h71mzod5193fretv31ucx4xz", "", "16h7r36t4e5m93py5m967t63"});
  for (const std::string value : {"", "(", "a b", "(a \"b\")", "(a (b))"}) {
    CHECK_FALSE(meta::decode_conversation_folders(value));
  }
}
