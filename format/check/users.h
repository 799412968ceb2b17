// The databases of users (subscriptions, seen state, and what else store.md 2.8 lists): at the place and in
// the backend that the configuration asks for, damaged ones salvaged, several of one user united, seen state
// of mailboxes that got another unique id filed under the present one (reconstruct --users).
//
// Nothing is guessed unless asked for, and what cannot be explained stays where it is.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "format/check/user_records.h"
#include "format/store/locks.h"

namespace cyr::check {

struct UsersOptions {
  std::vector<names::UserId> users;  // empty: everybody
  // Other states of the same databases, from a backup: files (bovik.seen, sub.db) or directories that are or
  // were a configdirectory. Only read.
  std::vector<fs::path> merge;
  // Whose databases lie below which unique id, besides what the lists say: those of 2.4 have no ids.
  std::map<std::string, names::UserId> inboxes;
  // Where no subscription is left: from telemetry logs and proc files, else from the rights on mailboxes. And
  // seen state under an unknown id that fits one mailbox by its numbers only.
  bool guess = false;
  const std::atomic<bool>* stop = nullptr;
};

enum class UserStep : std::uint8_t {
  converted,   // to another backend, or to the form of another release
  repaired,    // written anew with what could be salvaged
  united,      // with another state of the same user
  reattached,  // seen state filed under the mailbox's present unique id
  guessed,
  left,  // something that nothing could be made of; it stays
};
[[nodiscard]] std::string_view name_of(UserStep step);

struct UserFinding {
  UserStep step = UserStep::left;
  std::string user;  // empty: not known
  fs::path path;     // the database
  std::string text;  // what there was, one phrase
};
using UserSink = std::function<void(const UserFinding& finding)>;

struct UsersSummary {
  std::uint64_t users = 0;    // that have a database
  std::uint64_t files = 0;    // looked at
  std::uint64_t changed = 0;  // databases
  std::uint64_t left = 0;     // findings of that kind that call for somebody to look
  std::uint64_t failed = 0;   // of them: databases that an error kept from being looked at or written
};

// Errc::not_found for a `merge` that is not there; else the errors of the mailbox list, which must be sound:
// it tells where the databases belong. With a read-only Io everything is found and nothing written.
Result<UsersSummary> mend_users(store::Store& store, const UsersOptions& options, store::SavedCopies& saved,
                                store::UserLocks& locks, const UserSink& sink);

}  // namespace cyr::check
