#include "format/db/flat_format.h"

#include <algorithm>

#include "format/base/log.h"
#include "format/db/record_access.h"

namespace cyr::db::flat {

namespace {

constexpr char escape = '\xff';
constexpr unsigned char top_bit = 0x80;

constexpr bool is_escaped(char c) { return c == '\0' || c == '\t' || c == '\n' || c == '\r' || c == escape; }

// What 0xff stands for before `c`; nothing when it is not an escape.
constexpr std::optional<char> escaped_byte(char c) {
  if (c == escape) {
    return escape;
  }
  const auto byte = static_cast<unsigned char>(c);
  const auto plain = static_cast<char>(byte & 0x7fU);
  if (byte >= top_bit && is_escaped(plain)) {
    return plain;
  }
  return {};
}

// The order of lines is the mbox order of what stands in them.
const KeyOrder& line_order() {
  static const KeyOrder order(Order::mbox);
  return order;
}
// The same order on keys that are not escaped.
const KeyOrder& key_order() {
  static const KeyOrder order(Order::flat);
  return order;
}

bool is_canonical(std::string_view escaped, std::string_view key) {
  constexpr std::string_view written_otherwise = "\xff\r";  // NUL, TAB and LF cannot stand in a key
  if (escaped.find_first_of(written_otherwise) == std::string_view::npos) {
    return true;
  }
  std::string again;
  append_escaped(again, key);
  return again == escaped;
}

}  // namespace

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (!is_escaped(c)) {
      out += c;
      continue;
    }
    out += escape;
    out += static_cast<char>(static_cast<unsigned char>(c) | top_bit);
  }
}

std::string_view unescape(std::string_view text, std::string& scratch) {
  if (text.find(escape) == std::string_view::npos) {
    return text;
  }
  scratch.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == escape && i + 1 < text.size() ? escaped_byte(text[i + 1]) : std::nullopt;
    scratch += byte ? *byte : text[i];
    i += byte ? 1 : 0;
  }
  return scratch;
}

Result<Line> decode_line(std::string_view file, std::uint64_t offset) {
  begin_record(as_bytes(file.substr(std::min<std::uint64_t>(offset, file.size()))));
  const std::size_t end = file.find('\n', offset);
  if (end == std::string_view::npos) {
    return corrupt("the last line has no end", offset);
  }
  const std::string_view line = file.substr(offset, end - offset);
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) {
    return corrupt("line without a TAB", offset);
  }
  if (line.find('\0') != std::string_view::npos) {
    return corrupt("line with a NUL byte", offset);
  }
  return Line{offset, end + 1, line.substr(0, tab), line.substr(tab + 1)};
}

Line FlatView::line_at(std::uint64_t offset) const {
  const auto line = decode_line(file_, offset);
  return line ? *line : Line{};
}

Entry FlatView::entry_of(const Line& line) const {
  return {unescape(line.key, key_scratch_), unescape(line.value, value_scratch_)};
}

std::string FlatView::key_at(std::uint64_t offset) const {
  std::string scratch;
  return std::string(unescape(line_at(offset).key, scratch));
}

const FlatView::Index& FlatView::index() const {
  if (index_) {
    return *index_;
  }
  Index out;
  std::string scratch[2];  // keys of this line and of the one before
  std::string_view previous_key;
  for (unsigned turn = 0; out.end < file_.size(); turn ^= 1U) {
    auto line = decode_line(file_, out.end);
    if (!line) {
      out.damage = std::move(line.error());
      break;
    }
    const std::string_view key = unescape(line->key, scratch[turn]);
    if (out.end != 0) {
      out.orders.narrow(previous_key, key);
    }
    out.escaped = out.escaped && is_canonical(line->key, key);
    previous_key = key;
    out.end = line->end;
  }
  // Lines with bytes of before 2.5 are where 2.5 and later do not look for them.
  out.sorted = out.escaped && out.orders.has(Order::flat);
  if (!out.sorted) {
    sort_lines(out);
  }
  index_ = std::move(out);
  return *index_;
}

void FlatView::sort_lines(Index& index) const {
  for (std::uint64_t offset = 0; offset < index.end; offset = line_at(offset).end) {
    index.by_key.push_back(offset);
  }
  std::stable_sort(index.by_key.begin(), index.by_key.end(),
                   [&](std::uint64_t a, std::uint64_t b) { return key_order().less(key_at(a), key_at(b)); });
  // Of two lines with one key the later one counts.
  std::vector<std::uint64_t> last;
  for (const std::uint64_t offset : index.by_key) {
    if (!last.empty() && key_order().compare(key_at(last.back()), key_at(offset)) == 0) {
      index.twice = offset;
      last.back() = offset;
    } else {
      last.push_back(offset);
    }
  }
  index.by_key = std::move(last);
}

std::uint64_t FlatView::line_start(std::uint64_t offset) const {
  if (offset == 0) {
    return 0;
  }
  const std::size_t lf = file_.rfind('\n', offset - 1);
  return lf == std::string_view::npos ? 0 : lf + 1;
}

Result<std::uint64_t> FlatView::lower_bound(std::string_view key) const {
  std::uint64_t low = 0;  // start of a line, or the end
  std::uint64_t high = file_.size();
  while (low < high) {
    const std::uint64_t middle = line_start(low + (high - low) / 2);
    CYR_TRY(const Line line, decode_line(file_, middle));
    if (line_order().less(line.key, key)) {
      low = line.end;
    } else {
      high = middle;
    }
  }
  return low;
}

Result<std::optional<Entry>> FlatView::find(std::string_view key, const KeyOrder& /*order*/) const {
  std::string wanted;
  append_escaped(wanted, key);
  if (const auto offset = lower_bound(wanted); offset && *offset < file_.size()) {
    if (const auto line = decode_line(file_, *offset); line && line->key == wanted) {
      return std::optional(entry_of(*line));
    }
  }
  // Not there, or the lines are not in order: then nothing can be said without looking at all of them.
  const Index& all = index();
  const auto found = std::lower_bound(
      all.by_key.begin(), all.by_key.end(), key,
      [&](std::uint64_t at, std::string_view text) { return key_order().less(key_at(at), text); });
  if (found != all.by_key.end() && key_at(*found) == key) {
    return std::optional(entry_of(line_at(*found)));
  }
  if (all.damage) {
    return *all.damage;
  }
  return std::optional<Entry>();
}

Status FlatView::scan(ScanFrom from, const KeyOrder& /*order*/, const EntryVisitor& visit) const {
  const Index& all = index();
  std::string wanted;
  append_escaped(wanted, from.key);
  std::string scratch;
  const auto wants = [&](const Line& line) {
    const int difference = key_order().compare(unescape(line.key, scratch), from.key);
    return difference > 0 || (difference == 0 && from.inclusive) || from.key.empty();
  };
  std::size_t nth = 0;
  std::uint64_t offset = 0;
  if (all.sorted && !from.key.empty() && !all.damage) {
    CYR_TRY(offset, lower_bound(wanted));
  }
  while (all.sorted ? offset < all.end : nth < all.by_key.size()) {
    const Line line = line_at(all.sorted ? offset : all.by_key[nth]);
    offset = line.end;
    ++nth;
    if (!wants(line)) {
      continue;
    }
    CYR_TRY(const Visit go, visit(entry_of(line)));
    if (go == Visit::stop) {
      return success();
    }
  }
  return all.damage ? Status(*all.damage) : success();
}

Result<OrderSet> FlatView::orders() const {
  const Index& all = index();
  if (all.damage) {
    return *all.damage;
  }
  OrderSet orders = all.orders;
  if (!all.sorted) {  // visited in flat's order, whatever the file says
    orders = OrderSet();
    std::string previous;
    bool first = true;
    CYR_CHECK(scan({}, key_order(), [&](const Entry& entry) -> Result<Visit> {
      if (!first) {
        orders.narrow(previous, entry.key);
      }
      first = false;
      previous = entry.key;
      return Visit::go_on;
    }));
  }
  return orders;
}

Status FlatView::check_lines() const {
  const Index& all = index();
  if (all.damage) {
    return *all.damage;
  }
  if (all.twice) {
    return corrupt("key is there twice", *all.twice)
        .with_hint("take one of the two lines out with an editor");
  }
  return success();
}

Status FlatView::check() const {
  CYR_CHECK(check_lines());
  if (!index().escaped) {
    return corrupt(
               "keys with bytes 0xff or CR as releases before 2.5 wrote them, where later ones do not find "
               "them")
        .with_hint("any change with cyr_dbtool writes them anew");
  }
  if (!index().sorted) {
    return corrupt("lines are not in order, so Cyrus does not find some of them")
        .with_hint("cvt_cyrusdb from flat to flat, or any change with cyr_dbtool, sorts them");
  }
  return success();
}

}  // namespace cyr::db::flat
