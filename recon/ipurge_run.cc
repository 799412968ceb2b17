#include "recon/ipurge_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/store/select.h"
#include "recon/companion.h"

namespace cyr::recon {

namespace {

using store::NumberedRecord;

struct Statistics {
  std::uint64_t total = 0, total_bytes = 0, deleted = 0, deleted_bytes = 0;
};

class Run {
 public:
  Run(std::shared_ptr<const conf::Config> config, const PurgeOptions& options)
      : config_(std::move(config)), options_(options), now_(static_cast<std::int64_t>(std::time(nullptr))) {}

  Result<int> run() {
    CYR_TRY(store_, store::Store::open(options_.dry_run ? read_only_io() : posix_io(), config_));
    std::vector<std::string> patterns = options_.patterns;
    if (options_.not_below) {
      for (auto& pattern : patterns) {
        std::replace(pattern.begin(), pattern.end(), '*', '%');
      }
    }
    CYR_TRY(const auto selection, store::select_mailboxes(*store_, patterns, {}));
    for (const auto& entry : selection.unreadable) {
      fail(entry.name, entry.error);
    }
    for (const auto& name : selection.unmatched) {
      std::fflush(stdout);
      fmt::print(stderr, "Couldn't find {}, check spelling\n", printable(name));
      note(cli::exit_unavailable);
    }
    for (const auto& entry : selection.entries) {
      if (cli::stop_requested()) {
        return make_error(Errc::cancelled, "stopped by a signal");
      }
      if (!options_.users_too && is_of_user(entry)) {
        continue;
      }
      if (const Status done = purge(entry); !done) {
        fail(entry.name, done.error());
      }
    }
    conversations_.print("ipurge");
    return status_;
  }

 private:
  void note(int status) { status_ = status_ == cli::exit_ok ? status : status_; }

  void fail(const std::string& name, const Error& error) {
    log(LogLevel::error, "{}: {}", name, error.text());
    std::fflush(stdout);
    fmt::print(stderr, "ipurge: {}: {}\n", printable(name), printable(error.text()));
    if (!error.hint.empty()) {
      fmt::print(stderr, "ipurge: hint: {}\n", printable(error.hint));
    }
    note(exit_status(error));
  }

  // Deleted mailboxes of users, too.
  [[nodiscard]] bool is_of_user(const meta::MailboxEntry& entry) const {
    const auto name = names::MailboxName::from_internal(entry.name, store_->name_space());
    return !name || name->is_user();
  }

  [[nodiscard]] bool age_matches(std::int64_t age) const {
    constexpr std::int64_t day = 86400;
    if (options_.exact) {
      return (age / day == *options_.seconds / day) != options_.invert;
    }
    return options_.invert ? age < *options_.seconds : age > *options_.seconds;
  }
  [[nodiscard]] bool size_matches(std::int64_t size) const {
    if (options_.exact) {
      return (size == *options_.size) != options_.invert;
    }
    return options_.invert ? size < *options_.size : size > *options_.size;
  }
  // One of the criteria suffices.
  [[nodiscard]] bool matches(const mailbox::IndexRecord& record) const {
    if ((options_.skip_flagged && record.has(mailbox::flag::flagged)) ||
        (options_.only_deleted && !record.has(mailbox::flag::deleted))) {
      return false;
    }
    const auto time = options_.by_delivery ? record.internaldate : record.sentdate;
    return (options_.seconds && age_matches(now_ - static_cast<std::int64_t>(time))) ||
           (options_.size && size_matches(static_cast<std::int64_t>(record.size)));
  }

  Status purge(const meta::MailboxEntry& entry) {
    CYR_TRY(const auto mailbox, store::MailboxEdit::open(*store_, entry, locks_, now_));
    if (options_.verbose && !options_.json) {
      fmt::print("Working on {}...\n", printable(entry.name));
    }
    Statistics statistics;
    const auto visit = [&](const NumberedRecord& at) -> Status {
      const auto& record = at.record;
      if (record.has(mailbox::flag::expunged)) {
        return success();
      }
      ++statistics.total;
      statistics.total_bytes += record.size;
      if (!matches(record)) {
        return success();
      }
      ++statistics.deleted;
      statistics.deleted_bytes += record.size;
      if (options_.json) {
        message_json(*mailbox, record, false).add("done", !options_.dry_run).print();
      } else if (options_.dry_run) {
        fmt::print("{}", message_block(*mailbox, record, false));
      }
      return mailbox->expunge(at);
    };
    CYR_CHECK(mailbox->for_each(visit));
    CYR_CHECK(mailbox->commit());
    conversations_.note(*mailbox);
    print(entry, statistics);
    return success();
  }

  void print(const meta::MailboxEntry& entry, const Statistics& numbers) const {
    const std::uint64_t left = numbers.total - numbers.deleted;
    const std::uint64_t bytes_left = numbers.total_bytes - numbers.deleted_bytes;
    if (options_.json) {
      cli::JsonLine line;
      line.add("mailbox", entry.name).add("total", numbers.total).add("total_bytes", numbers.total_bytes);
      line.add("deleted", numbers.deleted).add("deleted_bytes", numbers.deleted_bytes);
      line.add("remaining", left).add("remaining_bytes", bytes_left).print();
      return;
    }
    fmt::print("Total messages    \t\t {}\nTotal bytes       \t\t {}\n", numbers.total, numbers.total_bytes);
    fmt::print("Deleted messages  \t\t {}\nDeleted bytes     \t\t {}\n", numbers.deleted,
               numbers.deleted_bytes);
    fmt::print("Remaining messages\t\t {}\nRemaining bytes   \t\t {}\n", left, bytes_left);
  }

  std::shared_ptr<const conf::Config> config_;
  const PurgeOptions& options_;
  std::int64_t now_;
  std::unique_ptr<store::Store> store_;
  store::UserLocks locks_;
  ConversationWarnings conversations_;
  int status_ = cli::exit_ok;
};

}  // namespace

Result<int> run_purge(std::shared_ptr<const conf::Config> config, const PurgeOptions& options) {
  Run run(std::move(config), options);
  return run.run();
}

}  // namespace cyr::recon
