// New unique ids for mailboxes.
#pragma once

#include <string>

namespace cyr::store {

// 24 random characters of [0-9a-z], as Cyrus 3.x makes them without libuuid (mailbox.md 2.2).
[[nodiscard]] std::string make_uniqueid();

}  // namespace cyr::store
