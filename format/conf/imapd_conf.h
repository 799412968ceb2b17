// imapd.conf: lexical rules, typed options with defaults per release, and the options with free names such as
// partition-NAME (imapd.conf.md, store.md 1.1-1.4).
//
// An option is one row in options.def. Every error is Errc::config with the words real Cyrus prints.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/io.h"
#include "format/conf/release.h"

namespace cyr::conf {

enum class Type : std::uint8_t { string, integer, toggle, word, list_word, bits, duration, bytesize };

// Every known option, by its own name.
enum class Option : std::uint16_t {
#define CYR_OPTION(name, ...) name,
#include "format/conf/options.def"
#undef CYR_OPTION
};

struct LoadRequest {
  std::string ident = {};  // the program's name: "quota" makes "quota_admins" beat "admins"
  Release release = v3_6;  // whose options and defaults hold
  std::string prefix =
      {};  // $CYRUS_PREFIX (prefix_from_environment): prefix + file is tried first; 2.4 and later
};

[[nodiscard]] std::string prefix_from_environment();

class Config {
 public:
  // Reads `file` and what it includes. Errc::config, exit status 78.
  static Result<Config> load(Io& io, const fs::path& file, const LoadRequest& request = {});
  // The same from bytes; `file` is for messages, and includes are read through `io`.
  static Result<Config> parse(Io& io, std::string_view text, const fs::path& file,
                              const LoadRequest& request = {});

  // The value given, else the release's default, with {configdirectory} expanded; "" when there is none (an
  // empty value cannot be given). Any type.
  [[nodiscard]] std::string_view text(Option option) const;
  [[nodiscard]] std::int64_t integer(Option option) const;                  // Type::integer
  [[nodiscard]] bool is_on(Option option) const;                            // Type::toggle
  [[nodiscard]] bool has_word(Option option, std::string_view word) const;  // Type::bits
  [[nodiscard]] std::int64_t seconds(
      Option option) const;  // Type::duration, in the option's default unit as seconds
  [[nodiscard]] std::int64_t byte_count(Option option) const;  // Type::bytesize
  // Type::string: the words between spaces, such as admins.
  [[nodiscard]] std::vector<std::string> words(Option option) const;
  // True if the file gives a value (under any of its names).
  [[nodiscard]] bool is_set(Option option) const;

  // Options that the table does not know, such as partition-NAME: ident_name first, then name; nothing when
  // not given. Names are lower case.
  [[nodiscard]] std::optional<std::string_view> overflow(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& overflow_options() const {
    return overflow_;
  }

  [[nodiscard]] const fs::path& file() const { return file_; }
  // It and what it includes, as they were opened.
  [[nodiscard]] const std::vector<fs::path>& files() const { return files_; }
  [[nodiscard]] const std::string& ident() const { return ident_; }
  [[nodiscard]] Release release() const { return release_; }
  [[nodiscard]] fs::path config_directory() const {
    return fs::path(std::string(text(Option::configdirectory)));
  }
  [[nodiscard]] bool is_admin(std::string_view userid) const;
  // Deprecated names that were used and what replaces them, for a warning in the log: "archive_days is
  // deprecated ...".
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  // The same file as another release reads it: its options, types and defaults.
  [[nodiscard]] Result<Config> for_release(Release release) const;

  // Name and value of every line of the file and of what it includes, in their order and as they stand.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> lines() const;
  // Name and value of every option that the file sets, known ones first in the order of the table, then the
  // others by name; with `defaults`, of every option the release has.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> listing(bool defaults = false) const;

 private:
  friend class ConfigReader;
  struct Line {  // one logical line of the file
    std::string name;
    std::string value;
    std::size_t number = 0;
  };
  Config() = default;
  Status apply(Release release);
  Status apply_line(const Line& line, bool specific);
  void apply_replacements();
  void apply_defaults();

  fs::path file_;
  std::vector<fs::path> files_;
  std::string ident_;
  Release release_;
  std::vector<Line> lines_;
  std::vector<std::string> values_;  // by Option
  std::vector<bool> given_;          // by Option
  std::map<std::string, std::string, std::less<>> overflow_;
  std::vector<std::string> warnings_;
};

[[nodiscard]] std::optional<Option> option_from_name(std::string_view name);
[[nodiscard]] std::string_view name_of(Option option);
[[nodiscard]] Type type_of(Option option);

// "1h30m" -> 5400; `unit` is that of a last group without one. Errc::config for anything else.
Result<std::int64_t> parse_duration(std::string_view text, char unit);
// "10 MiB" -> 10485760; `unit` (B, K, M, G) is that of a value that ends in a digit.
Result<std::int64_t> parse_bytesize(std::string_view text, char unit);

}  // namespace cyr::conf
