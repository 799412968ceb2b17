#include "format/conf/cyrus_conf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "format/base/text.h"

namespace cyr::conf {
namespace {

constexpr std::size_t longest_line = 4095;  // bytes
constexpr std::size_t most_arguments = 64;

struct SectionName {
  std::string_view name;
  CyrusSection section;
};
constexpr std::array<SectionName, 4> section_names = {{{"START", CyrusSection::start},
                                                       {"SERVICES", CyrusSection::services},
                                                       {"EVENTS", CyrusSection::events},
                                                       {"DAEMON", CyrusSection::daemon}}};

// Takes the white space at the front, then the letters and digits.
void skip_spaces(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) {
    text.remove_prefix(1);
  }
}
std::string_view take_word(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && is_alnum(text[size])) {
    ++size;
  }
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(size);
  return word;
}

class Reader {
 public:
  explicit Reader(const fs::path& file) : file_(file) {}

  Result<std::vector<CyrusEntry>> read(std::string_view text) {
    for (const std::string_view whole : split(text, '\n')) {
      ++line_;
      if (whole.size() > longest_line) {
        return error(fmt::format("line too long on line {}", line_));
      }
      std::string_view line = whole.substr(0, whole.find('#'));  // also inside quotes
      skip_spaces(line);
      if (line.empty()) {
        continue;
      }
      if (section_) {
        CYR_CHECK(read_entry(line));
      } else {
        read_outside(line);
      }
    }
    return std::move(entries_);
  }

 private:
  [[nodiscard]] Error error(const std::string& what) const {
    return make_error(Errc::config, fmt::format("configuration file {}: {}", file_.string(), what));
  }
  [[nodiscard]] Error bad_character(char c, std::string_view where) const {
    return error(fmt::format("bad character '{}' in {} on line {}", printable({&c, 1}), where, line_));
  }

  // Between sections, and inside one that nobody knows. Entries begin on the line after "NAME {".
  void read_outside(std::string_view line) {
    if (depth_ == 0) {
      std::string_view rest = line;
      const std::string_view name = take_word(rest);
      skip_spaces(rest);
      const auto* const known =
          std::find_if(section_names.begin(), section_names.end(),
                       [&](const auto& row) { return equal_ignoring_case(row.name, name); });
      const bool opened_only =
          rest.find('{') != std::string_view::npos && rest.find('}') == std::string_view::npos;
      if (known != section_names.end() && opened_only) {
        section_ = known->section;
        return;
      }
    }
    depth_ += static_cast<int>(std::count(line.begin(), line.end(), '{'));
    depth_ = std::max(0, depth_ - static_cast<int>(std::count(line.begin(), line.end(), '}')));
  }

  Status read_entry(std::string_view line) {
    if (line.front() == '}') {
      section_.reset();
      return success();
    }
    CyrusEntry entry;
    entry.section = *section_;
    entry.line = line_;
    entry.name = take_word(line);
    if (entry.name.empty() || (!line.empty() && !is_space(line.front()))) {
      return bad_character(line.front(), "name");
    }
    for (skip_spaces(line); !line.empty(); skip_spaces(line)) {
      if (entry.arguments.size() == most_arguments) {
        return error(fmt::format("too many arguments on line {}", line_));
      }
      CYR_CHECK(read_argument(line, entry));
    }
    entries_.push_back(std::move(entry));
    return success();
  }

  Status read_argument(std::string_view& line, CyrusEntry& entry) {
    const std::string key(take_word(line));
    skip_spaces(line);
    if (line.empty()) {
      return error(fmt::format("'{}' has no value on line {}", key, line_));
    }
    if (key.empty() || line.front() != '=') {
      return bad_character(line.front(), "argument");
    }
    line.remove_prefix(1);
    skip_spaces(line);
    std::size_t end = 0;
    if (!line.empty() && line.front() == '"') {
      line.remove_prefix(1);
      end = line.find('"');
      if (end == std::string_view::npos) {
        return error(fmt::format("missing '\"' on line {}", line_));
      }
      entry.arguments.emplace_back(key, line.substr(0, end));
      line.remove_prefix(end + 1);
      return success();
    }
    while (end < line.size() && !is_space(line[end])) {
      ++end;
    }
    entry.arguments.emplace_back(key, line.substr(0, end));
    line.remove_prefix(end);
    return success();
  }

  const fs::path& file_;
  std::vector<CyrusEntry> entries_;
  std::optional<CyrusSection> section_;
  int depth_ = 0;  // braces of unknown sections
  std::size_t line_ = 0;
};

}  // namespace

std::string CyrusEntry::text(std::string_view key, std::string_view otherwise) const {
  const auto at = std::find_if(arguments.begin(), arguments.end(), [&](const auto& argument) {
    return equal_ignoring_case(argument.first, key);
  });
  return at == arguments.end() ? std::string(otherwise) : at->second;
}

int CyrusEntry::integer(std::string_view key, int otherwise) const {
  return parse_number<int>(text(key)).value_or(otherwise);
}

bool CyrusEntry::is_on(std::string_view key, bool otherwise) const {
  const std::string value = lower_ascii(text(key));
  const auto begins = [&value](std::string_view word) { return value.substr(0, word.size()) == word; };
  if (begins("1") || begins("y") || begins("on") || begins("t")) {
    return true;
  }
  return begins("0") || begins("n") || begins("of") || begins("f") ? false : otherwise;
}

Result<std::vector<CyrusEntry>> parse_cyrus_conf(std::string_view text, const fs::path& file) {
  return Reader(file).read(text);
}

Result<std::vector<CyrusEntry>> load_cyrus_conf(Io& io, const fs::path& file, const std::string& prefix) {
  if (!prefix.empty()) {
    const fs::path prefixed = prefix + file.string();
    if (const auto bytes = io.read_file(prefixed)) {
      return parse_cyrus_conf(bytes->text(), prefixed);
    }
  }
  auto bytes = io.read_file(file);
  if (!bytes) {
    return make_error(Errc::config, bytes.error().text()).with_hint("-M names the file with the services");
  }
  return parse_cyrus_conf(bytes->text(), file);
}

}  // namespace cyr::conf
