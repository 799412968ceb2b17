// The databases of the server as a whole in backends that another release knows: part of bringing a store to
// it (cyrusdb.md 13). The mailbox list and the databases of users are brought over by others.
#pragma once

#include <string>
#include <vector>

#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::check {

// Whether the programs of a release can open such a database.
[[nodiscard]] bool release_knows(conf::Release release, db::Kind kind);

struct ServerBackend {
  std::string role;  // "annotations", "duplicates" ...
  fs::path path;
  std::string from, to;       // backends
  std::uint64_t records = 0;  // converted, or with a read-only Io: that would be
};
struct ServerBackends {
  std::vector<ServerBackend> converted;
  std::vector<std::string> advice;  // what imapd.conf must say from now on
  std::vector<std::string> left;    // what could not be done, one line each
};

// Every database gets the backend that imapd.conf asks for, with the defaults of `release`, or where that
// release does not know it, the one that all its programs read. Nothing is done where it has it already, so
// the same call goes on after an interruption. What is replaced is saved; with a read-only Io only counted.
Result<ServerBackends> bring_server_backends(store::Store& store, conf::Release release,
                                             store::SavedCopies& saved);

}  // namespace cyr::check
