// A mail store as one thing: its configuration, where everything lies, and its databases, opened on first
// use.
//
// A Store is used by one thread; workers open one each from the same configuration (opening is cheap, and the
// locks of the databases exclude other Stores of the same process as they exclude other processes).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/conf/imapd_conf.h"
#include "format/meta/mailbox_list.h"
#include "format/meta/quota.h"
#include "format/names/paths.h"

namespace cyr::store {

// Where the files of one mailbox are. All absolute; none needs to exist.
struct MailboxFiles {
  names::MailboxPlace place;
  fs::path data;  // directory of the message files
  fs::path
      archive;  // directory of archived message files; the same as `data` where there is no archive partition
  fs::path header, index, cache, annotations, expunge;
  fs::path archive_cache;  // the same as `cache` where there is no archive partition
  fs::path name_lock;
  fs::path user_lock;
  names::UserId user;  // who owns it; empty for a shared mailbox

  // Paths compare part by part, which takes long.
  [[nodiscard]] bool has_archive() const { return archive.native() != data.native() && archive != data; }
  // Every different directory above, data first.
  [[nodiscard]] std::vector<fs::path> directories() const;
  [[nodiscard]] fs::path message(std::uint32_t uid, bool archived = false) const;
};

class Store {
 public:
  // Errc::config. `io` must outlive the store; with a read-only one nothing in it can change.
  static Result<std::unique_ptr<Store>> open(Io& io, std::shared_ptr<const conf::Config> config);
  // Loads the configuration first.
  static Result<std::unique_ptr<Store>> open(Io& io, const fs::path& config_file,
                                             const conf::LoadRequest& request = {});
  // Another Store of the same configuration and Io, for another thread.
  [[nodiscard]] Result<std::unique_ptr<Store>> again() const { return open(io_, config_); }

  [[nodiscard]] Io& io() const { return io_; }
  [[nodiscard]] const conf::Config& config() const { return *config_; }
  [[nodiscard]] const names::Paths& paths() const { return paths_; }
  [[nodiscard]] const names::Namespace& name_space() const { return paths_.name_space(); }
  [[nodiscard]] const conf::Partitions& partitions() const { return paths_.partitions(); }

  // Databases. Errc::not_found or corrupt as db::open says; an error is not remembered. Their kind is what
  // the content says; imapd.conf only decides for files that are absent or empty.
  Result<meta::MailboxList*> mailbox_list();
  // Makes an empty list where there is none, as every server of 3.6.1 does when it starts; whether it did.
  Result<bool> make_mailbox_list();
  Result<meta::Quotas*> quotas();
  // Whether a store without a quota database has no roots, and gets one with its first; otherwise quotas() is
  // Errc::not_found then, because repair has to tell a database that was lost from an empty one.
  void may_lack_quotas(bool may);
  Result<db::Database*> annotations();  // annotations.db
  // Forgets what is open, for a database that was replaced.
  void close_databases();
  // The same for any other database of the store: detects the kind, else takes the one that `option` names.
  Result<std::unique_ptr<db::Database>> open_database(const fs::path& path, conf::Option option,
                                                      bool create = false);

  // Where the mailbox of `entry` lies. Errc::invalid for a name or id that leads out of the partition,
  // Errc::config for an unknown partition.
  Result<MailboxFiles> files(const meta::MailboxEntry& entry);
  // The same for a place that no entry tells.
  Result<MailboxFiles> files(names::MailboxPlace place) const;
  // Whether mailboxes.db is of 3.6 or later. A list that is not there, or is none, counts as one of these;
  // but one that cannot be read now (Errc::io and the like) is an error: a guess would look for mailboxes
  // where none are, and make them anew.
  Result<bool> has_keyed_list();
  // The layout that an entry says: by id when the list is keyed and the entry has no legacy flag.
  Result<names::Layout> layout_of(const meta::MailboxEntry& entry);

  // "user.bovik.a^b" as administrators see it ("user/bovik/a.b"); the internal form itself when it is no
  // valid name.
  [[nodiscard]] std::string external_name(std::string_view internal) const;
  // Every directory that runs keep old versions below: all partition roots, the configdirectory,
  // and sievedir.
  [[nodiscard]] std::vector<fs::path> saved_roots() const;

 private:
  Result<std::unique_ptr<db::Database>> open_quotas();
  [[nodiscard]] db::OpenOptions open_options(db::Kind kind, conf::Option option, bool create) const;
  Store(Io& io, std::shared_ptr<const conf::Config> config, names::Paths paths)
      : io_(io), config_(std::move(config)), paths_(std::move(paths)) {}
  Io& io_;
  std::shared_ptr<const conf::Config> config_;
  names::Paths paths_;
  std::optional<meta::MailboxList> mailbox_list_;
  std::optional<meta::Quotas> quotas_;
  bool may_lack_quotas_ = false;
  std::unique_ptr<db::Database> annotations_;
  bool keyed_ = true;  // mailboxes.db is of 3.6 or later, or not there
};

}  // namespace cyr::store
