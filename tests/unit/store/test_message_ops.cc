// Append, flags, copy, move, \Recent. The files that must come out are those that the real imapd 3.6.1 wrote
// for the same commands at the same second (CRC-32 of cyrus.index, cyrus.cache, cyrus.header; quota record).
#include <map>

#include "format/store/deliveries.h"
#include "format/store/mailbox_view.h"
#include "tests/unit/store/bench.h"

using namespace cyr;
using store::MailboxView;
using test::Bench;
namespace flag = mailbox::flag;

namespace {

// What APPEND was given.
std::string golden_message(int n) {
  return fmt::format(
      "From: Ann <ann@example.org>\r\nTo: bovik@example.org\r\nSubject: golden {0}\r\n"
      "Date: Thu, 26 Nov 2026 04:{0:02}:00 +0000\r\nMessage-ID: <golden-{0}@example.org>\r\n\r\nHello "
      "{0}\r\n",
      n);
}

std::unique_ptr<MailboxView> view_of(Bench& bench, const std::string& name) {
  auto view = MailboxView::open(*bench.store, bench.entry(name));
  REQUIRE_OK(view);
  return std::move(*view);
}

// recnos of the live messages with these sequence numbers
std::vector<std::uint32_t> live(const MailboxView& view, std::uint32_t first, std::uint32_t last) {
  std::vector<std::uint32_t> out;
  std::uint32_t number = 0;
  for (std::uint32_t recno = 1; recno <= view.records().size(); ++recno) {
    if ((view.records().system_flags(recno) & flag::expunged) == 0 && ++number >= first && number <= last) {
      out.push_back(recno);
    }
  }
  return out;
}

void check_files(const Bench& bench, const store::MailboxFiles& files, const char* index, const char* cache,
                 const char* header) {
  CHECK(bench.crc(files.index) == index);
  CHECK(bench.crc(files.cache) == cache);
  CHECK(bench.crc(files.header) == header);
}

constexpr std::int64_t kTold = 1795667212;  // when INBOX was selected

void append_golden(Bench& bench) {
  const auto edit = bench.open("user/bovik", 1795667209);
  auto first = bench.stage(golden_message(1));
  const auto uid = edit->append(
      first,
      {.system_flags = flag::flagged | flag::seen, .user_flags = {"$Golden"}, .internaldate = 1795168800});
  REQUIRE_OK(uid);
  CHECK(*uid == 114);
  REQUIRE_OK(edit->commit());
  check_files(bench, edit->files(), "b7c55f77", "b977f7e8", "4907b456");
}

}  // namespace

TEST_CASE("a session's commands write what the real imapd writes") {
  Bench bench("default");
  append_golden(bench);
  const store::MailboxFiles inbox = bench.store->files(bench.entry("user/bovik")).value();
  const store::MailboxFiles drafts = bench.store->files(bench.entry("user/bovik/Drafts")).value();
  {
    const auto edit = bench.open("user/bovik", 1795667211);
    auto second = bench.stage(golden_message(2));
    REQUIRE_OK(edit->append(second, {}));
    REQUIRE_OK(edit->commit());
    check_files(bench, inbox, "be6c4da0", "f2e16463", "4907b456");
    CHECK(bench.quota("bovik") == "%(S (1192712 50000) M (115 9000) AS (105 100) NF (29 60) MODSEQ 217)\n");
    const auto info = posix_io().stat(inbox.message(115));
    REQUIRE_OK(info);
    CHECK(info->mtime == 1795667211);
  }
  {  // SELECT INBOX
    const auto edit = bench.open("user/bovik", kTold);
    edit->claim_recent();
    REQUIRE_OK(edit->commit());
    check_files(bench, inbox, "492a719e", "f2e16463", "4907b456");
  }
  auto view = view_of(bench, "user/bovik");
  {  // STORE 1:5 +FLAGS (\Answered NewKey), STORE 1:3 -FLAGS (\Seen)
    const auto edit = bench.open("user/bovik", 1795667214);
    store::FlagChange change{.set = flag::answered};
    const auto bit = edit->user_flag("NewKey");
    REQUIRE_OK(bit);
    change.set_user_flag(*bit);
    for (const std::uint32_t recno : live(*view, 1, 5)) {
      const auto at = edit->at(recno, view->records().uid(recno));
      REQUIRE_OK(at);
      CHECK(edit->change_flags(*at, change).value());
      const auto again = edit->at(recno, view->records().uid(recno));
      CHECK_FALSE(edit->change_flags(*again, {.clear = flag::seen}).value());
    }
    REQUIRE_OK(edit->commit());
    check_files(bench, inbox, "a33b7eed", "f2e16463", "5d68e43c");
  }
  auto change = view->refresh();
  REQUIRE_OK(change);
  CHECK(change->header_file);
  CHECK(change->changed == live(*view, 1, 5));
  CHECK(change->first_new == 0);
  {  // COPY 1:4 Drafts
    const auto edit = bench.open("user/bovik/Drafts", 1795667217);
    edit->act_for({"bovik", ""});  // a private annotation comes along
    std::uint32_t uid = 2;
    for (const std::uint32_t recno : live(*view, 1, 4)) {
      CHECK(edit->copy(*view, recno, {.system_flags = view->records().system_flags(recno)}).value() == uid++);
    }
    CHECK(edit->over_quota({0, 0, -1, -1}).value() == std::nullopt);
    CHECK(edit->over_quota({0, 9000 - 119 + 1, -1, -1}).value() == meta::Resource::message);
    REQUIRE_OK(edit->commit());
    check_files(bench, drafts, "7670dac5", "35f0b60e", "c45b2eb8");
    CHECK(posix_io().stat(drafts.message(2)).value().same_file(posix_io().stat(inbox.message(3)).value()));
    CHECK(bench.quota("bovik") == "%(S (1209990 50000) M (119 9000) AS (114 100) NF (29 60) MODSEQ 218)\n");
  }
  {  // MOVE 5:6 Drafts
    const auto moved = live(*view, 5, 6);
    {
      const auto edit = bench.open("user/bovik/Drafts", 1795667218);
      for (const std::uint32_t recno : moved) {
        REQUIRE_OK(edit->copy(*view, recno, {.system_flags = view->records().system_flags(recno)}));
      }
      REQUIRE_OK(edit->commit());
      check_files(bench, drafts, "0f614b47", "c00f2b85", "c45b2eb8");
    }
    const auto edit = bench.open("user/bovik", 1795667218);
    for (const std::uint32_t recno : moved) {
      REQUIRE_OK(edit->expunge(edit->at(recno, view->records().uid(recno)).value(), true));
    }
    REQUIRE_OK(edit->commit());
    check_files(bench, inbox, "cbf1c573", "f2e16463", "5d68e43c");
    CHECK(bench.quota("bovik") == "%(S (1209990 50000) M (119 9000) AS (114 100) NF (29 60) MODSEQ 220)\n");
  }
  {  // SELECT Drafts, EXPUNGE
    const auto edit = bench.open("user/bovik/Drafts", 1795667220);
    edit->claim_recent();
    REQUIRE_OK(edit->commit());
    CHECK(bench.crc(drafts.index) == "65365899");
  }
  const auto edit = bench.open("user/bovik/Drafts", 1795667221);
  REQUIRE_OK(edit->expunge(edit->at(2, 2).value()));
  REQUIRE_OK(edit->commit());
  check_files(bench, drafts, "07c7144e", "c00f2b85", "c45b2eb8");
  CHECK(bench.quota("bovik") == "%(S (1196550 50000) M (118 9000) AS (105 100) NF (29 60) MODSEQ 221)\n");
}

namespace {

// CRC-32 of all records of a database, `key NUL value LF` in the order of the keys.
std::string content(Bench& bench, const fs::path& path) {
  auto database = bench.store->open_database(path, conf::Option::conversations_db);
  REQUIRE_OK(database);
  std::map<std::string, std::string> records;
  REQUIRE_OK(
      (*database)->for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
        records.emplace(key, value);
        return db::Visit::go_on;
      }));
  std::string text;
  for (const auto& [key, value] : records) {
    text.append(key).append(1, '\0').append(value).append("\n");
  }
  return fmt::format("{:08x}", crc32(text));
}

constexpr const char* kReply =
    "From: Bob <bob@example.org>\r\nTo: bovik@example.org\r\nSubject: Re: golden 1\r\n"
    "Date: Thu, 26 Nov 2026 05:00:00 +0000\r\nMessage-ID: <reply-1@example.org>\r\n"
    "References: <golden-1@example.org>\r\nIn-Reply-To: <golden-1@example.org>\r\n\r\nreply\r\n";
constexpr const char* kOld =
    "From: Cc <cc@example.org>\r\nSubject: old one\r\nDate: Thu, 26 Nov 2020 05:00:00 +0000\r\n"
    "Message-ID: <old-1@example.org>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    "Content-Type: text/plain\r\n\r\npart one\r\n--b\r\nContent-Type: image/png\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";

// The records of the UIDs from `first` on that are live in the view, with a change of flags.
void store_flags(Bench& bench, MailboxView& view, std::uint32_t first, std::uint32_t last, std::int64_t now,
                 std::uint32_t set, const char* keyword) {
  auto edit = bench.open("user/bovik", now);
  edit->act_for({"bovik", ""});
  store::FlagChange change{.set = set};
  if (keyword != nullptr) {
    change.set_user_flag(edit->user_flag(keyword).value());
  }
  for (std::uint32_t recno = view.records().lower_bound(first);
       recno <= view.records().size() && view.records().uid(recno) <= last; ++recno) {
    const auto at = edit->at(recno, view.records().uid(recno));
    REQUIRE_OK(at);
    if (!at->record.has(flag::expunged)) {
      REQUIRE_OK(edit->change_flags(*at, change));
    }
  }
  REQUIRE_OK(edit->commit());
  edit.reset();
  REQUIRE_OK(view.refresh());
}

}  // namespace

TEST_CASE("conversations, counters and the archive follow the messages as with the real imapd") {
  Bench bench("modern");
  const fs::path conversations =
      bench.temp / "config/user/uuid/n/e/neue48wcqxr6p0h5ohjpcmrq/conversations.db";
  const store::MailboxFiles inbox = bench.store->files(bench.entry("user/bovik")).value();
  const store::MailboxFiles drafts = bench.store->files(bench.entry("user/bovik/Drafts")).value();
  struct Append {
    std::string text;
    store::AppendOptions options;
    std::int64_t now;
    const char* index;
    const char* conversations;
  };
  const Append appends[] = {
      {golden_message(1),
       {.system_flags = flag::flagged | flag::seen, .user_flags = {"$Golden"}, .internaldate = 1795168800},
       1795668946,
       "87504889",
       "ba128410"},
      {kReply, {.system_flags = flag::draft}, 1795668947, "f7f8f0cd", "aeed9857"},
      {kOld, {.internaldate = 1605866400}, 1795668949, "42062701", "8eb2dfdd"}};
  for (const auto& one : appends) {
    const auto edit = bench.open("user/bovik", one.now);
    edit->act_for({"bovik", ""});
    auto staged = bench.stage(one.text);
    REQUIRE_OK(edit->append(staged, one.options));
    REQUIRE_OK(edit->commit());
    CHECK(bench.crc(inbox.index) == one.index);
    CHECK(content(bench, conversations) == one.conversations);
  }
  CHECK(bench.crc(inbox.archive_cache) == "1a7b5161");
  {
    const auto edit = bench.open("user/bovik", 1795668951);
    edit->act_for({"bovik", ""});
    edit->claim_recent();
    REQUIRE_OK(edit->commit());
  }
  auto view = view_of(bench, "user/bovik");
  store_flags(bench, *view, 100, 200, 1795668954, flag::answered, "NewKey");
  CHECK(bench.crc(inbox.index) == "0fd9a9cb");
  CHECK(content(bench, conversations) == "1e8a4ad0");
  {
    const auto edit = bench.open("user/bovik/Drafts", 1795668956);
    edit->act_for({"bovik", ""});
    for (std::uint32_t recno = view->records().lower_bound(100); recno <= view->records().size(); ++recno) {
      const std::uint32_t flags = view->records().system_flags(recno);
      if ((flags & flag::expunged) == 0) {
        REQUIRE_OK(edit->copy(*view, recno, {.system_flags = flags}));
      }
    }
    REQUIRE_OK(edit->commit());
    CHECK(bench.crc(drafts.index) == "09630ff5");
    CHECK(content(bench, conversations) == "18ff5d29");
  }
  store_flags(bench, *view, 100, 115, 1795668957, flag::deleted, nullptr);
  CHECK(bench.crc(inbox.index) == "72d43527");
  CHECK(content(bench, conversations) == "407f5f31");
  {
    const auto edit = bench.open("user/bovik", 1795668959);
    edit->act_for({"bovik", ""});
    for (const std::uint32_t recno : live(*view, 1, UINT32_MAX)) {
      if ((view->records().system_flags(recno) & flag::deleted) != 0) {
        REQUIRE_OK(edit->expunge(edit->at(recno, view->records().uid(recno)).value()));
      }
    }
    REQUIRE_OK(edit->commit());
    CHECK(bench.crc(inbox.index) == "1f51b319");
    CHECK(content(bench, conversations) == "918c0e24");
  }
  REQUIRE_OK(view->refresh());
  const std::uint32_t last = view->records().find(116).value();
  {
    const auto edit = bench.open("user/bovik/Trash", 1795668962);
    edit->act_for({"bovik", ""});
    REQUIRE_OK(edit->copy(*view, last, {.system_flags = view->records().system_flags(last)}));
    REQUIRE_OK(edit->commit());
    CHECK(bench.crc(edit->files().index) == "9353e6c9");
  }
  const auto edit = bench.open("user/bovik", 1795668962);
  edit->act_for({"bovik", ""});
  REQUIRE_OK(edit->expunge(edit->at(last, 116).value(), true));
  REQUIRE_OK(edit->commit());
  CHECK(bench.crc(inbox.index) == "ef6ebc42");
  CHECK(content(bench, conversations) == "b8496ad6");
}

TEST_CASE("what another user has read is kept in the user's seen database") {
  Bench bench("default");
  const std::string name = "bb";
  const auto stored = [&] {
    const auto database = bench.store->open_database(
        bench.temp / "config/user/uuid/s/k/skfrkjcjt2wo4jdv6q4pcnl5/seen.db", conf::Option::seenstate_db);
    REQUIRE_OK(database);
    return (*database)->get("t8ckbtsn5lutkugosrhidlwc").value().value_or("nothing");
  };
  const auto edit_as_ted = [&](std::int64_t now) {
    auto edit = bench.open(name, now);
    edit->act_for({"ted", ""});
    return edit;
  };
  {
    const auto edit = edit_as_ted(1795670471);
    auto staged = bench.stage(golden_message(1));
    REQUIRE_OK(edit->append(staged, {.system_flags = flag::seen}));
    REQUIRE_OK(edit->commit());
    CHECK(bench.crc(edit->files().index) == "7a75a02c");
    CHECK(stored() == "1 1795329484 15 1795670471 1:3,7,9:11,16");
  }
  {
    const auto edit = edit_as_ted(1795670477);
    auto staged = bench.stage(golden_message(2));
    REQUIRE_OK(edit->append(staged, {}));
    REQUIRE_OK(edit->commit());
    CHECK(bench.crc(edit->files().index) == "e8512ddc");
  }
  {  // SELECT
    const auto edit = edit_as_ted(1795670482);
    edit->claim_recent();
    REQUIRE_OK(edit->commit());
    CHECK(bench.crc(edit->files().index) == "e8512ddc");
    CHECK(stored() == "1 1795670482 17 1795670477 1:3,7,9:11,16");
  }
  {  // STORE 1:2 +FLAGS (\Seen), STORE 2 -FLAGS (\Seen)
    const auto edit = edit_as_ted(1795670499);
    CHECK_FALSE(edit->change_flags(edit->at(1, 1).value(), {.set = flag::seen}).value());
    CHECK(edit->change_flags(edit->at(2, 2).value(), {.clear = flag::seen}).value());
    REQUIRE_OK(edit->commit());
    CHECK(bench.crc(edit->files().index) == "a5e72c4c");
    CHECK(stored() == "1 1795670499 17 1795670477 1,3,7,9:11,16");
  }
  // COPY 1:3 INBOX: what ted has read is \Seen there
  const auto view = view_of(bench, name);
  const auto seen = store::read_seen(*bench.store, {"ted", ""}, view->header().uniqueid);
  REQUIRE_OK(seen);
  const auto edit = bench.open("user/ted", 1795670506);
  edit->act_for({"ted", ""});
  for (std::uint32_t recno = 1; recno <= 3; ++recno) {
    const std::uint32_t flags = view->records().system_flags(recno) & ~flag::seen;
    const bool read = seen->uids.contains(view->records().uid(recno));
    REQUIRE_OK(edit->copy(*view, recno, {.system_flags = flags | (read ? flag::seen : 0)}));
  }
  REQUIRE_OK(edit->commit());
  CHECK(bench.crc(edit->files().index) == "7e864672");
}

TEST_CASE("a delivery is remembered as the real lmtpd does") {
  Bench bench("default");
  auto deliveries = store::Deliveries::open(*bench.store);
  REQUIRE_OK(deliveries);
  store::DeliveryKey key{"<alternative.2.663664862@example.org>", "jx0mh2fjo9nyhs55mku417yg",
                         "Mon, 3 Feb 2003 11:55:05 +0200"};
  CHECK(deliveries->find(key).value() == 1795329482);  // by the real one
  REQUIRE_OK(deliveries->mark({{key, 2}}, 1795329482));
  const auto database =
      bench.store->open_database(bench.store->paths().deliver_db(), conf::Option::duplicate_db);
  REQUIRE_OK(database);
  const std::string raw = key.id + '\0' + key.to + '\0' + key.date + '\0';
  CHECK((*database)->get(raw).value() == std::string("\xca\x8d\x02k\0\0\0\0\2\0\0\0\0\0\0\0", 16));
  key.date.clear();
  CHECK(deliveries->find(key).value() == std::nullopt);
  key.id.clear();  // nothing to tell it by
  REQUIRE_OK(deliveries->mark({{key, 3}}, 1795329482));
  CHECK(deliveries->find(key).value() == std::nullopt);
}

TEST_CASE("a message is refused, repaired or munged as Cyrus does") {
  Bench bench("default");
  using store::MessageFault;
  using store::SourceOf;
  struct Case {
    const char* text;
    std::size_t size;
    SourceOf source;
    MessageFault fault;
    const char* stored;  // nullptr: the same
  };
  const auto one = GENERATE(
      Case{"A: b\r\n\r\nx\r\n", 11, SourceOf::append, MessageFault::none, nullptr},
      Case{"", 0, SourceOf::append, MessageFault::empty, nullptr},
      Case{"abcde", 5, SourceOf::append, MessageFault::bad_header, nullptr},
      Case{"abcde\r\n\r\nx", 10, SourceOf::append, MessageFault::bad_header, nullptr},
      Case{":b\r\n\r\n", 6, SourceOf::append, MessageFault::bad_header, nullptr},
      Case{"From a@b Thu\r\nA: b\r\n\r\n", 22, SourceOf::append, MessageFault::none, nullptr},
      Case{"A: b\r\n more\r\nB : c\r\n\r\n", 22, SourceOf::append, MessageFault::bad_header, nullptr},
      Case{"A: b\n\r\nx", 8, SourceOf::append, MessageFault::bare_newline, nullptr},
      Case{"A: b\r\n\r\na\0b", 11, SourceOf::append, MessageFault::nul, nullptr},
      Case{"A: b\r\n\r\na\0b\n", 12, SourceOf::binary, MessageFault::none, nullptr},
      Case{"A: b\r\n\r\na\rb\nc\r\n", 15, SourceOf::delivery, MessageFault::none, "A: b\r\n\r\nab\r\nc\r\n"},
      Case{"A: \xe4\r\n\r\n\xe4\r\n", 11, SourceOf::append, MessageFault::none, "A: X\r\n\r\n\xe4\r\n"});
  const std::string_view text(one.text, one.size);
  CAPTURE(text);
  auto staged = bench.stage(text, one.source);
  CHECK(staged.fault() == one.fault);
  CHECK(staged.bytes().value().text() == (one.stored != nullptr ? std::string_view(one.stored) : text));
  if (one.fault != MessageFault::none) {
    const auto edit = bench.open("user/bovik", 1795667209);
    CHECK_FALSE(edit->append(staged, {}));
  }
}

TEST_CASE("a view keeps its messages until it is closed") {
  Bench bench("default", "immediate");
  auto view = view_of(bench, "user/bovik");
  const auto last = live(*view, 80, 80).front();
  const std::uint32_t uid = view->records().uid(last);
  {
    const auto edit = bench.open("user/bovik", 1795667214);
    REQUIRE_OK(edit->expunge(edit->at(last, uid).value()));
    REQUIRE_OK(edit->commit());
    CHECK(edit->postponed());
  }
  CHECK(view->is_stale().value());
  REQUIRE_OK(view->message(last));
  CHECK(view->refresh().value().changed == std::vector<std::uint32_t>{last});
  const fs::path file = view->files().message(uid);
  REQUIRE_OK(MailboxView::close(std::move(view), bench.locks, 1795667215));
  CHECK_FALSE(posix_io().exists(file).value());
  CHECK(view_of(bench, "user/bovik")->records().find(uid) == std::nullopt);
}

TEST_CASE("one staged message is one file in several mailboxes, and leaves no stage file") {
  Bench bench("default");
  const auto partition = bench.temp / "spool/stage.";
  {
    auto staged = bench.stage(golden_message(3));
    std::vector<fs::path> paths;
    for (const char* name : {"user/bovik", "user/ted"}) {
      const auto edit = bench.open(name, 1795667300);
      const auto uid = edit->append(staged, {});
      REQUIRE_OK(uid);
      REQUIRE_OK(edit->commit());
      paths.push_back(edit->files().message(*uid));
    }
    CHECK(posix_io().stat(paths[0]).value().same_file(posix_io().stat(paths[1]).value()));
    CHECK(posix_io().list(partition).value().size() == 1);
  }
  CHECK(posix_io().list(partition).value().empty());
}

TEST_CASE("a damaged cache record is made anew for the reader") {
  Bench bench("default");
  auto view = view_of(bench, "user/bovik");
  const auto good = view->cached(1);
  REQUIRE_OK(good);
  auto file = File::open(posix_io(), view->files().cache, {.write = true});
  REQUIRE_OK(file);
  REQUIRE_OK(file->write(as_bytes("????"), view->records().record(1).value().cache_offset));
  auto again = view_of(bench, "user/bovik");
  CHECK(as_text(again->cached(1).value().whole()) == as_text(good->whole()));
}
