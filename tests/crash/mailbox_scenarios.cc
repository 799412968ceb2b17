#include "tests/crash/mailbox_scenarios.h"

#include <fmt/format.h>

#include <boost/filesystem/operations.hpp>
#include <stdexcept>

#include "format/check/checker.h"
#include "format/check/convert_target.h"
#include "format/check/undo.h"
#include "format/store/mailbox_admin.h"
#include "format/store/remove_mailbox.h"

namespace cyr::test {

namespace {

namespace flag = mailbox::flag;
using store::MailboxEdit;
using store::MailboxView;
using store::NumberedRecord;

const std::string new_name = "user.fred.New Place";

// ---- changes of a session or of a delivery ----

Status append(Opened& opened) {
  CYR_TRY(const auto mailbox, opened.edit(site_mailbox));
  std::vector<store::StagedMessage> messages;
  messages.reserve(2);
  for (const char* subject : {"one", "two"}) {
    CYR_TRY(auto staged, store::StagedMessage::create(*opened.store, "default"));
    CYR_CHECK(staged.write(
        fmt::format("From: a@example.org\r\nSubject: {}\r\n\r\n{}\r\n", subject, std::string(900, 'x'))));
    CYR_CHECK(staged.finish());
    messages.push_back(std::move(staged));
    CYR_CHECK(mailbox->append(messages.back(),
                              {.internaldate = site_now, .annotations = {{"/comment", "", subject}}}));
  }
  return mailbox->commit();
}

Status copy(Opened& opened) {
  CYR_TRY(const auto view, MailboxView::open(*opened.store, opened.entry(site_mailbox)));
  CYR_TRY(const auto mailbox, opened.edit(site_expunged));
  for (std::uint32_t recno = 1; recno <= view->records().size(); ++recno) {
    CYR_CHECK(mailbox->copy(*view, recno, {}));
  }
  return mailbox->commit();
}

// Calls `change` with each record, then commits.
Status change_each(Opened& opened, std::string_view name,
                   const std::function<Status(MailboxEdit& mailbox, const NumberedRecord& at)>& change) {
  CYR_TRY(const auto mailbox, opened.edit(name));
  std::vector<NumberedRecord> all;
  CYR_CHECK(mailbox->for_each([&](const NumberedRecord& at) {
    all.push_back(at);
    return success();
  }));
  for (const auto& at : all) {
    CYR_CHECK(change(*mailbox, at));
  }
  return mailbox->commit();
}

Status change_flags(Opened& opened) {
  return change_each(opened, site_mailbox, [](MailboxEdit& mailbox, const NumberedRecord& at) -> Status {
    CYR_TRY(const auto bit, mailbox.user_flag("Invented"));
    store::FlagChange change{.set = flag::flagged, .clear = flag::answered};
    change.set_user_flag(bit);
    CYR_CHECK(mailbox.change_flags(at, change));
    return success();
  });
}

Status expunge(Opened& opened) {
  return change_each(opened, site_mailbox, [](MailboxEdit& mailbox, const NumberedRecord& at) {
    return at.recno % 2 == 0 ? mailbox.expunge(at) : success();
  });
}

void expunge_at_once(Site& site) {
  write_text(site.conf(),
             replace_all(read_text(site.conf()), "expunge_mode: delayed", "expunge_mode: immediate"));
}

// ---- companions ----

Status restore(Opened& opened, bool keep_uid) {
  return change_each(opened, site_expunged, [&](MailboxEdit& mailbox, const NumberedRecord& at) -> Status {
    if (at.record.has(flag::expunged)) {
      CYR_CHECK(mailbox.restore(at, {.keep_uid = keep_uid, .undelete = true}));
    }
    return success();
  });
}
Status restore_copies(Opened& opened) { return restore(opened, false); }
Status restore_in_place(Opened& opened) { return restore(opened, true); }

Status expire(Opened& opened) {
  CYR_TRY(const auto mailbox, opened.edit(site_expunged));
  CYR_CHECK(mailbox->erase_expunged(site_now));
  return mailbox->commit();
}

void make_archive(Site& site) { fs::create_directories(site.root() / "archive"); }

Status archive(Opened& opened) {
  return change_each(opened, site_mailbox,
                     [](MailboxEdit& mailbox, const NumberedRecord& at) { return mailbox.archive(at); });
}

// ---- administration ----

store::Administration administration(Opened& opened) {
  return {*opened.store, opened.locks, store::offline_admin(opened.store->config()), site_now};
}

Status create(Opened& opened) {
  auto admin = administration(opened);
  CYR_CHECK(store::create_mailbox(admin, {.name = new_name}));
  return success();
}

Status rename(Opened& opened) {
  auto admin = administration(opened);
  return store::rename_mailbox(admin, {.from = std::string(site_mailbox), .to = new_name});
}

Status remove_delayed(Opened& opened) {
  auto admin = administration(opened);
  return store::delete_mailbox(admin, {.name = std::string(site_mailbox), .check_rights = false});
}

Status remove_now(Opened& opened) {
  return store::remove_mailbox(*opened.store, opened.entry(site_mailbox), opened.locks);
}

// ---- reconstruct ----

class NoReport : public check::Reporter {
 public:
  void report(const check::Finding& /*finding*/) override {}
};

Status check_both(Opened& opened, const check::Options& options) {
  store::SavedCopies saved(opened.io(), opened.store->saved_roots(), "interrupted", true);
  check::Checker checker(*opened.store, options, saved, opened.locks);
  NoReport reporter;
  for (const auto name : {site_mailbox, site_expunged}) {
    CYR_CHECK(checker.mailbox(opened.entry(name), reporter));
  }
  return success();
}

Status reconstruct(Opened& opened) {
  check::Options options;
  options.now = site_now;
  return check_both(opened, options);
}

Status convert(Opened& opened, std::string_view version) {
  check::Options options;
  options.accept_loss = true;
  options.now = site_now;
  CYR_TRY(options.convert, check::parse_convert_target(version, *opened.store));
  return check_both(opened, options);
}
Status convert_down(Opened& opened) { return convert(opened, "10"); }
Status convert_up(Opened& opened) { return convert(opened, "17"); }

void run_before(Site& site, Status (*operation)(Opened&)) {
  UnsyncedIo io(posix_io());
  Opened opened(io, site.conf());
  if (const Status done = operation(opened); !done) {
    throw std::runtime_error(done.error().text());
  }
}
void be_old(Site& site) { run_before(site, convert_down); }

store::MailboxFiles files_of(const Site& site, std::string_view name) {
  const Opened opened(posix_io(), site.conf());
  return opened.store->files(opened.entry(name)).value();
}

void lose_index(Site& site) { fs::remove(files_of(site, site_mailbox).index); }
void lose_header(Site& site) { fs::remove(files_of(site, site_mailbox).header); }
void lose_cache(Site& site) { fs::remove(files_of(site, site_mailbox).cache); }

void zero_block(Site& site) {
  const fs::path index = files_of(site, site_mailbox).index;
  std::string bytes = read_text(index);
  std::fill(bytes.begin() + 180, bytes.begin() + 400, '\0');
  write_text(index, bytes);
}

void mix_files(Site& site) {
  const auto files = files_of(site, site_mailbox);
  fs::rename(files.message(1), files.data / "swap");
  fs::rename(files.message(2), files.message(1));
  fs::rename(files.data / "swap", files.message(2));
  write_text(files.message(3), "");
  write_text(files.message(90), "From: found@example.org\r\n\r\nfound\r\n");
}

void damage_and_repair(Site& site) {
  zero_block(site);
  lose_cache(site);
  mix_files(site);
  run_before(site, reconstruct);
}

// By force, since the disks of the crash states have no times of change.
Status undo(Opened& opened) {
  CYR_TRY(const auto undo, check::Undo::open(*opened.store, "interrupted", "back", {.force = true}));
  store::SavedCopies saved(opened.io(), opened.store->saved_roots(), undo->by(), true);
  for (const auto& name : undo->mailboxes()) {
    CYR_TRY(const auto summary, undo->undo(name, saved, opened.locks));
    if (!summary.done) {
      return make_error(Errc::invalid,
                        "not undone: " + (summary.conflicts.empty() ? "" : summary.conflicts.front()));
    }
  }
  return undo->finish(saved);
}

}  // namespace

const std::vector<MailboxScenario>& mailbox_scenarios() {
  static const std::vector<MailboxScenario> all = {
      {"append", "default", After::either, nullptr, append},
      {"append, conversations", "modern", After::either, nullptr, append},
      {"append, index v10", "default", After::either, be_old, append},
      {"copy", "default", After::either, nullptr, copy},
      {"flags", "default", After::either, nullptr, change_flags},
      {"expunge", "default", After::either, nullptr, expunge},
      {"expunge at once", "default", After::either, expunge_at_once, expunge},
      {"expunge, conversations", "modern", After::either, nullptr, expunge},
      {"unexpunge", "default", After::either, nullptr, restore_copies},
      {"unexpunge in place", "default", After::either, nullptr, restore_in_place},
      {"expire", "default", After::either, nullptr, expire},
      {"archive", "modern", After::either, make_archive, archive},
      {"create", "default", After::either, nullptr, create},
      {"rename, by id", "default", After::either, nullptr, rename},
      {"rename, by name", "classic", After::either, nullptr, rename},
      {"delete, delayed", "classic", After::either, nullptr, remove_delayed},
      {"delete", "default", After::either, nullptr, remove_now},
      {"reconstruct, intact", "default", After::repaired, nullptr, reconstruct},
      {"reconstruct, index lost", "default", After::repaired, lose_index, reconstruct},
      {"reconstruct, header lost", "default", After::repaired, lose_header, reconstruct},
      {"reconstruct, cache lost", "default", After::repaired, lose_cache, reconstruct},
      {"reconstruct, block lost", "default", After::repaired, zero_block, reconstruct},
      {"reconstruct, files mixed", "default", After::repaired, mix_files, reconstruct},
      {"convert down", "classic", After::either, nullptr, convert_down},
      {"convert up", "classic", After::either, be_old, convert_up},
      {"undo", "default", After::undone, damage_and_repair, undo},
  };
  return all;
}

}  // namespace cyr::test
