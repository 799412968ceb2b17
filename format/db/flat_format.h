// flat: a text file of lines, escaped key TAB escaped value LF (format/doc/flat.md). Pure codecs and the
// View.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/db/view.h"

namespace cyr::db::flat {

// NUL TAB LF CR become 0xff and the byte with its top bit set; 0xff becomes two of them.
void append_escaped(std::string& out, std::string_view text);
// The reverse. 0xff before anything else is itself: releases before 2.5 did not escape. A view of `text` when
// there is nothing to do, else of `scratch`.
[[nodiscard]] std::string_view unescape(std::string_view text, std::string& scratch);

struct Line {
  std::uint64_t offset = 0;
  std::uint64_t end = 0;   // after the LF
  std::string_view key;    // escaped
  std::string_view value;  // escaped
};
[[nodiscard]] Result<Line> decode_line(std::string_view file, std::uint64_t offset);

class FlatView final : public View {
 public:
  explicit FlatView(Bytes file) : file_(as_text(file)) {}

  [[nodiscard]] Result<std::optional<Entry>> find(std::string_view key, const KeyOrder& order) const override;
  // Lines that were put out of order by hand are visited in order. Up to the first line that is damaged; then
  // an error.
  Status scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const override;
  [[nodiscard]] Result<OrderSet> orders() const override;
  [[nodiscard]] bool stable() const override { return true; }
  [[nodiscard]] Status check() const override;

  // Every line is one, and no key is there twice: what a rewrite keeps is everything.
  [[nodiscard]] Status check_lines() const;

 private:
  struct Index {  // what a look at all lines says
    OrderSet orders;
    std::optional<Error> damage;  // the first line that is none; everything after it is not in the index
    std::uint64_t end = 0;        // of the good lines
    bool sorted = true;
    bool escaped = true;                // every key stands there as 2.5 and later would write it
    std::vector<std::uint64_t> by_key;  // offsets of the lines, sorted; only when they are not so in the file
    std::optional<std::uint64_t> twice;  // offset of a line with a key that another one has
  };
  const Index& index() const;
  void sort_lines(Index& index) const;
  [[nodiscard]] Line line_at(std::uint64_t offset) const;  // of a line known to be good
  [[nodiscard]] Entry entry_of(const Line& line) const;
  [[nodiscard]] std::string key_at(std::uint64_t offset) const;  // of a good line, unescaped
  // Offset of the first line whose key is not less than the escaped `key`, in a sorted file.
  [[nodiscard]] Result<std::uint64_t> lower_bound(std::string_view key) const;
  [[nodiscard]] std::uint64_t line_start(std::uint64_t offset) const;

  std::string_view file_;
  mutable std::optional<Index> index_;
  mutable std::string key_scratch_;
  mutable std::string value_scratch_;
};

}  // namespace cyr::db::flat
