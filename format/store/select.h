// Which mailboxes an argument of a program means: exact names and patterns in the administrator's namespace
// (tools.md 1.6), whole users, subtrees.
#pragma once

#include <string>
#include <vector>

#include "format/store/store.h"

namespace cyr::store {

struct SelectOptions {
  bool recursive = false;  // NAME.* of each argument too
  bool users = false;      // arguments are user ids: the whole user, deleted mailboxes too
};

// What is in the list under a name but cannot be read.
struct UnreadableEntry {
  std::string name;  // internal, as far as the key tells
  Error error;
};

struct Selection {
  std::vector<meta::MailboxEntry> entries;  // local mailboxes, in list order, each once
  std::vector<std::string> unmatched;       // arguments that no entry matches
  std::vector<UnreadableEntry> unreadable;
};

// No argument: everything. An argument may use either separator: when one written with dots matches nothing
// in a store with '/', it is read as an internal name, and the reverse.
Result<Selection> select_mailboxes(Store& store, const std::vector<std::string>& arguments,
                                   const SelectOptions& options);

}  // namespace cyr::store
