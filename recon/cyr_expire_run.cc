#include "recon/cyr_expire_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <set>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/store/archive_rule.h"
#include "format/store/pruning.h"
#include "format/store/remove_mailbox.h"
#include "format/store/user_files.h"
#include "recon/companion.h"

namespace cyr::recon {

namespace {

using store::MailboxEdit;
using store::NumberedRecord;

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kTombstoneAge = 7 * kDay;  // a deleted name is remembered for so long

double days(std::int64_t seconds) { return static_cast<double>(seconds) / static_cast<double>(kDay); }

class Run {
 public:
  Run(std::shared_ptr<const conf::Config> config, const ExpireOptions& options)
      : config_(std::move(config)), options_(options), now_(static_cast<std::int64_t>(std::time(nullptr))) {}

  Result<int> run() {
    CYR_TRY(store_, store::Store::open(options_.dry_run ? read_only_io() : posix_io(), config_));
    CYR_CHECK(select());
    if (options_.archive) {
      CYR_CHECK(archive_messages());
    }
    if (!options_.keep_messages) {
      CYR_CHECK(expire_messages());
    }
    if (!options_.keep_conversations && config_->is_on(conf::Option::conversations)) {
      CYR_CHECK(prune_conversations());
    }
    if (options_.removal) {
      CYR_CHECK(remove_mailboxes());
    }
    if (options_.expire.value_or(0) > 0) {
      CYR_CHECK(prune_deliveries());
    }
    conversations_.print("cyr_expire");
    return status_;
  }

 private:
  // What Cyrus says with -v: on standard error, an empty line after each.
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) const {
    if (options_.verbose) {
      fmt::print(stderr, "{}\n\n", fmt::format(format, std::forward<Args>(args)...));
    }
  }

  void fail(const std::string& what, const Error& error) {
    log(LogLevel::warning, "{}: {}", what, error.text());
    std::fflush(stdout);
    fmt::print(stderr, "cyr_expire: {}: {}\n", printable(what), printable(error.text()));
    if (!error.hint.empty()) {
      fmt::print(stderr, "cyr_expire: hint: {}\n", printable(error.hint));
    }
    status_ = status_ == cli::exit_ok ? exit_status(error) : status_;
  }

  [[nodiscard]] Status check_stop() const {
    return cli::stop_requested() ? Status(make_error(Errc::cancelled, "stopped by a signal")) : success();
  }

  // Mailboxes and tombstones in list order, deleted mailboxes of a user last.
  Status select() {
    CYR_CHECK(read_list(internal_prefix()));
    if (entries_.empty() && tombstones_.empty() && !options_.prefix.empty()) {
      CYR_CHECK(read_list(options_.prefix));  // an internal name, in a store with another separator
    }
    if (entries_.empty() && (!options_.prefix.empty() || !options_.user.empty())) {
      fail(options_.prefix.empty() ? options_.user : options_.prefix,
           make_error(Errc::not_found, "no such mailbox"));
    }
    if (!options_.user.empty()) {
      const auto is_live = [](const meta::MailboxEntry& entry) { return entry.name.starts_with("user."); };
      std::stable_partition(entries_.begin(), entries_.end(), is_live);
    }
    return success();
  }

  [[nodiscard]] std::string internal_prefix() const {
    const auto& ns = store_->name_space();
    std::string text = options_.prefix;
    while (!text.empty() && text.back() == ns.separator()) {
      text.pop_back();
    }
    const auto name = names::MailboxName::from_admin(text, ns);
    return name ? name->to_internal(ns) : text;
  }

  Status read_list(const std::string& prefix) {
    const auto& ns = store_->name_space();
    const auto user = names::UserId::parse(options_.user, ns);
    CYR_TRY(meta::MailboxList * list, store_->mailbox_list());
    return list->for_each(prefix, [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (!item.entry) {
        fail(std::string(item.name), item.entry.error());
        return db::Visit::go_on;
      }
      const auto name = names::MailboxName::from_internal(item.name, ns);
      if (!options_.user.empty() && (!name || name->user() != user)) {
        return db::Visit::go_on;
      }
      if (item.entry->type.local()) {
        entries_.push_back(*item.entry);
      } else if (item.entry->type.deleted) {
        tombstones_.push_back(*item.entry);
      }
      return db::Visit::go_on;
    });
  }

  // The time in `annotation` of the mailbox or above it; an unreadable one counts as none. 3.6 to 3.10 do not
  // find those above, although they look, and what they keep is not erased here without being asked for.
  Result<std::optional<std::int64_t>> annotated(const meta::MailboxEntry& entry,
                                                std::string_view annotation) {
    std::optional<std::int64_t> seconds;
    if (!options_.skip_annotations) {
      CYR_TRY(meta::MailboxList * list, store_->mailbox_list());
      const bool inherit = options_.inherit || list->format() != meta::ListFormat::keyed_36;
      CYR_TRY(const auto text,
              store::mailbox_annotation(*store_, entry, "/vendor/cmu/cyrus-imapd/" + std::string(annotation),
                                        inherit));
      seconds = text ? parse_interval(*text, "dhms") : std::nullopt;
    }
    return seconds;
  }

  using Work = std::function<Status(const meta::MailboxEntry& entry, MailboxEdit& mailbox)>;
  // Every mailbox in turn: one that cannot be opened or worked on is told, and the next follows.
  Status each_mailbox(const Work& work) {
    for (const auto& entry : entries_) {
      CYR_CHECK(check_stop());
      const auto mailbox = MailboxEdit::open(*store_, entry, locks_, now_);
      if (!mailbox) {
        fail("unable to open mailbox " + entry.name, mailbox.error());
        continue;
      }
      Status done = work(entry, **mailbox);
      done = done ? (*mailbox)->commit() : std::move(done);
      if (!done) {
        fail("failure expiring " + entry.name, done.error());
      }
      conversations_.note(**mailbox);
    }
    return success();
  }

  // One line or object for what a mailbox loses; in a real run only the object.
  void report(const meta::MailboxEntry& entry, std::string_view what, std::uint64_t count) const {
    if (count == 0) {
      return;
    }
    if (options_.json) {
      cli::JsonLine line;
      line.add("mailbox", entry.name).add("action", what).add("count", count);
      line.add("done", !options_.dry_run).print();
    } else if (options_.dry_run) {
      fmt::print("{}: would {} {}\n", printable(entry.name), what, count);
    }
  }

  Status archive_messages() {
    if (!config_->is_on(conf::Option::archive_enabled)) {
      cli::print_warning("cyr_expire", "archive_enabled is off in imapd.conf: -A does nothing");
      return success();
    }
    return each_mailbox([this](const meta::MailboxEntry& entry, MailboxEdit& mailbox) -> Status {
      CYR_TRY(const auto own, annotated(entry, "archive"));
      const std::int64_t cutoff = now_ - own.value_or(*options_.archive);
      const bool deleted = mailbox.files().place.name.is_deleted();
      std::uint64_t moved = 0;
      const auto visit = [&](const NumberedRecord& at) -> Status {
        const auto& record = at.record;
        if (!mailbox.files().has_archive() || record.has(mailbox::flag::archived) ||
            record.has(mailbox::flag::unlinked) ||
            !store::belongs_in_archive(*config_, record, deleted, cutoff)) {
          return success();
        }
        ++moved;
        return mailbox.archive(at);
      };
      CYR_CHECK(mailbox.for_each(visit));
      report(entry, "archive", moved);
      return success();
    });
  }

  Status expire_messages() {
    if (options_.expunge) {
      say("Expunging deleted messages in mailboxes older than {:0.2f} days", days(*options_.expunge));
    }
    CYR_CHECK(remove_tombstones());
    CYR_CHECK(each_mailbox([this](const meta::MailboxEntry& entry, MailboxEdit& mailbox) {
      return expire_mailbox(entry, mailbox);
    }));
    const std::string counted = fmt::format("Expired {} and expunged {} out of {} messages from {} mailboxes",
                                            expired_, erased_, messages_, entries_.size());
    log(LogLevel::notice, "{}", counted);
    say("\n{}", counted);
    if (options_.dry_run && !options_.json) {
      fmt::print("would have: {}\n", counted);
    }
    if (options_.prune_flags) {
      log(LogLevel::notice, "Expunged {} user flags", flags_);
      say("Expunged {} user flags", flags_);
    }
    return success();
  }

  Status remove_tombstones() {
    CYR_TRY(meta::MailboxList * list, store_->mailbox_list());
    for (const auto& entry : tombstones_) {
      if (now_ - entry.mtime <= kTombstoneAge) {
        continue;
      }
      log(LogLevel::notice, "Removing stale tombstone for {}", entry.name);
      say("Removing stale tombstone for {}", entry.name);
      report(entry, "remove tombstone", 1);
      if (!options_.dry_run) {
        CYR_CHECK(list->erase(entry.name));
      }
    }
    return success();
  }

  Status expire_mailbox(const meta::MailboxEntry& entry, MailboxEdit& mailbox) {
    messages_ += mailbox.index().num_records;
    CYR_TRY(const auto seconds, annotated(entry, "expire"));
    if (seconds) {
      CYR_CHECK(expire_old(entry, mailbox, *seconds));
    }
    if (options_.prune_flags) {
      CYR_CHECK(prune_flags(entry, mailbox));
    }
    say("cleaning up expunged messages in {}", entry.name);
    const std::int64_t mark = options_.expunge ? now_ - *options_.expunge : 0;
    CYR_TRY(const auto erased,
            mailbox.erase_expunged(static_cast<std::uint64_t>(std::max<std::int64_t>(mark, 0))));
    erased_ += erased;
    report(entry, "erase", erased);
    return success();
  }

  // By the Date header, as Cyrus does. 0 means never, and keeps records of deliveries for ever too.
  Status expire_old(const meta::MailboxEntry& entry, MailboxEdit& mailbox, std::int64_t seconds) {
    const std::int64_t mark = seconds == 0 ? 0 : now_ - seconds;
    delivery_marks_[entry.uniqueid] = mark;
    delivery_marks_[entry.name] = mark;
    say("expiring messages in {} older than {:0.2f} days", entry.name, days(seconds));
    std::uint64_t expired = 0;
    const auto visit = [&](const NumberedRecord& at) -> Status {
      if (at.record.has(mailbox::flag::expunged) || static_cast<std::int64_t>(at.record.gmtime) >= mark) {
        return success();
      }
      ++expired;
      return mailbox.expunge(at);
    };
    CYR_CHECK(mailbox.for_each(visit));
    expired_ += expired;
    report(entry, "expire", expired);
    return success();
  }

  Status prune_flags(const meta::MailboxEntry& entry, MailboxEdit& mailbox) {
    const std::vector<std::string> names = mailbox.header().flags;
    std::vector<bool> used(names.size());
    const auto visit = [&](const NumberedRecord& at) -> Status {
      for (std::size_t bit = 0; bit < used.size() && !at.record.has(mailbox::flag::expunged); ++bit) {
        used[bit] = used[bit] || at.record.user_flag(bit);
      }
      return success();
    };
    CYR_CHECK(mailbox.for_each(visit));
    for (std::size_t bit = 0; bit < names.size(); ++bit) {
      if (!used[bit] && !names[bit].empty()) {
        ++flags_;
        log(LogLevel::info, "Expunging userflag {} ({}) from {}", bit, names[bit], entry.name);
        say("Expunging userflag {} ({}) from {}", bit, names[bit], entry.name);
        report(entry, "remove user flag " + names[bit], 1);
        CYR_CHECK(mailbox.remove_user_flag(bit));
      }
    }
    return success();
  }

  // The conversations databases of the owners of the mailboxes.
  Status prune_conversations() {
    const std::int64_t age = config_->seconds(conf::Option::conversations_expire_after);
    say("Removing conversation entries older than {:0.2f} days", days(age));
    std::set<fs::path> paths;
    for (const auto& entry : entries_) {
      if (const auto name = names::MailboxName::from_internal(entry.name, store_->name_space())) {
        CYR_TRY(auto path, store::user_file(*store_, name->user(), "conversations"));
        CYR_TRY(const bool there, store_->io().exists(path));
        if (there) {
          paths.insert(std::move(path));
        }
      }
    }
    store::Pruned all;
    for (const auto& path : paths) {
      CYR_CHECK(check_stop());
      say("Pruning conversations from db {}", path.native());
      if (const auto pruned = store::prune_conversations(*store_, path, now_ - age)) {
        all.seen += pruned->seen;
        all.removed += pruned->removed;
      } else {
        fail(path.native(), pruned.error());
      }
    }
    const std::string counted =
        fmt::format("Expired {} entries of {} entries seen in {} conversation databases", all.removed,
                    all.seen, paths.size());
    log(LogLevel::notice, "{}", counted);
    say("{}", counted);
    return success();
  }

  Status remove_mailboxes() {
    if (config_->text(conf::Option::delete_mode) != "delayed") {
      return success();  // nothing was only renamed
    }
    say("Removing deleted mailboxes older than {:0.2f} days", days(*options_.removal));
    std::vector<const meta::MailboxEntry*> old;
    for (const auto& entry : entries_) {
      const auto name = names::MailboxName::from_internal(entry.name, store_->name_space());
      if (!name || !name->is_deleted()) {
        continue;
      }
      CYR_TRY(const auto own, annotated(entry, "delete"));
      const std::int64_t mark = now_ - own.value_or(*options_.removal);
      if (static_cast<std::int64_t>(*name->deleted) <= mark) {
        say("Cleaning up {}", entry.name);
        old.push_back(&entry);
      }
    }
    std::size_t removed = 0;
    for (const auto* entry : old) {
      CYR_CHECK(check_stop());
      say("Removing: {}", entry->name);
      log(LogLevel::notice, "Removing: {}", entry->name);
      if (const Status done = store::remove_mailbox(*store_, *entry, locks_); !done) {
        fail(entry->name, done.error());
        continue;
      }
      ++removed;
      report(*entry, "remove mailbox", 1);
    }
    log(LogLevel::notice, "Removed {} deleted mailboxes", removed);
    say("Removed {} deleted mailboxes", removed);
    return success();
  }

  Status prune_deliveries() {
    log(LogLevel::notice, "duplicate_prune: pruning back {:0.2f} days", days(*options_.expire));
    CYR_TRY(const auto pruned, store::prune_deliveries(*store_, now_ - *options_.expire, delivery_marks_));
    log(LogLevel::notice, "duplicate_prune: purged {} out of {} entries", pruned.removed, pruned.seen);
    if (options_.json) {
      cli::JsonLine line;
      line.add("action", "prune deliveries").add("count", pruned.removed).add("of", pruned.seen);
      line.add("done", !options_.dry_run).print();
    } else if (options_.dry_run) {
      fmt::print("would purge {} out of {} delivery records\n", pruned.removed, pruned.seen);
    }
    return success();
  }

  std::shared_ptr<const conf::Config> config_;
  const ExpireOptions& options_;
  std::int64_t now_;
  std::unique_ptr<store::Store> store_;
  store::UserLocks locks_;
  ConversationWarnings conversations_;
  std::vector<meta::MailboxEntry> entries_, tombstones_;
  std::map<std::string, std::int64_t, std::less<>> delivery_marks_;  // by unique id and by name
  std::uint64_t messages_ = 0, expired_ = 0, erased_ = 0, flags_ = 0;
  int status_ = cli::exit_ok;
};

}  // namespace

Result<int> run_expire(std::shared_ptr<const conf::Config> config, const ExpireOptions& options) {
  Run run(std::move(config), options);
  return run.run();
}

}  // namespace cyr::recon
