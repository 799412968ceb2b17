// The two CRCs by which replication compares mailboxes: sync_crc_basic (v12+) and sync_crc_annot (v13+). Both
// are XORs over the records without EXPUNGED, in any order, so a change is XORed out and in (mailbox.md 3.6).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/mailbox/index.h"

namespace cyr::mailbox {

// The contribution of one record; 0 for an expunged one. `flag_names` by user flag bit, empty = unassigned.
[[nodiscard]] std::uint32_t sync_crc_basic(const IndexRecord& record,
                                           const std::vector<std::string>& flag_names);

// How a release writes sync_crc_annot.
struct SyncCrcAnnotStyle {
  std::uint32_t initial = 12345678;  // 0 in 2.5-3.1
  bool padded_cid = false;           // 16 digits: 3.13
};

// The contribution of the fields that count as annotations of the record (thrid, savedate, createdmodseq
// ...); `version` says which fields exist. 0 for an expunged record.
[[nodiscard]] std::uint32_t sync_crc_annot(const IndexRecord& record, unsigned version,
                                           const SyncCrcAnnotStyle& style);
// The contribution of one annotation from cyrus.annotations. `userid` is the real one, not the owner's
// placeholder; an entry that sync_crc_annot(record) already covers in `version` gives 0.
[[nodiscard]] std::uint32_t sync_crc_annotation(std::uint32_t uid, std::string_view entry,
                                                std::string_view userid, std::string_view value,
                                                unsigned version);

// True for an entry whose value is a field of the record in `version` (thrid from v13 ...).
[[nodiscard]] bool is_virtual_annotation(std::string_view entry, unsigned version);

// Counters and CRCs of a mailbox, added up from its records (mailbox.md 3.4).
class IndexTotals {
 public:
  IndexTotals(unsigned version, const std::vector<std::string>& flag_names,
              const SyncCrcAnnotStyle& style = {})
      : version_(version), flag_names_(&flag_names), style_(style) {}
  void add(const IndexRecord& record);
  void add_annotation(std::uint32_t uid, std::string_view entry, std::string_view userid,
                      std::string_view value);
  // Adds what another one, made with the same arguments, has added up.
  void add(const IndexTotals& other);
  // Sets deleted, answered, flagged, exists, unseen, the quota_*_used but quota_annot_used, the sync CRCs
  // and, only upwards, last_uid and highestmodseq.
  void apply(IndexHeader& header) const;

  std::uint32_t records = 0, exists = 0, deleted = 0, answered = 0, flagged = 0, unseen = 0;
  std::uint32_t expunged = 0, unlinked = 0;
  std::uint64_t quota_mailbox_used = 0, quota_deleted_used = 0, quota_expunged_used = 0;  // bytes
  std::uint64_t annotation_bytes = 0;  // of add_annotation(); message annotations only
  std::uint32_t last_uid = 0;
  std::uint64_t highestmodseq = 0;
  std::uint32_t sync_basic = 0;
  std::uint32_t sync_annot = 0;  // without the initial value

 private:
  unsigned version_;
  const std::vector<std::string>* flag_names_;
  SyncCrcAnnotStyle style_;
};

}  // namespace cyr::mailbox
