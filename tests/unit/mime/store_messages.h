// Every message of an unpacked real store, together with what the server's index and cache say about it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "format/base/path.h"
#include "format/mailbox/index.h"

namespace cyr::test {

struct StoredMessage {
  std::string place;  // path of the message file below the store
  std::string_view bytes;
  const mailbox::IndexRecord& record;
  unsigned index_version = 0;
  std::string_view cache_record;
  std::int64_t file_time = 0;
};

// Calls `visit` for every index record whose message file and cache record are there; records of expunged
// messages whose file is gone are left out. The number of messages.
std::size_t visit_messages(const fs::path& store, const std::function<void(const StoredMessage&)>& visit);

}  // namespace cyr::test
