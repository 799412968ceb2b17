// Sets of UIDs in IMAP notation, "1:4,7,9:*", as in seen.db and on command lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr::text {

class SequenceSet {
 public:
  struct Range {
    std::uint32_t first = 0;  // inclusive, 1 or greater
    std::uint32_t last = 0;   // inclusive, not smaller than first
    friend bool operator==(const Range&, const Range&) = default;
  };

  SequenceSet() = default;
  // Ranges may be reversed, overlap, and stand in any order; `*` is `star`, the largest number in use. The
  // empty text is the empty set. Errc::corrupt with the offset for anything else, 0 and numbers above 2^32-1
  // included.
  static Result<SequenceSet> parse(std::string_view text, std::uint32_t star = UINT32_MAX);

  void add(std::uint32_t number) { add(number, number); }
  void add(std::uint32_t first, std::uint32_t last);
  void remove(std::uint32_t number);
  [[nodiscard]] bool contains(std::uint32_t number) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::uint64_t size() const;  // how many numbers
  // Ascending, neither overlapping nor adjacent.
  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }
  [[nodiscard]] std::string print() const;
  friend bool operator==(const SequenceSet&, const SequenceSet&) = default;

 private:
  std::vector<Range> ranges_;
};

}  // namespace cyr::text
