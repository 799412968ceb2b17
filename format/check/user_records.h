// Subscriptions and seen state of one user as plain records, whatever file, backend, release or damage they
// come from, so that several files of one user can become one (store.md 6.1, 6.2;
// format/doc/subscriptions.md, format/doc/seen.md).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/meta/subscriptions.h"
#include "format/store/databases.h"
#include "format/store/saved_copies.h"

namespace cyr::check {

enum class UserData : std::uint8_t { subscriptions, seen };
[[nodiscard]] std::string_view suffix_of(UserData what);  // "sub", "seen"
// Nothing for the other files that a user has.
[[nodiscard]] std::optional<UserData> user_data_of(std::string_view suffix);

struct UserRecords {
  bool there = false;            // the file exists
  std::optional<db::Kind> kind;  // nothing: an empty file, or none of ours
  std::string damage;            // what is wrong with it; empty: nothing
  meta::SubscriptionVersion version = meta::SubscriptionVersion::v0;
  // Subscriptions: internal names, empty values. Seen state: unique ids, values as they stand.
  std::map<std::string, std::string> records;
  std::vector<std::string> odd;  // keys of which nothing can be made
};

// What the file holds; of a damaged one what can be salvaged. `inbox`: internal name of the user's INBOX.
// Errors are those of reading the disk; a file that is not there is none.
Result<UserRecords> read_user_records(store::Store& store, const fs::path& path, UserData what,
                                      const std::string& inbox);

// The same through an open transaction, which holds the lock of a sound file; `kind` is the file's.
Result<UserRecords> read_user_records(store::Store& store, db::Transaction& transaction, db::Kind kind,
                                      UserData what, const std::string& inbox);

// Adds what `into` lacks; two states of one mailbox are united, so that nothing read in either is unread.
// Returns how many records came or changed.
std::uint64_t merge_user_records(UserRecords& into, const UserRecords& from, UserData what);

// Writes a new file beside `path` and puts it in its place; the old one is saved.
Status write_user_records(store::Store& store, const store::DatabaseFile& file, const UserRecords& records,
                          UserData what, const std::string& inbox, store::SavedCopies& saved,
                          std::string_view reason);

// The version of subscriptions that a release with this form of the mailbox list writes.
[[nodiscard]] meta::SubscriptionVersion subscription_version_of(meta::ListFormat format);

// Everything that users have filed under one unique id, under another one.
struct SeenMove {
  std::string from, to;
  bool keep = false;  // under the old id too: a mailbox and its copy share it
};
// In every user's seen state; a state that is there already is united with the moved one. Returns how many
// states moved. What cannot be read goes to `left`, one line each. With a read-only Io only counted.
Result<std::uint64_t> move_seen_states(store::Store& store, const std::vector<SeenMove>& moves,
                                       store::SavedCopies& saved, std::vector<std::string>& left);

}  // namespace cyr::check
