// What is left of a damaged flat file: its whole lines, "escaped key TAB escaped value LF"
// (format/doc/flat.md).
//
// There is no checksum. What tells of damage: bytes that no writer leaves as they are (NUL, a second TAB,
// CR), lines without TAB or LF, keys out of order. A line beside such a place is kept only if nothing of it
// can be missing: a value that was cut short would be an invented one. One flipped bit of a TAB or LF is put
// right where the order of keys leaves one answer.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "format/db/flat_format.h"
#include "format/db/order.h"
#include "format/db/salvage.h"

namespace cyr::db {

namespace {

struct Line {
  std::uint64_t offset = 0;
  std::string_view text;  // without LF
  bool ended = true;      // by LF
};

bool one_bit_from(char a, char b) {
  return std::has_single_bit(
      static_cast<unsigned>(static_cast<unsigned char>(a) ^ static_cast<unsigned char>(b)));
}

class FlatSalvage {
 public:
  FlatSalvage(const SalvageSource& source, SalvageReport& report)
      : file_(as_text(source.file)), report_(report) {}

  void run() {
    report_.order = Order::flat;
    split();
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      take(i);
    }
    settle_doubles();
    name_regions();
    summarise();
  }

 private:
  void split() {
    std::uint64_t offset = 0;
    while (offset < file_.size()) {
      const std::size_t end = file_.find('\n', static_cast<std::size_t>(offset));
      const bool ended = end != std::string_view::npos;
      const std::size_t stop = ended ? end : file_.size();
      lines_.push_back(
          {offset, file_.substr(static_cast<std::size_t>(offset), stop - static_cast<std::size_t>(offset)),
           ended});
      offset = stop + (ended ? 1 : 0);
    }
    const auto with_return = static_cast<std::size_t>(std::count_if(
        lines_.begin(), lines_.end(), [](const Line& line) { return line.text.ends_with('\r'); }));
    dos_ = with_return > 0 && 2 * with_return > lines_.size();
    const auto tabs = std::count_if(lines_.begin(), lines_.end(), [](const Line& line) {
      return std::count(line.text.begin(), line.text.end(), '\t') > 1 &&
             line.text.find('\0') == std::string_view::npos;
    });
    constexpr std::ptrdiff_t some = 2;  // that many lines with more than one TAB are no accident
    raw_tabs_ = tabs > some;
  }

  void take(std::size_t index) {
    Line line = lines_[index];
    if (dos_ && line.text.ends_with('\r')) {
      line.text.remove_suffix(1);
    }
    const auto tabs = std::count(line.text.begin(), line.text.end(), '\t');
    if (line.text.find('\0') != std::string_view::npos) {
      damaged(line, "NULs in the line");
    } else if (!line.ended) {
      leave_out(line, "no line end: it may be cut short");
    } else if (tabs == 0) {
      without_tab(index, line);
    } else if (tabs > 1 && !raw_tabs_) {
      with_two_tabs(index, line);
    } else if (line.text.find('\r') != std::string_view::npos) {
      leave_out(line, "a carriage return, which no writer leaves in a line");
    } else {
      add(line, 0);
    }
  }

  // ---- lines that are whole ----

  void add(const Line& line, std::uint8_t marks) {
    const std::size_t tab = line.text.find('\t');
    SalvagedRecord record;
    record.offset = line.offset;
    record.marks = marks;
    record.key = plain(line.text.substr(0, tab));
    record.value = plain(line.text.substr(tab + 1));
    if (record.key.empty()) {
      damaged(line, "no key");
      return;
    }
    if (has_literal_ff(line.text)) {
      record.set(Mark::wrong_era);
    }
    report_.records.push_back(record);
  }

  std::string_view plain(std::string_view escaped) {
    const std::string_view out = flat::unescape(escaped, scratch_);
    return out.data() == scratch_.data() ? report_.keep(std::string(out)) : out;
  }

  // 0xff that is no escape of 2.5 and later; those are of two bytes.
  static bool has_literal_ff(std::string_view text) {
    constexpr std::string_view second_bytes("\x80\x89\x8a\x8d\xff", 5);
    for (std::size_t i = text.find('\xff'); i != std::string_view::npos; i = text.find('\xff', i + 2)) {
      if (i + 1 == text.size() || second_bytes.find(text[i + 1]) == std::string_view::npos) {
        return true;
      }
    }
    return false;
  }

  // ---- one flipped bit ----

  // The key of the line before and of the line after, as they stand there; nothing at the ends of the file.
  [[nodiscard]] std::optional<std::string> key_of(std::size_t index) const {
    if (index >= lines_.size()) {
      return {};
    }
    const std::size_t tab = lines_[index].text.find('\t');
    if (tab == std::string_view::npos || !lines_[index].ended) {
      return {};
    }
    std::string scratch;
    return std::string(flat::unescape(lines_[index].text.substr(0, tab), scratch));
  }

  [[nodiscard]] bool ascending(const std::optional<std::string>& a,
                               const std::optional<std::string>& b) const {
    return !a || !b || order_.less(*a, *b);
  }

  // A line without TAB: its TAB was flipped, or it is the rest of the line before, where a byte became LF.
  void without_tab(std::size_t index, const Line& line) {
    const auto before = index > 0 ? key_of(index - 1) : std::nullopt;
    const auto after = key_of(index + 1);
    std::string scratch;
    std::vector<std::size_t> answers;
    constexpr std::size_t longest = 4096;  // bytes of a key that is looked for
    for (std::size_t i = 1; i < std::min(line.text.size(), longest) && before && after; ++i) {
      const std::optional<std::string> key(flat::unescape(line.text.substr(0, i), scratch));
      if (one_bit_from(line.text[i], '\t') && ascending(before, key) && ascending(key, after)) {
        answers.push_back(i);
      }
    }
    if (answers.size() == 1) {
      std::string mended(line.text);
      mended[answers.front()] = '\t';
      add({line.offset, report_.keep(std::move(mended)), true},
          static_cast<std::uint8_t>(Mark::repaired_bit));
      return;
    }
    damaged(line, line.text.empty() ? "an empty line" : "a line without TAB");
    if (index > 0) {
      take_back(lines_[index - 1], "what follows it may belong to it");
    }
  }

  // Two lines whose LF was flipped, or a byte that became TAB.
  void with_two_tabs(std::size_t index, const Line& line) {
    const std::size_t first = line.text.find('\t');
    const std::size_t second = line.text.find('\t', first + 1);
    const auto before = index > 0 ? key_of(index - 1) : std::nullopt;
    const auto after = key_of(index + 1);
    std::string scratch;
    const std::optional<std::string> key(flat::unescape(line.text.substr(0, first), scratch));
    std::vector<std::size_t> answers;
    constexpr std::size_t longest = 4096;  // bytes of a key that is looked for
    for (std::size_t i = std::max(first + 1, second - std::min(second, longest));
         i < second && before && after; ++i) {
      const std::optional<std::string> next(flat::unescape(line.text.substr(i + 1, second - i - 1), scratch));
      if (one_bit_from(line.text[i], '\n') && !next->empty() && ascending(key, next) &&
          ascending(next, after)) {
        answers.push_back(i);
      }
    }
    if (answers.size() == 1 && ascending(before, key) &&
        std::count(line.text.begin(), line.text.end(), '\t') == 2) {
      const auto mark = static_cast<std::uint8_t>(Mark::repaired_bit);
      add({line.offset, line.text.substr(0, answers.front()), true}, mark);
      add({line.offset + answers.front() + 1, line.text.substr(answers.front() + 1), true}, mark);
      return;
    }
    leave_out(line, "two TABs: two lines run together, or a byte that became a TAB");
  }

  // ---- what is not kept ----

  void damaged(const Line& line, std::string what) {
    DamagedRegion region;
    region.offset = line.offset;
    region.length = line.text.size() + (line.ended ? 1 : 0);
    region.what = std::move(what);
    report_.damaged.push_back(std::move(region));
  }

  void leave_out(const Line& line, std::string why) {
    const std::size_t tab = line.text.find('\t');
    const bool half = tab == std::string_view::npos;
    report_.left_out.push_back({half ? std::string_view() : line.text.substr(0, tab),
                                half ? line.text : line.text.substr(tab + 1), line.offset, std::move(why)});
  }

  void take_back(const Line& line, std::string why) {
    if (!report_.records.empty() && report_.records.back().offset == line.offset &&
        !report_.records.back().has(Mark::repaired_bit)) {
      report_.records.pop_back();
      leave_out(line, std::move(why));
    }
  }

  // A file that was edited by hand may have a key twice: readers find one of them, the later one is the
  // newer.
  void settle_doubles() {
    std::unordered_map<std::string_view, std::size_t> last;
    bool sorted = true;
    for (std::size_t i = 0; i < report_.records.size(); ++i) {
      last[report_.records[i].key] = i;
      sorted = sorted && (i == 0 || order_.less(report_.records[i - 1].key, report_.records[i].key));
    }
    if (sorted) {
      return;
    }
    std::vector<SalvagedRecord> kept;
    for (std::size_t i = 0; i < report_.records.size(); ++i) {
      if (last[report_.records[i].key] == i) {
        kept.push_back(report_.records[i]);
      }
    }
    report_.superseded += report_.records.size() - kept.size();
    report_.notes.emplace_back(
        "lines are not in order, or a key is there twice; of such keys the last line counts");
    report_.records = std::move(kept);
  }

  // By place: the records are still in the order of the file, or nearly so.
  void name_regions() {
    for (DamagedRegion& region : report_.damaged) {
      const auto after =
          std::partition_point(report_.records.begin(), report_.records.end(),
                               [&](const auto& record) { return record.offset < region.offset; });
      if (after != report_.records.begin()) {
        region.key_before = std::string(std::prev(after)->key);
      }
      if (after != report_.records.end()) {
        region.key_after = std::string(after->key);
      }
    }
  }

  void summarise() {
    if (dos_) {
      report_.notes.emplace_back("lines end with carriage returns, which were taken away");
    }
    if (raw_tabs_) {
      report_.notes.emplace_back(
          "several values hold TABs that are not escaped, as a file made by hand may; kept");
    }
    const auto old = std::count_if(report_.records.begin(), report_.records.end(),
                                   [](const SalvagedRecord& record) { return record.has(Mark::wrong_era); });
    if (old > 0) {
      report_.notes.push_back(
          fmt::format("{} records hold 0xff bytes as releases before 2.5 wrote them", old));
    }
  }

  std::string_view file_;
  SalvageReport& report_;
  KeyOrder order_{Order::flat};
  std::vector<Line> lines_;
  bool dos_ = false;       // lines end with CR LF
  bool raw_tabs_ = false;  // values hold TABs
  std::string scratch_;
};

}  // namespace

Status salvage_flat(const SalvageSource& source, SalvageReport& report) {
  FlatSalvage(source, report).run();
  return success();
}

}  // namespace cyr::db
