// Single rules whose expected values are known from the format's description and from Cyrus: dates in zones,
// character sets, the table of cached headers, damaged SECTION items, limits.
#include "format/mime/cache_items.h"
#include "format/mime/cached_headers.h"
#include "format/mime/date.h"
#include "format/mime/section.h"
#include "format/mime/summary.h"
#include "tests/support/check.h"
#include "tests/unit/mime/local_zone.h"

using namespace cyr;

namespace {

const mime::CacheProfile& now() { return mime::cache_profile(mime::Series::v3_6); }

std::string section_of(std::string_view message) {
  std::string out;
  mime::append_section(out, mime::parse_message(message).root(), now());
  return out;
}

std::string nested_multiparts(unsigned depth) {
  std::string out;
  for (unsigned i = 0; i < depth; ++i) {
    const std::string boundary = "b" + std::to_string(i) + "x";
    out += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
  }
  return out + "\r\nleaf";
}

unsigned depth_of(const mime::BodyPart& part) {
  return part.parts.empty() ? 0 : 1 + depth_of(part.parts.front());
}

}  // namespace

TEST_CASE("sentdate is what mktime says, asked once or again, in any zone") {
  constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto& noon = mime::cache_profile(mime::Series::v2_3);
  REQUIRE(noon.sentdate_hour == 12);
  REQUIRE(now().sentdate_hour == 0);
  struct Zone {
    const char* name;
    int days;  // from 1990 on; the first more than the answers that are kept
  };
  for (const Zone zone : {Zone{"America/New_York", 5000}, Zone{"Pacific/Apia", 300}, Zone{"UTC", 300}}) {
    const test::LocalZone local(zone.name);
    for (int turn = 0; turn < 2; ++turn) {
      for (int day = 0; day < zone.days; ++day) {
        std::tm civil{};
        const std::time_t utc = std::time_t{631152000} + std::time_t{day} * 86400;
        REQUIRE(::gmtime_r(&utc, &civil) != nullptr);
        const std::string date = std::to_string(civil.tm_mday) + " " +
                                 months[static_cast<std::size_t>(civil.tm_mon)] + " " +
                                 std::to_string(civil.tm_year + 1900) + " 01:02:03 +0000";
        for (const auto* profile : {&now(), &noon}) {
          std::tm asked{};
          asked.tm_year = civil.tm_year;
          asked.tm_mon = civil.tm_mon;
          asked.tm_mday = civil.tm_mday;
          asked.tm_hour = profile->sentdate_hour;
          asked.tm_isdst = -1;
          REQUIRE(mime::sent_day(date, *profile) == static_cast<std::uint32_t>(std::mktime(&asked)));
        }
      }
    }
  }
}

TEST_CASE("sentdate is midnight in the local zone, gmtime is not") {
  const std::string_view date = "Sat, 14 Nov 2020 23:11:12 -0530";
  {
    const test::LocalZone zone("America/New_York");
    CHECK(mime::sent_day(date, now()) == 1605330000U);
    CHECK(mime::sent_time(date, now()) == 1605415272U);
    CHECK(mime::local_midnight(1605415272) == 1605330000U);
  }
  const test::LocalZone zone("UTC");
  CHECK(mime::sent_day(date, now()) == 1605312000U);
  CHECK(mime::sent_day(date, mime::cache_profile(mime::Series::v3_0)) == 1605312000U + 12 * 3600);
}

TEST_CASE("a date before 1970 is refused, but stored by 3.2 and 3.4") {
  const test::LocalZone zone("UTC");
  CHECK_FALSE(mime::sent_day("1 Jan 1969 00:00:00 +0000", now()));
  CHECK(mime::sent_day("1 Jan 1969 00:00:00 +0000", mime::cache_profile(mime::Series::v3_2)) == 4263431296U);
}

TEST_CASE("a profile is found by release and by cache version") {
  CHECK(mime::cache_profile_for_release(2, 3).series == mime::Series::v2_3);
  CHECK(mime::cache_profile_for_release(3, 8).series == mime::Series::v3_6);
  CHECK(mime::cache_profile_for_release(3, 13).series == mime::Series::v3_12);
  CHECK(mime::cache_profile_for_release(1, 6).series == mime::Series::v2_1);
  REQUIRE(mime::cache_profile_for_version(3) != nullptr);
  CHECK(mime::cache_profile_for_version(3)->series == mime::Series::v2_5);
  CHECK(mime::cache_profile_for_version(11)->series == mime::Series::v3_6);
  CHECK(mime::cache_profile_for_version(9) == nullptr);
}

TEST_CASE("cached headers by release") {
  using mime::Series;
  CHECK(mime::is_cached_header("References: x", Series::v2_1));
  CHECK_FALSE(mime::is_cached_header("Message-ID: x", Series::v2_1));
  CHECK(mime::is_cached_header("Message-ID: x", Series::v3_0));
  CHECK_FALSE(mime::is_cached_header("Message-ID: x", Series::v3_6));
  CHECK(mime::is_cached_header("x-spam-hits: x", Series::v2_4));
  CHECK_FALSE(mime::is_cached_header("x-spam-hits: x", Series::v2_5));
  CHECK(mime::is_cached_header("Sender: x", Series::v3_6));
  CHECK_FALSE(mime::is_cached_header("Sender: x", Series::v3_0));
  CHECK(mime::is_cached_header(": nameless", Series::v3_6));
  CHECK_FALSE(mime::is_cached_header(" folded: x", Series::v3_6));
  CHECK(mime::is_cached_header(std::string(31, 'a') + ":", Series::v3_6));
  CHECK_FALSE(mime::is_cached_header(std::string(32, 'a') + ":", Series::v3_6));
  CHECK(mime::header_cached_since("references") == 0U);
  CHECK(mime::header_cached_since("Reply-To") == 7U);
  CHECK(mime::header_cached_since("list-id") == 1U);
  CHECK_FALSE(mime::header_cached_since("subject"));
  CHECK_FALSE(mime::header_cached_since("x-unheard-of"));
}

TEST_CASE("SECTION comes back as the tree it was written from") {
  const std::string item = section_of(
      "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--o\r\nContent-Type: message/rfc822\r\n\r\nTo: "
      "a@b\r\n\r\nx\r\n--o--\r\n");
  const auto section = mime::decode_section(as_bytes(item), 11);
  REQUIRE_OK(section);
  REQUIRE(section->parts.size() == 3);
  REQUIRE(section->children.size() == 2);
  CHECK(section->parts[0].has_no_charset_word);
  CHECK(section->parts[1].charset == "utf-8");
  CHECK(section->parts[1].encoding == 2);
  CHECK(section->parts[1].decoded_size == 5U);
  CHECK(section->parts[1].guid == sha1("hello"));
  CHECK(section->children[0].parts.empty());
  CHECK(section->children[1].parts.size() == 2);
}

TEST_CASE("a damaged SECTION item is refused with its offset") {
  const std::string item = section_of("Subject: x\r\n\r\nbody\r\n");
  for (std::size_t size = 0; size < item.size(); ++size) {
    CHECK_FALSE(mime::decode_section(as_bytes(std::string_view(item).substr(0, size)), 11));
  }
  CHECK_FALSE(mime::decode_section(as_bytes(item + std::string(4, '\0')), 11));
  std::string many = item;
  many[0] = '\x7f';  // two thousand million parts
  const auto refused = mime::decode_section(as_bytes(many), 11);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().offset == 0U);
  std::string one = item;
  one[3] = '\x01';
  CHECK_FALSE(mime::decode_section(as_bytes(one), 11));
}

TEST_CASE("nesting stops at boundary_limit, and without it at our own limit") {
  mime::ParseOptions options;
  CHECK(depth_of(mime::parse_message(nested_multiparts(1200), options).root()) == 999);
  options.boundary_limit = 0;
  CHECK(depth_of(mime::parse_message(nested_multiparts(5000), options).root()) == mime::kMaxNesting);
  std::string messages;
  for (int i = 0; i < 20000; ++i) {
    messages += "Content-Type: message/rfc822\r\n\r\n";
  }
  CHECK(depth_of(mime::parse_message(messages).root()) == mime::kMaxMessageNesting);
}

TEST_CASE("an empty message is a message") {
  const mime::MessageSummary summary = mime::summarise("", 1600000000);
  CHECK(summary.size == 0);
  CHECK(summary.header_size == 0);
  CHECK(summary.guid.hex() == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST_CASE("the dates a lost index could be rebuilt from") {
  const mime::Message message = mime::parse_message(
      "Received: from a by b;\r\n Sat, 14 Nov 2020 23:11:12 -0530\r\nReceived: second; x\r\n"
      "X-DeliveredInternalDate: 15 Nov 2020\r\n\r\n");
  CHECK(message.received_date() == "Sat, 14 Nov 2020 23:11:12 -0530");
  CHECK(message.delivered_internaldate() == "15 Nov 2020");
  CHECK(mime::is_nil(mime::parse_message("To: x\r\n\r\n").received_date()));
}
