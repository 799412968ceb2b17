// The mailboxes of a real store and what its own mbexamine said about them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "format/base/bytes.h"
#include "tests/support/temp_store.h"

namespace cyr::test {

// The folder that holds cyrus.header, cyrus.index and cyrus.cache (the metapartition's where there is one).
[[nodiscard]] std::vector<fs::path> mailbox_folders(const TempStore& store);
[[nodiscard]] Buffer read_bytes(const fs::path& path);
[[nodiscard]] bool is_file(const fs::path& path);
// An index of one or a few records, as the release that made the version (or 3.6.1's conversion) wrote it.
[[nodiscard]] Buffer index_seed(unsigned version);

struct GoldenRecord {
  std::map<std::string, std::string> values;  // "UID" -> "00000003", "USERFLAGS" -> "0 0 0 0" ...
  std::string envelope;                       // what follows "Envel>{n}", n bytes
};
struct GoldenMailbox {
  std::map<std::string, std::string> values;  // "Minor Version" -> "17", "Unique ID" ...
  std::vector<GoldenRecord> records;
};
// From intact/mbexamine.txt (and mbexamine-each.txt), by "uniqueid uidvalidity"; empty for 2.1.12.
[[nodiscard]] std::map<std::string, GoldenMailbox> golden_mailboxes(const TempStore& store);

}  // namespace cyr::test
