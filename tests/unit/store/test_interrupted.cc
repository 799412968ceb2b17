// What a process that died in the middle leaves, and how the next one goes on.
#include "format/mailbox/index_file.h"
#include "format/store/mailbox_view.h"
#include "format/store/repeated_delivery.h"
#include "tests/unit/store/bench.h"

using namespace cyr;
using test::Bench;

namespace {

constexpr std::int64_t kNow = 1795667300;
constexpr std::string_view kTrace = "Return-Path: <ann@example.org>\r\nReceived: from x by y with LMTP;\r\n";
constexpr std::string_view kMail = "Subject: twice\r\nMessage-ID: <twice@example.org>\r\n\r\nHello\r\n";

std::uint32_t append(Bench& bench, store::StagedMessage& staged) {
  const auto edit = bench.open("user/bovik", kNow);
  const auto uid = edit->append(staged, {});
  REQUIRE_OK(uid);
  REQUIRE_OK(edit->commit());
  return *uid;
}

std::uint32_t header_crc_in_index(const store::MailboxFiles& files) {
  auto file = File::open(posix_io(), files.index);
  REQUIRE_OK(file);
  const auto header = mailbox::read_index_header(*file);
  REQUIRE_OK(header);
  return header->header_file_crc;
}

void set_mtime(const fs::path& path, std::int64_t seconds) {
  REQUIRE_OK(posix_io().set_mtime(path, seconds, 0));
}

}  // namespace

TEST_CASE("a message linked by a process that died makes room, other files keep their names") {
  Bench bench("default");
  const auto files = bench.open("user/bovik", kNow)->files();
  const std::uint32_t next = bench.open("user/bovik", kNow)->index().last_uid + 1;
  const fs::path in_the_way = files.message(next);
  auto staged = bench.stage(kMail);

  SECTION("it is still in the stage directory") {
    const fs::path left = bench.temp / "spool/stage./1-2-3";
    test::write_text(left, "Subject: half delivered\r\n\r\n");
    REQUIRE_OK(posix_io().link(left, in_the_way));
    CHECK(append(bench, staged) == next);
    CHECK(test::read_text(in_the_way) == kMail);
    CHECK(posix_io().exists(left).value());
  }
  SECTION("nobody knows it: it waits for reconstruct, and so do new messages") {
    test::write_text(in_the_way, "Subject: from a backup\r\n\r\n");
    const auto refused = bench.open("user/bovik", kNow)->append(staged, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::corrupt);
    CHECK(refused.error().hint.find("reconstruct") != std::string::npos);
    CHECK(test::read_text(in_the_way) == "Subject: from a backup\r\n\r\n");
  }
  SECTION("copies of other messages are passed over, thousands of them") {
    test::write_text(bench.temp / "elsewhere", "Subject: a copy\r\n\r\n");
    for (std::uint32_t uid = next; uid < next + 1500; ++uid) {
      REQUIRE_OK(posix_io().link(bench.temp / "elsewhere", files.message(uid)));
    }
    CHECK(append(bench, staged) == next + 1500);
    CHECK(test::read_text(in_the_way) == "Subject: a copy\r\n\r\n");
  }
  SECTION("beside others the one in the stage directory is no proof: the index may be an old one") {
    test::write_text(bench.temp / "elsewhere", "Subject: stored since\r\n\r\n");
    REQUIRE_OK(posix_io().link(bench.temp / "elsewhere", files.message(next + 1)));
    const fs::path left = bench.temp / "spool/stage./1-2-3";
    test::write_text(left, "Subject: acknowledged\r\n\r\n");
    REQUIRE_OK(posix_io().link(left, in_the_way));
    CHECK(append(bench, staged) == next + 2);
    CHECK(test::read_text(in_the_way) == "Subject: acknowledged\r\n\r\n");
  }
}

TEST_CASE("a header that is newer than the CRC of it in the index was meant; an older one is damaged") {
  Bench bench("default");
  const auto files = bench.open("user/bovik", kNow)->files();
  const std::uint32_t before = header_crc_in_index(files);
  auto header = mailbox::decode_header(posix_io().read_file(files.header).value().bytes());
  REQUIRE_OK(header);
  header->flags.emplace_back("$Died");
  const auto bytes = mailbox::encode_header(*header, header->form);
  REQUIRE_OK(bytes);
  REQUIRE_OK(replace_file(posix_io(), files.header, *bytes, 0600));
  const std::uint32_t now = crc32(Bytes(*bytes));
  REQUIRE(now != before);
  set_mtime(files.index, kNow);

  SECTION("newer: the next commit of anybody puts it right") {
    set_mtime(files.header, kNow + 1);
    CHECK(store::MailboxView::open(*bench.store, bench.entry("user/bovik")).value()->header_outran_index());
    REQUIRE_OK(bench.open("user/bovik", kNow)->commit());
    CHECK(header_crc_in_index(files) == now);
    CHECK_FALSE(
        store::MailboxView::open(*bench.store, bench.entry("user/bovik")).value()->header_outran_index());
  }
  SECTION("newer, but of another mailbox: that is for reconstruct, too") {
    header->uniqueid = "somebodyelses";
    const auto foreign = mailbox::encode_header(*header, header->form);
    REQUIRE_OK(foreign);
    REQUIRE_OK(replace_file(posix_io(), files.header, *foreign, 0600));
    set_mtime(files.header, kNow + 1);
    REQUIRE_OK(bench.open("user/bovik", kNow)->commit());
    CHECK(header_crc_in_index(files) == before);
  }
  SECTION("older: that is for reconstruct") {
    set_mtime(files.header, kNow - 1);
    CHECK_FALSE(
        store::MailboxView::open(*bench.store, bench.entry("user/bovik")).value()->header_outran_index());
    auto staged = bench.stage(kMail);
    append(bench, staged);
    CHECK(header_crc_in_index(files) == before);
  }
}

TEST_CASE("a delivery that came to the mailbox but not to deliver.db is known again by its content") {
  Bench bench("default");
  const auto before = [&](const std::string& trace, std::string_view mail, std::int64_t now) {
    auto again = bench.stage(trace + std::string(mail));
    const auto edit = bench.open("user/bovik", now);
    const auto found = store::delivered_before(*bench.store, *edit, again, trace.size(), now);
    REQUIRE_OK(found);
    return *found;
  };
  const std::string later = "Return-Path: <ann@example.org>\r\nReceived: from other by y with LMTP;\r\n";
  CHECK(before(later, kMail, kNow) == std::nullopt);
  auto first = bench.stage(std::string(kTrace) + std::string(kMail));
  const std::uint32_t uid = append(bench, first);
  CHECK(before(later, kMail, kNow + 60) == uid);
  CHECK(posix_io().list(bench.temp / "spool/stage.").value().empty());  // nor can it be taken for abandoned
  CHECK(before(later, "Subject: twice\r\nMessage-ID: <twice@example.org>\r\n\r\nOther\r\n", kNow) ==
        std::nullopt);
  CHECK(before(later, kMail, kNow + 4 * 24 * 3600) == std::nullopt);  // deliver.db would have forgotten, too

  // What a client appended is no delivery.
  const std::string_view appended = "Subject: mine\r\nMessage-ID: <mine@example.org>\r\n\r\nHello\r\n";
  auto own = bench.stage(appended);
  append(bench, own);
  CHECK(before(later, appended, kNow) == std::nullopt);
}
