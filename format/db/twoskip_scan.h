// A damaged twoskip file read from end to end: every record whose head is whole or can be proven, and the
// bytes between them (format/doc/salvage.md).
#pragma once

#include <vector>

#include "format/db/salvage.h"
#include "format/db/twoskip_format.h"

namespace cyr::db::twoskip {

struct Scanned {
  Record record;             // of a repaired one: a copy in SalvageReport::store
  bool whole_tail = true;    // key and value match their CRC
  bool sound_slots = true;   // the pointers are those that were written
  bool sure_lengths = true;  // where the key ends is proven, too, not only key and value as one run
  std::uint8_t marks = 0;    // Mark::repaired_bit, Mark::rebuilt_head
};

class Scan {
 public:
  Scan(Bytes file, SalvageReport& report)
      : file_(file), report_(report), effort_(4096 + 16 * std::uint64_t{file.size()}) {}

  // Fills items() and the damaged regions of the report (offsets and what they are; not the keys).
  void run();
  // By offset; the first may be the DUMMY.
  [[nodiscard]] const std::vector<Scanned>& items() const { return items_; }
  // A flipped bit of the header is put right too. Nothing when it cannot be used.
  [[nodiscard]] std::optional<Header> header();

 private:
  [[nodiscard]] std::optional<Scanned> repaired(std::uint64_t offset, bool expected);
  [[nodiscard]] std::optional<Scanned> with_cut_padding(std::uint64_t offset);
  [[nodiscard]] std::optional<Scanned> flipped_head(std::uint64_t offset, bool expected);
  [[nodiscard]] std::optional<Scanned> with_level(std::uint64_t offset, unsigned level,
                                                  std::uint8_t level_mask, bool expected);
  [[nodiscard]] std::optional<Scanned> proven_by_tail(std::uint64_t offset);
  [[nodiscard]] std::optional<Scanned> patched(std::uint64_t offset, std::uint64_t position,
                                               std::uint8_t mask, bool expected);
  [[nodiscard]] bool follows_well(std::uint64_t end) const;
  void accept(Scanned item);
  void damage(std::uint64_t from, std::uint64_t to);
  void drop_unsure();
  void mend_tails();
  void mend_tail(Scanned& item);
  [[nodiscard]] bool spend(std::uint64_t bytes);

  Bytes file_;
  SalvageReport& report_;
  std::vector<Scanned> items_;
  std::uint64_t
      effort_;  // bytes that may still be looked at for repairs, so that hostile files take linear time
};

}  // namespace cyr::db::twoskip
