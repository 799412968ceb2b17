// Annotations of the server and of mailboxes (RFC 5464 METADATA, ANNOTATEMORE): the records of
// annotations.db, and what lies elsewhere but is set in the same way: options of the index, files in
// conf/msg, special uses. Entries are named without "/shared" and "/private".
#pragma once

#include <optional>

#include "format/store/administration.h"

namespace cyr::store {

struct MetadataItem {
  std::string entry;
  bool shared = true;
  std::optional<std::string> value;  // nothing: NIL
};

// Sets an entry, or removes it without a value. Private ones are admin.actor's. Refusal: nonexistent,
// permission, annotation_entry, annotation_value, bad_parameters, special_use.
Status set_metadata(Administration& admin, const std::string& mailbox, const MetadataItem& item);
Status set_server_metadata(Administration& admin, const MetadataItem& item);

// Whether such a call would be refused, as far as that can be known without making it (an empty mailbox: the
// server): so that of several entries all are set or none.
Status check_metadata(Administration& admin, const std::string& mailbox, const MetadataItem& item);

// Everything that admin.actor can see: what is stored, in the database's order, then the entries of the table
// that are not (those that may be set, with NIL).
Result<std::vector<MetadataItem>> get_metadata(Administration& admin, const std::string& mailbox);
Result<std::vector<MetadataItem>> get_server_metadata(Administration& admin);

// Special uses (RFC 6154): an annotation of the owner.
Result<std::vector<std::string>> special_uses(Store& store, const meta::MailboxEntry& entry);

// Those of many mailboxes: the database is looked for once. What changes meanwhile may be seen or not.
class SpecialUses {
 public:
  explicit SpecialUses(Store& store) : store_(store) {}
  Result<std::vector<std::string>> of(const meta::MailboxEntry& entry);

 private:
  Store& store_;
  std::optional<Result<db::Database*>> database_;  // nothing yet; null: there is none
};
// Refusal: annotation_entry for one that is not known, special_use when another mailbox of the user has it.
Status check_special_use(Administration& admin, std::string_view mailbox,
                         const std::vector<std::string>& uses);
Status set_special_use(Administration& admin, const meta::MailboxEntry& entry,
                       const std::vector<std::string>& uses);
// specialuse_protect: Refusal::special_use for a mailbox that must not be deleted, or not be renamed to `to`.
Status check_protected(Administration& admin, const meta::MailboxEntry& entry);
Status check_protected_rename(Administration& admin, const meta::MailboxEntry& entry,
                              const names::MailboxName& to);

// How many annotations go with a mailbox.
Result<std::size_t> count_mailbox_annotations(Store& store, const meta::MailboxEntry& entry);

}  // namespace cyr::store
