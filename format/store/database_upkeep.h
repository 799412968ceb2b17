// What is done to the databases of a server when it starts and from time to time (ctl_cyrusdb, cyrusdb.md 3.6
// and 12.3).
#pragma once

#include <functional>
#include <string>

#include "format/store/store.h"

namespace cyr::store {

struct Upkeep {
  enum class What : std::uint8_t {
    stamp,           // the recovery stamp was renewed: every skiplist is recovered at its next open
    clean_shutdown,  // it was not, because the server was stopped in order
    saved,           // a copy was made before a change
    converted,       // to the backend that imapd.conf asks for
    mended,          // what a dead writer left was cleared away
    unsound,         // it needs to be salvaged
    failed,          // it could not be read, converted or copied
    removed,         // a record of a mailbox whose creation was never finished
    copied,          // into db.backup1
  };
  What what = What::stamp;
  fs::path path = {};
  std::string text = {};  // one line
};
using UpkeepReport = std::function<void(const Upkeep& done)>;
[[nodiscard]] std::string_view name_of(Upkeep::What what);
[[nodiscard]] bool is_trouble(Upkeep::What what);  // unsound, failed

// Clears away what dead writers left, in the databases of the whole server that have the backend they should
// have. With a read-only Io nothing is changed, and those that would be are reported as unsound.
Status mend_databases(Store& store, const UpkeepReport& report);

// As at the start of a server: the recovery stamp, mend_databases(), conversion of what has another backend
// than imapd.conf asks for, and unless `cleanup` is false removal of records of unfinished mailboxes. What is
// changed was copied to db.upgrade1 before; an older db.upgrade1 is db.upgrade2 then.
Status recover_databases(Store& store, bool cleanup, std::uint32_t now, const UpkeepReport& report);

// Copies the databases that cannot be made anew to <configdirectory>/db.backup1; what was there is db.backup2
// then. Each is locked while it is copied, so that a copy is whole. A quota tree becomes the flat database
// quotas.flat. When anything cannot be copied, the old copies stay as they are.
Status checkpoint_databases(Store& store, const UpkeepReport& report);

}  // namespace cyr::store
