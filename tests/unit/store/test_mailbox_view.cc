// A mailbox that is open for reading while others change, damage and replace its files.
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/store/mailbox_view.h"
#include "tests/unit/store/bench.h"

using namespace cyr;
using store::MailboxView;
using test::Bench;
namespace flag = mailbox::flag;

namespace {

constexpr std::int64_t kOthersChange = 1795667300;

std::unique_ptr<MailboxView> view_of(Bench& bench) {
  auto view = MailboxView::open(*bench.store, bench.entry("user/bovik"));
  REQUIRE_OK(view);
  return std::move(*view);
}

// As another process does it.
void change(Bench& bench, std::uint32_t recno, std::uint32_t uid, const store::FlagChange& change) {
  const auto edit = bench.open("user/bovik", kOthersChange);
  CHECK(edit->change_flags(edit->at(recno, uid).value(), change).value());
  REQUIRE_OK(edit->commit());
}

File index_of(const MailboxView& view) {
  auto file = File::open(posix_io(), view.files().index, {.write = true});
  REQUIRE_OK(file);
  return std::move(*file);
}

std::uint64_t place(const MailboxView& view, std::uint32_t recno, std::size_t byte) {
  return view.index().start_offset + std::uint64_t{recno - 1} * view.index().record_size + byte;
}

void flip(File& file, std::uint64_t offset) {
  Buffer one(1);
  REQUIRE_OK(file.read_exactly(one, offset));
  one[0] ^= std::byte{1};
  REQUIRE_OK(file.write(one, offset));
}

constexpr std::size_t kSize = 12, kSystemFlags = 35;  // bytes of a record of version 17

}  // namespace

TEST_CASE("a view shows what it read until it is refreshed") {
  Bench bench("default");
  auto view = view_of(bench);
  const std::uint32_t uid = view->records().uid(5);
  const std::uint32_t flags = view->records().system_flags(5);
  const std::uint64_t modseq = view->records().modseq(5);
  const bool set = (flags & flag::flagged) == 0;
  change(bench, 5, uid, {.set = set ? flag::flagged : 0, .clear = set ? 0 : flag::flagged});
  CHECK(view->records().system_flags(5) == flags);
  const auto record = view->records().record(5);  // read after the change
  REQUIRE_OK(record);
  CHECK(record->system_flags == flags);
  CHECK(record->modseq == modseq);
  CHECK(record->uid == uid);

  const auto found = view->refresh();
  REQUIRE_OK(found);
  CHECK(found->any);
  CHECK_FALSE(found->replaced);
  CHECK(found->changed == std::vector<std::uint32_t>{5});
  CHECK(found->first_new == 0);
  CHECK(view->records().system_flags(5) == (flags ^ flag::flagged));
  CHECK(view->records().modseq(5) > modseq);
  CHECK(view->records().record(5).value().modseq == view->records().modseq(5));
  CHECK_FALSE(view->refresh()->any);
}

TEST_CASE("a refreshed view has others' keywords, messages and expunges") {
  Bench bench("default");
  auto view = view_of(bench);
  const std::uint32_t count = view->records().size();
  {
    const auto edit = bench.open("user/bovik", kOthersChange);
    const auto bit = edit->user_flag("$Refreshed");
    REQUIRE_OK(bit);
    store::FlagChange keyword;
    keyword.set_user_flag(*bit);
    CHECK(edit->change_flags(edit->at(3, view->records().uid(3)).value(), keyword).value());
    REQUIRE_OK(edit->expunge(edit->at(7, view->records().uid(7)).value()));
    auto staged = bench.stage("From: a@b\r\n\r\nx\r\n");
    REQUIRE_OK(edit->append(staged, {.user_flags = {"$Refreshed"}}));
    REQUIRE_OK(edit->commit());
  }
  const auto found = view->refresh();
  REQUIRE_OK(found);
  CHECK(found->header_file);
  CHECK(found->changed == std::vector<std::uint32_t>{3, 7});
  CHECK(found->first_new == count + 1);
  REQUIRE(view->records().size() == count + 1);
  CHECK((view->records().system_flags(7) & flag::expunged) != 0);
  const auto bit = mailbox::find_flag(view->header(), "$Refreshed");
  REQUIRE(bit);
  CHECK(view->records().user_flag(3, *bit));
  CHECK_FALSE(view->records().user_flag(4, *bit));
  CHECK(view->records().user_flag(count + 1, *bit));
  CHECK(view->records().record(count + 1).value().user_flag(*bit));
  CHECK(view->message(count + 1).value().text() == "From: a@b\r\n\r\nx\r\n");
}

// Before v8 nothing in the header tells of it.
TEST_CASE("a keyword that is set in an index without modseqs is seen by its session and by others") {
  Bench bench("versions");
  auto view = view_of(bench);
  auto other = view_of(bench);
  REQUIRE_FALSE(mailbox::has_modseq(view->index().minor_version));
  const bool had = view->records().user_flag(5, 0);
  store::FlagChange keyword;
  had ? keyword.clear_user_flag(0) : keyword.set_user_flag(0);
  change(bench, 5, view->records().uid(5), keyword);
  const Buffer& header = view->index().raw;  // the same before and after
  CHECK(view->refresh({header, header, {5}}).value().changed == std::vector<std::uint32_t>{5});
  CHECK(view->records().user_flag(5, 0) != had);
  CHECK(other->is_stale().value());
  CHECK(other->refresh().value().changed == std::vector<std::uint32_t>{5});
  CHECK_FALSE(other->is_stale().value());
  CHECK_FALSE(other->refresh()->any);
}

TEST_CASE("of an own change only its records are read again, unless somebody else wrote, too") {
  Bench bench("default");
  auto view = view_of(bench);
  const auto own_change = [&](std::uint32_t recno) {
    store::OwnChange own;
    const auto edit = bench.open("user/bovik", kOthersChange);
    const auto at = edit->at(recno, view->records().uid(recno)).value();
    const bool set = !at.record.has(flag::flagged);
    own.before = edit->index().raw;
    own.recnos = {recno};
    CHECK(edit->change_flags(at, {.set = set ? flag::flagged : 0, .clear = set ? 0 : flag::flagged}).value());
    REQUIRE_OK(edit->commit());
    own.after = mailbox::encode_index_header(edit->index()).value();
    return own;
  };
  const auto agrees = [&] {
    const auto fresh = view_of(bench);
    CHECK(view->index().raw == fresh->index().raw);
    for (std::uint32_t recno = 1; recno <= fresh->records().size(); ++recno) {
      CHECK(view->records().same(recno, fresh->records()));
      CHECK(view->records().record(recno).value() == fresh->records().record(recno).value());
    }
  };
  const store::OwnChange quiet = own_change(5);
  File file = index_of(*view);
  flip(file, place(*view, 9, kSystemFlags));  // not looked at
  CHECK(view->refresh(quiet).value().changed == std::vector<std::uint32_t>{5});
  flip(file, place(*view, 9, kSystemFlags));
  agrees();

  const store::OwnChange followed = own_change(6);
  (void)own_change(7);
  CHECK(view->refresh(followed).value().changed == std::vector<std::uint32_t>{6, 7});
  agrees();

  (void)own_change(8);
  const store::OwnChange late = own_change(9);
  CHECK(view->refresh(late).value().changed == std::vector<std::uint32_t>{8, 9});
  agrees();

  const store::OwnChange damaged = own_change(10);
  flip(file, place(*view, 10, kSize));
  CHECK(view->refresh(damaged).error().code == Errc::corrupt);
  CHECK(view->is_stale().value());
  flip(file, place(*view, 10, kSize));
  CHECK(view->refresh(damaged).value().changed == std::vector<std::uint32_t>{10});
  agrees();
}

TEST_CASE("a record that is damaged under an open view is an error when it is wanted, and for the next one") {
  Bench bench("default");
  auto view = view_of(bench);
  File file = index_of(*view);
  const std::uint32_t uid = view->records().uid(5);
  flip(file, place(*view, 5, kSize));
  REQUIRE_OK(view->records().record(4));
  CHECK(view->records().record(5).error().code == Errc::corrupt);
  CHECK(view->message(5).error().code == Errc::corrupt);
  CHECK(view->cached(5).error().code == Errc::corrupt);
  CHECK(view->records().uid(5) == uid);  // what was read stays
  REQUIRE_OK(view->records().record(6));
  CHECK(MailboxView::open(*bench.store, bench.entry("user/bovik")).error().code == Errc::corrupt);
  flip(file, place(*view, 5, kSize));
  REQUIRE_OK(view->records().record(5));
}

TEST_CASE("a refresh that finds damage changes nothing, holds no lock, and works when the damage is mended") {
  Bench bench("default");
  auto view = view_of(bench);
  const std::uint32_t count = view->records().size();
  const std::uint32_t flags = view->records().system_flags(5);
  change(bench, 9, view->records().uid(9), {.set = flag::flagged | flag::answered | flag::draft});
  File file = index_of(*view);
  flip(file, place(*view, 5, kSystemFlags));
  for (int again = 0; again < 2; ++again) {
    CHECK(view->refresh().error().code == Errc::corrupt);
    CHECK(view->is_stale().value());
    REQUIRE(view->records().size() == count);
    CHECK(view->records().system_flags(5) == flags);
    REQUIRE_OK(view->records().record(6));
  }
  REQUIRE_OK(file.lock(LockMode::exclusive, LockWait::try_once));
  REQUIRE_OK(file.unlock());
  flip(file, place(*view, 5, kSystemFlags));
  CHECK(view->refresh().value().changed == std::vector<std::uint32_t>{9});
}

TEST_CASE("an index that is cut short under an open view costs the messages, not the process") {
  Bench bench("default");
  auto view = view_of(bench);
  const std::uint32_t count = view->records().size();
  REQUIRE(count > 20);
  File file = index_of(*view);
  REQUIRE_OK(file.truncate(place(*view, 11, 30)));
  REQUIRE_OK(view->records().record(10));
  for (const std::uint32_t recno : {11U, 12U, count}) {
    CHECK(view->records().record(recno).error().code == Errc::corrupt);
    CHECK(view->message(recno).error().code == Errc::corrupt);
  }
  CHECK_FALSE(view->refresh()->any);  // the header is the same
  REQUIRE_OK(file.truncate(10));
  CHECK_FALSE(view->refresh());
  CHECK(view->records().size() == count);
}

TEST_CASE("an index that was replaced is told from one that was changed") {
  Bench bench("default");
  auto view = view_of(bench);
  Buffer copy;
  {
    const auto bytes = posix_io().read_file(view->files().index);
    REQUIRE_OK(bytes);
    copy.assign(bytes->bytes().begin(), bytes->bytes().end());
  }
  mailbox::IndexImage image = mailbox::decode_index(copy).value();
  image.header.uidvalidity += 1;
  image.records.erase(image.records.begin() + 2);
  image.header.num_records -= 1;
  REQUIRE_OK(replace_file(posix_io(), view->files().index, mailbox::encode_index(image).value()));
  const auto found = view->refresh();
  REQUIRE_OK(found);
  CHECK(found->replaced);
  CHECK(view->index().uidvalidity == image.header.uidvalidity);
  REQUIRE(view->records().size() == image.records.size());
  CHECK(view->records().record(3).value() == image.records[2]);
  CHECK_FALSE(view->refresh()->any);
}

TEST_CASE("the header of a message is read alone, and not from a file of another size") {
  Bench bench("default");
  auto view = view_of(bench);
  for (std::uint32_t recno = 1; recno <= 20; ++recno) {
    const mailbox::IndexRecord record = view->records().record(recno).value();
    const auto whole = view->message(recno);
    const auto header = view->message_header(recno);
    REQUIRE_OK(whole);
    REQUIRE_OK(header);
    CHECK(header->text() == whole->text().substr(0, record.header_size));
  }
  const fs::path path = view->message_path(view->records().record(1).value());
  auto file = File::open(posix_io(), path, {.write = true});
  REQUIRE_OK(file);
  REQUIRE_OK(file->write(as_bytes("x"), file->info()->size));
  CHECK(view->message_header(1).error().text() == view->message(1).error().text());
  REQUIRE_OK(posix_io().unlink(path));
  CHECK(view->message_header(1).error().code == Errc::not_found);
}

TEST_CASE("a cache record is made anew after the cache was damaged and the mailbox changed") {
  Bench bench("default");
  auto view = view_of(bench);
  const std::string good(as_text(view->cached(1).value().whole()));
  auto file = File::open(posix_io(), view->files().cache, {.write = true});
  REQUIRE_OK(file);
  REQUIRE_OK(file->write(as_bytes("????"), view->records().record(1).value().cache_offset + 4));
  change(bench, 9, view->records().uid(9), {.set = flag::flagged | flag::answered | flag::draft});
  REQUIRE_OK(view->refresh());
  CHECK(as_text(view->cached(1).value().whole()) == good);
}
