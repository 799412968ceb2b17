// Annotations as operations on mailboxes need them: those of the messages of one mailbox, and values that a
// mailbox inherits from the names above it (mailbox.md 8.3, store.md 6.7).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/store/store.h"

namespace cyr::store {

// One record of cyrus.annotations.
struct StoredAnnotation {
  std::string key;     // as in the database
  std::string stored;  // likewise
  std::string entry;
  std::string userid;  // the owner's placeholder replaced by the owner
  std::string value;
  bool deleted = false;  // a tombstone, which counts nowhere
};
using MessageAnnotations = std::map<std::uint32_t, std::vector<StoredAnnotation>>;  // by UID

// All of a mailbox; empty when it has no cyrus.annotations. Records that are no message annotations are left
// out, as Cyrus does.
Result<MessageAnnotations> read_message_annotations(Store& store, const MailboxFiles& files);

// The shared value of `annotation` ("/vendor/cmu/cyrus-imapd/expire") for a mailbox: its own, else, with
// `inherit`, that of the nearest name above it that has one, else the server's. Nothing when nobody set it.
Result<std::optional<std::string>> mailbox_annotation(Store& store, const meta::MailboxEntry& entry,
                                                      std::string_view annotation, bool inherit);

// Removes every annotation of a mailbox itself from annotations.db.
Status erase_mailbox_annotations(Store& store, const meta::MailboxEntry& entry);

}  // namespace cyr::store
