// Every path rule of a store, forwards and backwards (names.md, store.md 2.7 and 2.8). Only this file knows
// where things lie; everybody else asks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/conf/partitions.h"
#include "format/names/mailbox_name.h"

namespace cyr::names {

enum class Layout : std::uint8_t { by_name, by_id };

// All that the place of a mailbox depends on.
struct MailboxPlace {
  std::string partition;
  MailboxName name;
  std::string uniqueid;  // used by_id only
  Layout layout = Layout::by_name;
};

// What a directory below a partition root is, from its path alone.
struct DirectoryIdentity {
  Layout layout = Layout::by_name;
  MailboxName name;      // by_name
  std::string uniqueid;  // by_id
};

// The directory of a by-name mailbox below a partition root: "domain/d/dom.com/u/user/john^doe/a". Never
// begins with a slash. Errc::invalid for a name that would leave the root (a component "." or "..", or one
// with a '/').
Result<fs::path> mailbox_directory_by_name(const MailboxName& name, const Namespace& ns);
// "uuid/a/b/ab...". Errc::invalid for an id shorter than two bytes or with '/' or '.' first.
Result<fs::path> mailbox_directory_by_id(std::string_view uniqueid);
// The reverse of both; nothing when `below_root` is no directory of a mailbox by these rules (for example
// under the wrong hash letter).
[[nodiscard]] std::optional<DirectoryIdentity> identify_directory(const fs::path& below_root,
                                                                  const Namespace& ns);

class Paths;

// Where the directories and files of one mailbox are. Only as long as the Paths that it is of.
class MailboxPaths {
 public:
  // `below`: the directory's path relative to the roots of the partition.
  MailboxPaths(const Paths& paths, std::string partition, fs::path below)
      : paths_(paths), partition_(std::move(partition)), below_(std::move(below)) {}
  // As Paths::mailbox() and Paths::meta_file().
  [[nodiscard]] Result<fs::path> directory(conf::RootKind kind) const;
  [[nodiscard]] Result<fs::path> file(conf::RootKind kind) const;

 private:
  const Paths& paths_;
  std::string partition_;
  fs::path below_;
};

// User ids and mailboxes to files. Built once from the configuration; cheap to copy.
class Paths {
 public:
  static Result<Paths> from_config(const conf::Config& config);

  [[nodiscard]] const Namespace& name_space() const { return namespace_; }
  [[nodiscard]] const conf::Partitions& partitions() const { return partitions_; }
  [[nodiscard]] const fs::path& config_directory() const { return config_directory_; }

  // For many of them at once. Errc::invalid as above.
  [[nodiscard]] Result<MailboxPaths> mailbox_paths(const MailboxPlace& place) const;
  // The mailbox's directory in the root of `kind`. Errc::config for an unknown partition, Errc::invalid as
  // above.
  [[nodiscard]] Result<fs::path> mailbox(const MailboxPlace& place,
                                         conf::RootKind kind = conf::RootKind::data) const;
  // cyrus.header, cyrus.index, cyrus.cache, cyrus.annotations, cyrus.expunge, cyrus.squat, cyrus.dav in their
  // roots. Errc::invalid for data, archive, archivecache and lock.
  [[nodiscard]] Result<fs::path> meta_file(const MailboxPlace& place, conf::RootKind kind) const;
  [[nodiscard]] Result<fs::path> message(const MailboxPlace& place, std::uint32_t uid,
                                         bool archived = false) const;
  // Every different directory that may hold files of the mailbox: data first, then metadata roots, then
  // archive.
  [[nodiscard]] Result<std::vector<fs::path>> mailbox_directories(const MailboxPlace& place) const;
  // Which mailbox directory `directory` is, on which partition; nothing when it lies below no root.
  struct Identified {
    std::string partition;
    DirectoryIdentity identity;
  };
  [[nodiscard]] std::optional<Identified> identify(const fs::path& directory) const;

  // All that follow: Errc::invalid for an id or name with which the path would leave its directory ('/', NUL,
  // "..").

  // Per-user files, "sub", "seen", "mboxkey", "conversations", "counters", "dav", "xapianactive". An empty
  // user gives the shared file of the domain.
  [[nodiscard]] Result<fs::path> user_file_by_name(const UserId& user, std::string_view suffix) const;
  // Only 3.6 and later; `inbox_id` is the uniqueid of the user's INBOX. Every suffix gets ".db".
  [[nodiscard]] Result<fs::path> user_file_by_id(std::string_view inbox_id, std::string_view suffix) const;
  [[nodiscard]] Result<fs::path> user_directory_by_id(std::string_view inbox_id) const;
  // The directory of the legacy files of a user; they share it with users of the same hash letter.
  [[nodiscard]] Result<fs::path> user_directory_by_name(const UserId& user) const;

  [[nodiscard]] Result<fs::path> sieve_by_name(const UserId& user) const;  // an empty user: sievedir/global
  [[nodiscard]] Result<fs::path> sieve_by_id(std::string_view inbox_id) const;

  // The file of a quota root in the quotalegacy tree; `root` is in internal form, "dom!" for a whole domain.
  [[nodiscard]] Result<fs::path> quota_file(std::string_view root) const;
  [[nodiscard]] fs::path quota_directory() const { return config_directory_ / "quota"; }

  // The lock file of a lock name: an internal name, a uniqueid, "*U*..." or "$QUOTACHANGE".
  [[nodiscard]] Result<fs::path> lock_file(std::string_view lock_name) const;
  [[nodiscard]] Result<fs::path> user_lock(const UserId& user) const;            // *U*userid; *U* for shared
  [[nodiscard]] Result<fs::path> mailbox_lock(const MailboxPlace& place) const;  // by its layout
  [[nodiscard]] Result<fs::path> quota_change_lock() const { return lock_file("$QUOTACHANGE"); }

  // Databases below configdirectory or where their *_path option says.
  [[nodiscard]] fs::path mailboxes_db() const { return mailboxes_db_; }
  [[nodiscard]] fs::path quotas_db() const { return quotas_db_; }
  [[nodiscard]] fs::path annotations_db() const { return annotations_db_; }
  [[nodiscard]] fs::path deliver_db() const { return deliver_db_; }
  [[nodiscard]] fs::path statuscache_db() const { return statuscache_db_; }
  [[nodiscard]] fs::path proc_directory() const { return proc_directory_; }
  [[nodiscard]] fs::path lock_directory() const { return lock_directory_; }

 private:
  Paths() = default;
  Namespace namespace_;
  conf::Partitions partitions_;
  fs::path config_directory_, sieve_directory_, lock_directory_, proc_directory_;
  fs::path mailboxes_db_, quotas_db_, annotations_db_, deliver_db_, statuscache_db_;
};

}  // namespace cyr::names
