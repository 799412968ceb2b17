// The modseq counters of a user as a source of new modseqs (store.md 6.5). Kept only where conversations are
// on; without them every mailbox and quota root counts for itself.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "format/meta/counters.h"
#include "format/meta/mailbox_type.h"
#include "format/store/saved_copies.h"
#include "format/store/store.h"

namespace cyr::store {

enum class CounterKind : std::uint8_t { mail, quota };

// The counters of `user`; all zero where there are none, or none that can be read.
Result<meta::Counters> read_counters(Store& store, const names::UserId& user);
// highestmodseq of the counters of `user` (empty: those of the shared mailboxes). Nothing where there are
// none, or none that can be read: such a file is left alone.
Result<std::optional<std::uint64_t>> highest_counter(Store& store, const names::UserId& user);
// Sets highestmodseq and the modseq of `kind` to what `next` makes of the present highest; the new value, or
// nothing as above. With `saved` the old file is kept.
Result<std::optional<std::uint64_t>> raise_counters(Store& store, const names::UserId& user, CounterKind kind,
                                                    SavedCopies* saved,
                                                    const std::function<std::uint64_t(std::uint64_t)>& next);

// The modseq that a quota root gets when its record is written (store.md 5.5). Higher than `last`. With
// conversations on it comes from the counters of the root's user, which are raised; without, it is one more;
// roots that belong to no user keep theirs.
Result<std::uint64_t> next_quota_modseq(Store& store, std::string_view root, std::uint64_t last,
                                        SavedCopies* saved);

// Changes the counters of `user` under their lock and replaces the file, which is made if there is none.
// False, and nothing is done, where none are kept or the file cannot be read.
Result<bool> change_counters(Store& store, const names::UserId& user,
                             const std::function<void(meta::Counters&)>& change);

// What else a new modseq means.
struct ModseqUse {
  bool folder = false;   // the list of mailboxes looks different: a mailbox made, its annotations
  bool deleted = false;  // a mailbox is gone
};
// The next modseq for a mailbox of `kind` that belongs to `user`: higher than `last`, and with conversations
// on than any before in the user's mailboxes.
Result<std::uint64_t> next_modseq(Store& store, const names::UserId& user, meta::MailboxKind kind,
                                  std::uint64_t last, ModseqUse use = {});
// Notes a modseq that is in use already.
Status note_modseq(Store& store, const names::UserId& user, meta::MailboxKind kind, std::uint64_t modseq,
                   ModseqUse use);
// For a new mailbox: higher than any that was given to this user, and than `now` (seconds).
Result<std::uint32_t> next_uidvalidity(Store& store, const names::UserId& user, std::int64_t now);
Status note_uidvalidity(Store& store, const names::UserId& user, std::uint32_t uidvalidity);

}  // namespace cyr::store
