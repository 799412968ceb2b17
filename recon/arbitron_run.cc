#include "recon/arbitron_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <map>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/cli/printer.h"
#include "format/meta/seen.h"
#include "format/meta/subscriptions.h"
#include "format/store/databases.h"
#include "format/store/select.h"

namespace cyr::recon {

namespace {

struct Counted {
  meta::MailboxEntry entry;
  std::string name;  // external
  std::vector<std::string> readers, subscribers;
};

std::string american_time(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm local{};
  std::array<char, 64> text{};
  if (::localtime_r(&time, &local) == nullptr ||
      std::strftime(text.data(), text.size(), "%m-%d-%Y %H:%M:%S", &local) == 0) {
    return "?";
  }
  return text.data();
}

class Run {
 public:
  Run(std::shared_ptr<const conf::Config> config, const ArbitronOptions& options)
      : config_(std::move(config)), options_(options) {}

  Result<int> run() {
    const bool writes = options_.prune_before && !options_.dry_run;
    CYR_TRY(store_, store::Store::open(writes ? posix_io() : read_only_io(), config_));
    std::fputs("Loading Mailboxes...", stderr);
    CYR_CHECK(load_mailboxes());
    std::fputs("Done\nLoading Users", stderr);
    CYR_CHECK(load_users());
    std::fputs("Done\n", stderr);
    for (const auto& mailbox : mailboxes_) {
      print(mailbox);
    }
    if (options_.prune_before) {
      fmt::print(stderr, "{} seen records {}\n", pruned_, options_.dry_run ? "would be removed" : "removed");
    }
    return status_;
  }

 private:
  void fail(const fs::path& path, Error error) {
    std::fflush(stdout);
    std::fputs("\n", stderr);
    error.at(path);
    cli::print_error("arbitron", error);
    status_ = status_ == cli::exit_ok ? exit_status(error) : status_;
  }

  // Shared mailboxes, those of DELETED users among them, as Cyrus counts.
  Status load_mailboxes() {
    CYR_TRY(const auto selection, store::select_mailboxes(*store_, options_.patterns, {}));
    for (const auto& argument : selection.unmatched) {
      fail({}, make_error(Errc::not_found, fmt::format("no mailbox matches \"{}\"", argument)));
    }
    for (const auto& entry : selection.entries) {
      const auto name = names::MailboxName::from_internal(entry.name, store_->name_space());
      if (name && name->is_inbox()) {
        inboxes_[entry.uniqueid] = name->user().text();
      }
      if (!name || !name->is_user() || name->is_deleted()) {
        by_id_[entry.uniqueid] = mailboxes_.size();
        by_name_[entry.name] = mailboxes_.size();
        mailboxes_.push_back({entry, store_->external_name(entry.name), {}, {}});
      }
    }
    return options_.patterns.empty() ? success() : load_inboxes();
  }

  // Whose the directories of users are that are named after the INBOX.
  Status load_inboxes() {
    CYR_TRY(const auto all, store::select_mailboxes(*store_, {}, {}));
    for (const auto& entry : all.entries) {
      const auto name = names::MailboxName::from_internal(entry.name, store_->name_space());
      if (name && name->is_inbox()) {
        inboxes_[entry.uniqueid] = name->user().text();
      }
    }
    return success();
  }

  // The user of a file ".../uuid/a/b/ID/seen.db", "user/j/john^doe.seen" or "domain/d/DOM/user/j/john.sub".
  [[nodiscard]] std::string owner_of(const fs::path& path) const {
    if (path.extension() == ".db") {
      const auto found = inboxes_.find(path.parent_path().filename().string());
      return found == inboxes_.end() ? std::string() : found->second;
    }
    std::string user = path.stem().string();
    std::replace(user.begin(), user.end(), '^', '.');
    const fs::path top = path.parent_path().parent_path();  // .../user
    const bool has_domain = top.parent_path() != store_->paths().config_directory();
    return has_domain ? user + '@' + top.parent_path().filename().string() : user;
  }

  Status load_users() {
    return store::each_database(
        *store_, store::DatabaseScope::users, [this](const store::DatabaseFile& file) {
          const bool seen = file.role == "seen state";
          const std::string user = owner_of(file.path);
          if (cli::stop_requested()) {
            return Status(make_error(Errc::cancelled, "stopped by a signal"));
          }
          if (user.empty() || file.empty || (!seen && file.role != "subscriptions")) {
            return success();
          }
          std::fputs(seen ? "." : "", stderr);
          const Status read = seen ? read_seen(file.path, user) : read_subscriptions(file.path, user);
          if (!read) {
            fail(file.path, read.error());
          }
          return success();
        });
  }

  Status read_seen(const fs::path& path, const std::string& user) {
    CYR_TRY(const auto database, store_->open_database(path, conf::Option::seenstate_db));
    std::vector<std::string> old;
    CYR_CHECK(database->for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
      const auto found = by_id_.find(key);
      const auto record = meta::decode_seen(value);
      if (found == by_id_.end() || !record) {
        return db::Visit::go_on;
      }
      if (record->lastread >= options_.from && record->lastread <= options_.until) {
        mailboxes_[found->second].readers.push_back(user);
      }
      if (options_.prune_before && record->lastread < *options_.prune_before) {
        old.emplace_back(key);
      }
      return db::Visit::go_on;
    }));
    pruned_ += old.size();
    for (const auto& key : store_->io().read_only() ? std::vector<std::string>() : old) {
      CYR_CHECK(database->erase(key));
    }
    return success();
  }

  Status read_subscriptions(const fs::path& path, const std::string& user) {
    const auto& ns = store_->name_space();
    CYR_TRY(const auto database, store_->open_database(path, conf::Option::subscription_db));
    const auto inbox = names::MailboxName::inbox_of(names::UserId::parse(user, ns)).to_internal(ns);
    CYR_TRY(const auto subscriptions, meta::read_subscriptions(*database, inbox));
    for (const auto& name : subscriptions.mailboxes) {
      if (const auto found = by_name_.find(name); found != by_name_.end()) {
        mailboxes_[found->second].subscribers.push_back(user);
      }
    }
    return success();
  }

  void print(const Counted& mailbox) const {
    if (options_.json) {
      cli::JsonLine line;
      line.add("mailbox", mailbox.entry.name).add("name", mailbox.name).add("readers", mailbox.readers);
      line.add("subscribers", mailbox.subscribers).print();
    } else if (options_.long_form) {
      print_long(mailbox, mailbox.readers, 'r');
      if (!options_.no_subscribers) {
        print_long(mailbox, mailbox.subscribers, 's');
      }
    } else {
      fmt::print("{} {}{}\n", printable(mailbox.name), count(mailbox.readers),
                 options_.no_subscribers ? "" : " " + count(mailbox.subscribers));
    }
  }

  // "5", or with -u "5:leena,fred".
  [[nodiscard]] std::string count(const std::vector<std::string>& users) const {
    const std::string number = std::to_string(users.size());
    return options_.user_ids && !users.empty() ? number + ":" + printable(join(users, ",")) : number;
  }

  void print_long(const Counted& mailbox, const std::vector<std::string>& users, char kind) const {
    for (const auto& user : users) {
      fmt::print("{},{},{},{},{}\n", printable(mailbox.name), printable(user), kind,
                 american_time(options_.from), american_time(options_.until));
    }
  }

  std::shared_ptr<const conf::Config> config_;
  const ArbitronOptions& options_;
  std::unique_ptr<store::Store> store_;
  std::vector<Counted> mailboxes_;  // in list order
  std::map<std::string, std::size_t, std::less<>> by_id_, by_name_;
  std::map<std::string, std::string, std::less<>> inboxes_;  // unique id to user
  std::uint64_t pruned_ = 0;
  int status_ = cli::exit_ok;
};

}  // namespace

Result<int> run_arbitron(std::shared_ptr<const conf::Config> config, const ArbitronOptions& options) {
  Run run(std::move(config), options);
  return run.run();
}

}  // namespace cyr::recon
