// Metadata files that belong to another mailbox, as two that changed places or a restore into the wrong
// directory leave them (format/doc/repair.md). The mailbox's own file is looked for where the other one's
// should be, and among what earlier repairs kept.
#pragma once

#include <optional>

#include "format/check/context.h"

namespace cyr::check {

struct FoundFile {
  fs::path path;
  FileBytes file;
};

// True if most messages of an index that decodes are not here, but others are.
[[nodiscard]] bool misses_its_messages(Context& context, Bytes index);
// True if an index has the UIDVALIDITY of mailboxes.db and the CRC of the mailbox's header: it is its own,
// wherever its messages are.
[[nodiscard]] bool names_this_mailbox(Context& context, Bytes index);
// True if an index has not the CRC of the mailbox's header, but that of another mailbox's, and another
// UIDVALIDITY than mailboxes.db or a message that is not here: it is that one's, even when most messages of
// both have the same sizes.
[[nodiscard]] bool names_another_header(Context& context, Bytes index);
// The index with the UIDVALIDITY of mailboxes.db and the CRC of the header whose messages are here.
[[nodiscard]] std::optional<FoundFile> find_own_index(Context& context, Bytes foreign);
// For a mailbox whose index is lost: the same, among those that lie where another mailbox's should be.
[[nodiscard]] std::optional<FoundFile> find_stray_index(Context& context);
// The mailbox that an index belongs to by the CRC of the header or, before version 12, by its messages.
[[nodiscard]] std::optional<std::string> owner_of_index(Context& context, Bytes foreign);

// The header file with this mailbox's unique id, and with the CRC that the index has. `foreign_id`: the
// unique id in the one that is here.
[[nodiscard]] std::optional<FoundFile> find_own_header(Context& context, std::string_view foreign_id,
                                                       bool crc_known);
// Whether a header names another mailbox (one whose id mailboxes.db has wrong names none).
[[nodiscard]] bool is_foreign_header(Context& context, const mailbox::MailboxHeader& header);
// The mailbox of mailboxes.db with this unique id.
[[nodiscard]] std::optional<std::string> name_of_listed_id(Context& context, std::string_view uniqueid);

}  // namespace cyr::check
