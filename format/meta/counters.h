// A user's modseq counters: a small binary file of its own, replaced as a whole (store.md 6.5;
// format/doc/counters.md).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "format/base/bytes.h"
#include "format/base/error.h"

namespace cyr::meta {

// All modseqs; those that a version does not have are 0.
struct Counters {
  std::uint32_t generation = 0;  // +1 at each write
  std::uint32_t version = 9;     // 0-9
  std::uint64_t highestmodseq = 0;
  std::uint64_t mailmodseq = 0, caldavmodseq = 0, carddavmodseq = 0, notesmodseq = 0;
  std::uint64_t mailfoldersmodseq = 0, caldavfoldersmodseq = 0, carddavfoldersmodseq = 0,
                notesfoldersmodseq = 0;
  std::uint64_t quotamodseq = 0, raclmodseq = 0;
  std::uint64_t submissionmodseq = 0, submissionfoldersmodseq = 0;
  std::array<std::uint64_t, 10>
      deletedmodseq{};  // mail, caldav, carddav, notes, submission; then the folders of these
  std::array<std::uint64_t, 12> laterkindsmodseq{};  // DAV notifications, JMAP notifications, sieve: modseq,
                                                     // deleted, folders, folders deleted
  std::uint32_t uidvalidity = 0;

  friend bool operator==(const Counters&, const Counters&) = default;
};

// Errc::corrupt for a length that no version has or a wrong CRC.
[[nodiscard]] Result<Counters> decode_counters(Bytes file);
[[nodiscard]] Buffer encode_counters(const Counters& counters);

}  // namespace cyr::meta
