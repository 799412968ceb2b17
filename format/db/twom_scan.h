// A damaged twom file read from end to end: every record whose head is whole, or is with one bit put right,
// and the bytes between them (format/doc/salvage.md).
#pragma once

#include <optional>
#include <vector>

#include "format/db/salvage.h"
#include "format/db/twom_format.h"

namespace cyr::db::twom {

struct Scanned {
  Record record;           // of a repaired one: a copy in SalvageReport::store
  bool whole_tail = true;  // key and value match their checksum
  bool repaired = false;   // one flipped bit was put right
};

class Scan {
 public:
  Scan(Bytes file, SalvageReport& report)
      : file_(file), report_(report), effort_(65536 + 64 * std::uint64_t{file.size()}) {}

  // Fills items() and the damaged regions of the report. `end` is where the scan ends.
  void run(Checksum kind, std::uint64_t end);
  [[nodiscard]] const std::vector<Scanned>& items() const { return items_; }  // by offset
  // Nothing when it cannot be used.
  [[nodiscard]] static std::optional<Header> header(Bytes file);
  // Of a file without a header: what any record is right with.
  [[nodiscard]] static Checksum find_kind(Bytes file);

 private:
  [[nodiscard]] std::optional<Scanned> record_at(std::uint64_t offset) const;
  [[nodiscard]] std::optional<Scanned> with_flipped_bit(std::uint64_t offset, bool in_tail);
  [[nodiscard]] bool plausible(const Record& record) const;
  void damage(std::uint64_t from, std::uint64_t to, std::string what);

  Bytes file_;
  SalvageReport& report_;
  Checksum kind_ = Checksum::xxh3;
  std::uint64_t end_ = 0;
  std::vector<Scanned> items_;
  std::uint64_t
      effort_;  // bytes that may still be summed for repairs, so that hostile files take linear time
};

}  // namespace cyr::db::twom
