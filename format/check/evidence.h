// What the rest of the store still knows about a mailbox whose index is lost: mailboxes.db, statuscache.db,
// message annotations, and which index version its neighbours have.
#pragma once

#include <cstdint>
#include <optional>

#include "format/check/context.h"

namespace cyr::check {

struct IndexEvidence {
  unsigned minor_version = 17;
  std::uint32_t uidvalidity = 0;  // never 0
  std::uint32_t last_uid = 0;     // at least what was given out, as far as anything tells
  std::uint64_t highestmodseq = 1;
  std::uint64_t createdmodseq = 0;
  std::optional<std::uint64_t> exists;  // messages that were not expunged, by statuscache.db
  std::optional<std::uint64_t> bytes;   // and their size
};

// Nothing here fails: a source that cannot be read says nothing. Where none says how far UIDs and modseqs had
// been given out, they are raised by kUnknownGap, so that a client never sees one of them twice.
[[nodiscard]] IndexEvidence gather_index_evidence(Context& context);
inline constexpr std::uint32_t kUnknownGap = 1000;

// What statuscache.db says (3.2 and later); nothing for other forms, or when it is about another UIDVALIDITY.
struct CachedStatus {
  std::uint64_t messages = 0, uidnext = 0, uidvalidity = 0, options = 0, size = 0, createdmodseq = 0,
                highestmodseq = 0;
};
[[nodiscard]] std::optional<CachedStatus> cached_status(store::Store& store, std::string_view internal_name);

}  // namespace cyr::check
