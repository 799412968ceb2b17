#include "format/db/quotalegacy_format.h"

#include <algorithm>

#include "format/base/text.h"

namespace cyr::db::quotalegacy {

namespace {

constexpr std::size_t max_name = 255;             // bytes of a file name
constexpr std::string_view domain_root = "root";  // file of the key "domain!"

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

// The part of a root that is hashed: after the first '.', or all of it.
std::string_view hashed_part(std::string_view root) {
  const std::size_t dot = root.find('.');
  return dot == std::string_view::npos ? root : root.substr(dot + 1);
}

}  // namespace

char dir_hash(std::string_view name, bool full) {
  if (!full) {
    const char first = name.empty() ? '\0' : ascii_lower(name.front());
    return first >= 'a' && first <= 'z' ? first : 'q';
  }
  std::uint32_t n = 0;
  for (const char c : name.substr(0, name.find('.'))) {
    n = ((n << 3U) ^ (n >> 5U)) ^ static_cast<std::uint8_t>(c);
  }
  return static_cast<char>('A' + n % 23);
}

fs::path base_of(const fs::path& named, bool has_quota_directory) {
  fs::path path = named;
  while (path.has_parent_path() && (path.filename() == "." || path.filename().empty())) {
    path = path.parent_path();  // "quota/" is "quota"
  }
  return has_quota_directory && path.filename() != "quota" ? path : path.parent_path();
}

Result<fs::path> path_of(const Layout& layout, std::string_view key) {
  fs::path directory = layout.base;
  std::string_view root = key;
  const std::size_t bang = key.find('!');
  bool whole_domain = false;
  if (layout.virtual_domains && bang != std::string_view::npos) {
    const std::string_view domain = key.substr(0, bang);
    root = key.substr(bang + 1);
    whole_domain = root.empty();
    if (!is_file_name(domain)) {
      return make_error(Errc::invalid, "\"" + printable(key) + "\" cannot be a quota root: bad domain");
    }
    directory =
        directory / "domain" / std::string(1, dir_hash(domain, layout.full_dir_hash)) / std::string(domain);
  }
  if (whole_domain) {
    return directory / "quota" / std::string(domain_root);
  }
  if (!is_file_name(root)) {
    return make_error(Errc::invalid, "\"" + printable(key) + "\" cannot be a quota root: it is no file name");
  }
  return directory / "quota" / std::string(1, dir_hash(hashed_part(root), layout.full_dir_hash)) /
         std::string(root);
}

Result<std::string> encode_value(std::string_view value) {
  if (value.empty()) {
    return make_error(Errc::invalid, "an empty value means no quota root in quotalegacy");
  }
  std::string out(value);
  if (value.front() != '%') {
    const std::size_t at = out.find_first_of(" \n");
    if (at != std::string::npos && out[at] == '\n') {
      return make_error(Errc::invalid,
                        "value with a line feed before its first space cannot be kept in quotalegacy");
    }
    if (at != std::string::npos) {
      out[at] = '\n';
    }
  }
  return out + '\n';
}

Result<std::string> decode_value(std::string_view content) {
  if (content.empty()) {
    return corrupt("empty quota file", 0);
  }
  if (content.back() != '\n') {
    return corrupt("quota file does not end with a line feed", content.size());
  }
  std::string out(content.substr(0, content.size() - 1));
  if (!out.empty() && out.front() != '%') {
    if (const std::size_t lf = out.find('\n'); lf != std::string::npos) {
      out[lf] = ' ';
    }
  }
  return out;
}

namespace {

bool is_number(std::string_view word) { return parse_number<std::int64_t>(word).has_value(); }

// "used limit", then resources and numbers that old releases and interrupted runs leave behind.
bool is_plain_value(std::string_view value) {
  const auto words = split(value, ' ');
  return words.size() >= 2 && is_number(words[0]) && is_number(words[1]) &&
         std::all_of(words.begin() + 2, words.end(), [](std::string_view word) {
           return is_number(word) || (word.size() <= 2 && !word.empty() && is_alpha(word.front()));
         });
}

// A cursor over "NAME (used [limit]) NAME number ... SCAN %(MBOX name S n ...)".
class ListValue {
 public:
  explicit ListValue(std::string_view text) : text_(text) {}
  bool ok() {
    if (!take("%(")) {
      return false;
    }
    while (!take(")")) {
      if (!item()) {
        return false;
      }
      take(" ");
    }
    return text_.empty();
  }

 private:
  bool take(std::string_view token) {
    if (!text_.starts_with(token)) {
      return false;
    }
    text_.remove_prefix(token.size());
    return true;
  }
  std::string_view word() {
    const std::size_t end = std::min(text_.find_first_of(" ()"), text_.size());
    const std::string_view out = text_.substr(0, end);
    text_.remove_prefix(end);
    return out;
  }
  bool item() {
    const std::string_view name = word();
    if (name.empty() || !take(" ")) {
      return false;
    }
    if (name == "SCAN") {
      return scan();
    }
    if (!take("(")) {
      return is_number(word());
    }
    return is_number(word()) && (!take(" ") || is_number(word())) && take(")");
  }
  // "%(MBOX name S n ...)". The name may be a quoted string with anything in it, but only MODSEQ and the end
  // come after.
  bool scan() {
    if (!take("%(MBOX ")) {
      return false;
    }
    std::size_t end = text_.rfind(") MODSEQ ");
    end = end == std::string_view::npos ? text_.rfind("))") : end;
    if (end == std::string_view::npos) {
      return false;
    }
    text_.remove_prefix(end + 1);
    return true;
  }
  std::string_view text_;
};

}  // namespace

bool is_quota_value(std::string_view value) {
  return value.starts_with('%') ? ListValue(value).ok() : is_plain_value(value);
}

Status check_root(std::string_view value) {
  if (!is_quota_value(value)) {
    return make_error(Errc::invalid, "quotalegacy holds quota roots only, and the value \"" +
                                         printable(value.substr(0, 60)) + "\" is not one's");
  }
  CYR_TRY(const std::string content, encode_value(value));
  return success();
}

}  // namespace cyr::db::quotalegacy
