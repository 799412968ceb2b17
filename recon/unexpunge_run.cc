#include "recon/unexpunge_run.h"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/store/select.h"

namespace cyr::recon {

namespace {

using store::NumberedRecord;

class Run {
 public:
  Run(std::shared_ptr<const conf::Config> config, const UnexpungeOptions& options)
      : config_(std::move(config)), options_(options), now_(static_cast<std::int64_t>(std::time(nullptr))) {}

  Result<int> run() {
    Io& io = options_.list || options_.dry_run ? read_only_io() : posix_io();
    CYR_TRY(store_, store::Store::open(io, config_));
    std::vector<std::string> arguments;
    if (!options_.mailbox.empty()) {
      arguments.push_back(options_.mailbox);
    }
    CYR_TRY(const auto selection,
            store::select_mailboxes(*store_, arguments, {.recursive = options_.recursive, .users = false}));
    for (const auto& entry : selection.unreadable) {
      fail(entry.name, entry.error);
    }
    for (const auto& name : selection.unmatched) {
      failed_to_open(name, "Mailbox does not exist", cli::exit_unavailable);
    }
    several_ = arguments.empty() || selection.entries.size() > 1;
    for (const auto& entry : selection.entries) {
      if (cli::stop_requested()) {
        return make_error(Errc::cancelled, "stopped by a signal");
      }
      if (const Status done = options_.list ? list(entry) : restore(entry); !done) {
        failed_to_open(store_->external_name(entry.name), done.error().text(), exit_status(done.error()));
        if (!done.error().hint.empty()) {
          fmt::print(stderr, "unexpunge: hint: {}\n", printable(done.error().hint));
        }
      }
    }
    conversations_.print("unexpunge");
    return status_;
  }

 private:
  void note(int status) { status_ = status_ == cli::exit_ok ? status : status_; }

  void fail(const std::string& name, const Error& error) {
    std::fflush(stdout);
    fmt::print(stderr, "unexpunge: {}: {}\n", printable(name), printable(error.text()));
    note(exit_status(error));
  }

  void failed_to_open(const std::string& name, std::string_view reason, int status) {
    std::fflush(stdout);
    fmt::print(stderr, "Failed to open mailbox {}: {}\n", printable(name), printable(reason));
    note(status);
  }

  [[nodiscard]] bool wanted(const mailbox::IndexRecord& record) const {
    return record.has(mailbox::flag::expunged) && !record.has(mailbox::flag::unlinked) &&
           (options_.uids.empty() || options_.uids.contains(record.uid)) &&
           (!options_.within || static_cast<std::int64_t>(record.last_updated) >= now_ - *options_.within);
  }

  Status list(const meta::MailboxEntry& entry) {
    CYR_TRY(const auto mailbox, store::MailboxEdit::open(*store_, entry, locks_, now_));
    bool first = true;
    return mailbox->for_each([&](const NumberedRecord& at) -> Status {
      if (!wanted(at.record)) {
        return success();
      }
      if (options_.json) {
        message_json(*mailbox, at.record, true).print();
        return success();
      }
      if (first && several_) {
        fmt::print("{}:\n", printable(store_->external_name(entry.name)));
      }
      first = false;
      fmt::print("{}", message_block(*mailbox, at.record, true));
      return success();
    });
  }

  Status restore(const meta::MailboxEntry& entry) {
    CYR_TRY(const auto mailbox, store::MailboxEdit::open(*store_, entry, locks_, now_));
    const std::string name = store_->external_name(entry.name);
    if (!options_.json) {
      fmt::print("restoring {}expunged messages in mailbox '{}'\n",
                 options_.uids.empty() && !options_.within ? "all " : "", printable(name));
    }
    // First all that are wanted, since restoring adds records.
    std::vector<NumberedRecord> found;
    CYR_CHECK(mailbox->for_each([&](const NumberedRecord& at) -> Status {
      if (wanted(at.record)) {
        found.push_back(at);
      }
      return success();
    }));
    CYR_TRY(const auto restored, restore_records(*mailbox, found, name));
    CYR_CHECK(mailbox->commit());
    conversations_.note(*mailbox);
    for (const auto& [uid, new_uid] : restored) {
      report(entry.name, name, uid, new_uid);
    }
    if (!options_.json) {
      fmt::print("{} {} expunged messages\n", options_.dry_run ? "would restore" : "restored",
                 restored.size());
    }
    if (!options_.dry_run) {
      log(LogLevel::notice, "restored {} expunged messages in mailbox '{}'", restored.size(), entry.name);
    }
    return success();
  }

  using Restored = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // old and new UID

  // Messages that cannot be restored are told, and do not keep the others away.
  Result<Restored> restore_records(store::MailboxEdit& mailbox, const std::vector<NumberedRecord>& found,
                                   const std::string& name) {
    store::RestoreOptions how = options_.restore;
    if (!options_.user_flag.empty() && !found.empty()) {
      CYR_TRY(how.user_flag, mailbox.user_flag(options_.user_flag));
    }
    Restored restored;
    for (const auto& at : found) {
      CYR_TRY(const bool fits, mailbox.fits_quota(at));
      if (!fits && !options_.ignore_quota) {
        fail(fmt::format("{} uid {}", name, at.record.uid),
             make_error(Errc::locked,
                        fmt::format("not restored: over quota {}", mailbox.header().quotaroot.value_or(""))));
        continue;
      }
      const auto uid = mailbox.restore(at, how);
      if (uid) {
        restored.emplace_back(at.record.uid, *uid);
      } else if (uid.error().code == Errc::not_found || uid.error().code == Errc::corrupt) {
        fail(fmt::format("{} uid {}", name, at.record.uid), uid.error());
      } else {
        return uid.error();
      }
    }
    return restored;
  }

  void report(const std::string& internal, const std::string& name, std::uint32_t uid,
              std::uint32_t new_uid) const {
    if (options_.json) {
      cli::JsonLine line;
      line.add("mailbox", internal).add("uid", std::uint64_t{uid}).add("new_uid", std::uint64_t{new_uid});
      line.add("restored", !options_.dry_run).print();
    } else if (options_.verbose) {
      fmt::print("Unexpunged {}: {} => {}\n", printable(name), uid, new_uid);
    }
  }

  std::shared_ptr<const conf::Config> config_;
  const UnexpungeOptions& options_;
  std::int64_t now_;
  std::unique_ptr<store::Store> store_;
  store::UserLocks locks_;
  ConversationWarnings conversations_;
  bool several_ = false;
  int status_ = cli::exit_ok;
};

}  // namespace

Result<int> run_unexpunge(std::shared_ptr<const conf::Config> config, const UnexpungeOptions& options) {
  Run run(std::move(config), options);
  return run.run();
}

}  // namespace cyr::recon
