// What is left of a damaged cyrus.header. The magic and the content are judged apart, and in the content
// every value by itself: a value whose end was seen is sound, one that was cut off or follows a broken one is
// doubtful.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/mailbox/header.h"
#include "format/mailbox/header_parts.h"

namespace cyr::mailbox {
namespace {

using text::Item;

constexpr std::string_view kKnownKeys = "TNIJQAU";
// Bounds on the work that hostile bytes can cause; a real header stays far below them.
constexpr std::size_t kMaxDoubts = 64;
constexpr std::size_t kMaxCutList = std::size_t{32} << 10;  // bytes
constexpr int kMaxDroppedItems = 512;

Trust* trust_of(SalvagedHeader& out, char key) {
  switch (key) {
    case 'T':
      return &out.type;
    case 'N':
      return &out.name;
    case 'I':
      return &out.uniqueid;
    case 'Q':
      return &out.quotaroot;
    case 'A':
      return &out.acl;
    case 'U':
      return &out.flags;
    default:
      return nullptr;
  }
}

bool plausible_uniqueid(std::string_view id) {
  return !id.empty() &&
         std::all_of(id.begin(), id.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}
bool plausible_rights(std::string_view rights) { return std::all_of(rights.begin(), rights.end(), is_alnum); }
bool plausible_identifier(std::string_view id) {
  return !id.empty() &&
         std::all_of(id.begin(), id.end(), [](char c) { return c < 0 || (c >= ' ' && c != 0x7F); });
}

bool plausible_acl(std::string_view acl) {
  auto parts = split(acl, '\t');
  if (!parts.back().empty() || parts.size() % 2 == 0) {
    return false;
  }
  parts.pop_back();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!(i % 2 == 0 ? plausible_identifier(parts[i]) : plausible_rights(parts[i]))) {
      return false;
    }
  }
  return true;
}

// The pairs of an ACL text that are whole and believable.
std::string believable_acl(std::string_view acl) {
  const auto parts = split(acl, '\t');
  std::string out;
  for (std::size_t i = 0; i + 2 < parts.size(); i += 2) {
    if (plausible_identifier(parts[i]) && plausible_rights(parts[i + 1])) {
      out += std::string(parts[i]) + '\t' + std::string(parts[i + 1]) + '\t';
    }
  }
  return out;
}

class HeaderSalvage {
 public:
  explicit HeaderSalvage(std::string_view file) : file_(file) {}

  SalvagedHeader run() {
    if (auto whole = decode_header(as_bytes(file_)); whole) {
      out_.header = *std::move(whole);
      out_.magic = out_.quotaroot = out_.acl = out_.flags = Trust::sound;
      out_.type = out_.name = out_.header.form == HeaderForm::dlist ? Trust::sound : Trust::lost;
      out_.uniqueid = out_.header.uniqueid.empty() ? Trust::lost : Trust::sound;
      judge_values();
      return std::move(out_);
    }
    const std::size_t start = find_content();
    if (start < file_.size()) {
      if (looks_like_dlist(start)) {
        out_.header.form = HeaderForm::dlist;
        read_dlist(start);
      } else {
        out_.header.form = HeaderForm::text;
        read_text(start);
      }
    } else {
      doubt("nothing follows the magic", start);
    }
    judge_values();
    if (out_.flags == Trust::lost) {
      find_unplaced_flags();
    }
    return std::move(out_);
  }

 private:
  void doubt(std::string_view what, std::size_t offset) {
    out_.doubts.push_back(fmt::format("{} (offset {})", what, offset));
  }

  // Where the content starts, and what the magic is worth.
  std::size_t find_content() {
    const std::string_view magic = header_magic();
    const std::size_t common = std::min(file_.size(), magic.size());
    std::size_t same = 0;
    std::size_t first_wrong = common;
    for (std::size_t i = 0; i < common; ++i) {
      if (file_[i] == magic[i]) {
        ++same;
      } else {
        first_wrong = std::min(first_wrong, i);
      }
    }
    if (same == magic.size()) {
      out_.magic = Trust::sound;
      return magic.size();
    }
    if (same * 2 >= magic.size() && common == magic.size()) {
      out_.magic = Trust::doubtful;
      doubt(fmt::format("{} of 115 magic bytes are wrong", magic.size() - same), first_wrong);
      return magic.size();
    }
    doubt("the magic is not there", first_wrong);
    // Bytes were lost or inserted: the list's own start is the best mark, else the line after the magic's
    // three.
    if (const std::size_t list = file_.find("%("); list != std::string_view::npos) {
      return list;
    }
    const std::size_t andrew = file_.find("on Andrew\n");
    return andrew == std::string_view::npos ? file_.size() : andrew + std::string_view("on Andrew\n").size();
  }

  // "%(" or, with one of the two damaged, still "T e N" behind it.
  [[nodiscard]] bool looks_like_dlist(std::size_t start) const {
    const std::string_view content = file_.substr(start);
    return content.starts_with('%') || content.find('(') == 1 || content.find("T ") == 2;
  }

  // The last byte is ')' and no list is open behind it.
  static bool is_closed(std::string_view content) {
    std::ptrdiff_t depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < content.size(); ++i) {
      if (content[i] == '"') {
        quoted = !quoted;
      } else if (quoted) {
        i += content[i] == '\\' ? 1 : 0;
      } else {
        depth += content[i] == '(' ? 1 : content[i] == ')' ? -1 : 0;
      }
    }
    return depth <= 0 && !quoted && content.ends_with(')');
  }

  // ---- dlist form: key, value, key, value ... each parsed by itself.

  void read_dlist(std::size_t start) {
    std::string_view content = file_.substr(start);
    base_ = start;
    if (content.substr(0, 2) != "%(") {
      doubt("the list does not start with %(", start);
    }
    const std::size_t lf = content.rfind('\n');
    if (lf == std::string_view::npos) {
      doubt("the list has no line end", file_.size());
    } else {
      content = content.substr(0, lf);
    }
    // Absent keys mean "none" only when the end of the list was seen.
    const bool closed = is_closed(content);
    if (closed) {
      content.remove_suffix(1);
      out_.quotaroot = out_.acl = out_.flags = Trust::sound;
    } else {
      doubt("the list is not closed", start + content.size());
    }
    std::size_t at = std::min<std::size_t>(2, content.size());
    // Whether what was read last ended as it should; if not, the next value may be part of it.
    bool in_step = true;
    while (at < content.size() && out_.doubts.size() < kMaxDoubts) {
      at = read_pair(content, at, closed, in_step);
    }
  }

  // One key and its value at `at`; the offset to go on from.
  std::size_t read_pair(std::string_view content, std::size_t at, bool closed, bool& in_step) {
    if (content[at] == ' ' || content[at] == ')') {
      return at + 1;
    }
    const std::size_t key_end = content.find(' ', at);
    const std::string_view key = content.substr(at, key_end - at);
    const std::size_t value_at = key_end == std::string_view::npos ? content.size() : key_end + 1;
    const auto end = value_end(content, value_at);
    const bool is_key = !key.empty() && std::all_of(key.begin(), key.end(), is_alnum);
    if (!is_key || value_at >= content.size()) {
      return resync(content, at, fmt::format("no key and value at \"{}\"", printable(key.substr(0, 20))),
                    in_step);
    }
    const bool seen_whole = end && content[*end - 1] == ')';
    const bool cut = !end || (*end == content.size() && !closed && !seen_whole);
    if (!take_value(key, content.substr(value_at, end.value_or(content.size()) - value_at), cut, in_step)) {
      return resync(content, value_at, fmt::format("the value of {} is broken", printable(key)), in_step);
    }
    return end.value_or(content.size());
  }

  // The next place that looks like a known key, behind `at`.
  std::size_t resync(std::string_view content, std::size_t at, const std::string& what, bool& in_step) {
    doubt(what, base_ + at);
    in_step = false;
    for (std::size_t i = at; i + 2 < content.size(); ++i) {
      if (content[i] == ' ' && content[i + 2] == ' ' &&
          kKnownKeys.find(content[i + 1]) != std::string_view::npos) {
        return i + 1;
      }
    }
    return content.size();
  }

  // End of the value at `at`: atom, quoted string or a list; nothing if it does not end.
  static std::optional<std::size_t> value_end(std::string_view content, std::size_t at) {
    std::size_t depth = 0;
    bool quoted = false;
    for (std::size_t i = at; i < content.size(); ++i) {
      const char c = content[i];
      if (quoted) {
        i += c == '\\' ? 1 : 0;
        quoted = c != '"';
      } else if (c == '"') {
        quoted = true;
      } else if (c == '(') {
        ++depth;
      } else if (c == ')' && depth != 0) {
        if (--depth == 0) {
          return i + 1;  // the list is whole, whatever stands behind it
        }
      } else if (c == ' ' && depth == 0) {
        return i;
      }
    }
    return quoted || depth != 0 ? std::nullopt : std::optional(content.size());
  }

  // False when the value cannot be read at all.
  bool take_value(std::string_view key, std::string_view value, bool cut, bool in_step) {
    auto parsed = text::parse_dlist(value);
    if (!parsed && (key == "A" || key == "U")) {
      cut = true;
      parsed = whole_items(value);
    }
    if (!parsed) {
      return false;
    }
    parsed->key = std::string(key);
    if (!take_header_item(*parsed, out_.header)) {
      return false;
    }
    if (cut) {
      doubt(fmt::format("the value of {} is cut off", printable(key)), file_.size());
    }
    if (Trust* trust = key.size() == 1 ? trust_of(out_, key[0]) : nullptr; trust != nullptr) {
      *trust = cut || !in_step ? Trust::doubtful : Trust::sound;
    }
    return true;
  }

  // A list that was cut off, without its last item, which may be incomplete.
  static Result<Item> whole_items(std::string_view value) {
    std::string_view head = value.substr(0, kMaxCutList);
    for (int dropped = 0; !head.empty() && dropped < kMaxDroppedItems; ++dropped) {
      head = head.substr(0, head.rfind(' ') == std::string_view::npos ? 0 : head.rfind(' '));
      if (auto parsed = text::parse_dlist(std::string(head) + ')'); parsed) {
        return parsed;
      }
    }
    return corrupt("nothing of the list is whole");
  }

  // ---- text form: three lines.

  void read_text(std::size_t start) {
    base_ = start;
    out_.type = Trust::lost;
    std::size_t at = start;
    const std::size_t ids_at = at;
    const auto [ids, ids_whole] = line(at);
    if (const Status ok = read_ids_line(ids, out_.header); !ok) {
      doubt(ok.error().what, ids_at + ok.error().offset.value_or(0));
    }
    out_.quotaroot = ids_whole ? Trust::sound : Trust::doubtful;
    out_.uniqueid = out_.header.uniqueid.empty() ? Trust::lost : out_.quotaroot;
    if (at >= file_.size() && !ids_whole) {
      doubt("the header ends in its first line", file_.size());
      return;
    }
    read_flags_and_acl(at);
  }

  void read_flags_and_acl(std::size_t at) {
    const std::size_t flags_at = at;
    auto [flags, flags_whole] = line(at);
    if (flags.find('\t') != std::string_view::npos) {
      // No flag name holds a TAB: the line end before the ACL was lost.
      doubt("the line of user flags holds TABs", flags_at);
      const std::size_t space = flags.rfind(' ');
      const std::size_t split_at = space == std::string_view::npos ? 0 : space + 1;
      out_.header.acl = believable_acl(flags.substr(split_at));
      out_.acl = Trust::doubtful;
      flags = flags.substr(0, split_at);
      flags_whole = false;
    }
    read_flags_line(flags, out_.header);
    out_.flags = flags_whole ? Trust::sound : Trust::doubtful;
    if (out_.header.acl) {
      return;
    }
    if (at >= file_.size()) {
      doubt("the line of the ACL is missing", file_.size());
      return;
    }
    const auto [acl, acl_whole] = line(at);
    out_.header.acl = std::string(acl);
    out_.acl = acl_whole ? Trust::sound : Trust::doubtful;
    if (!acl_whole) {
      doubt("the line of the ACL has no line end", file_.size());
      out_.header.acl = believable_acl(acl);
    }
  }

  // The line at `at` and whether its LF is there.
  std::pair<std::string_view, bool> line(std::size_t& at) const {
    const std::size_t from = std::min(at, file_.size());
    const std::size_t end = file_.find('\n', from);
    at = end == std::string_view::npos ? file_.size() : end + 1;
    return {file_.substr(from, end == std::string_view::npos ? end : end - from),
            end != std::string_view::npos};
  }

  // The names from the last byte that no text has to the end of the dlist.
  void find_unplaced_flags() {
    std::string_view rest = file_;
    if (const std::size_t end = rest.rfind("))"); end != std::string_view::npos) {
      rest = rest.substr(0, end);
    } else {
      return;
    }
    const auto is_odd = [](char c) { return static_cast<unsigned char>(c) < ' '; };
    const auto odd = std::find_if(rest.rbegin(), rest.rend(), is_odd);
    rest.remove_prefix(static_cast<std::size_t>(rest.rend() - odd));
    const auto names = split(rest, ' ');
    for (std::size_t i = 1; i < names.size() && i <= kMaxUserFlags; ++i) {  // the first one is cut
      if (valid_flag_name(names[i])) {
        out_.unplaced_flags.emplace_back(names[i]);
      }
    }
  }

  // ---- values that no Cyrus would have written.

  void judge_values() {
    MailboxHeader& header = out_.header;
    if (out_.uniqueid != Trust::lost && !plausible_uniqueid(header.uniqueid)) {
      doubt_value("unique id", out_.uniqueid);
    }
    if (header.acl && out_.acl != Trust::lost && !plausible_acl(*header.acl)) {
      header.acl = believable_acl(*header.acl);
      doubt_value("ACL", out_.acl);
    }
    const bool bad_flag = std::any_of(header.flags.begin(), header.flags.end(), [](const std::string& name) {
      return !name.empty() && !valid_flag_name(name);
    });
    if (bad_flag) {
      doubt_value("list of user flags", out_.flags);
    }
    if (header.quotaroot && !plausible_identifier(*header.quotaroot)) {
      doubt_value("quota root", out_.quotaroot);
    }
  }
  void doubt_value(std::string_view what, Trust& trust) {
    trust = Trust::doubtful;
    doubt(fmt::format("the {} has characters that do not belong there", what), base_);
  }

  std::string_view file_;
  std::size_t base_ = 0;  // where the content starts
  SalvagedHeader out_;
};

}  // namespace

SalvagedHeader decode_header_lenient(Bytes file) {
  return HeaderSalvage(as_text(file.first(std::min(file.size(), kMaxHeaderFile)))).run();
}

}  // namespace cyr::mailbox
