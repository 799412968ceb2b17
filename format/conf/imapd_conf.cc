// What the lines of imapd.conf mean for one program and one release (imapd.conf.md, store.md 1.1-1.4):
// options of this program beat plain ones, old names hand their value on, the release's defaults fill the
// rest.
//
// Invariant after apply(): values_ holds the effective value of every option, "" where there is none.
#include "format/conf/imapd_conf.h"

#include <algorithm>

#include "format/base/text.h"
#include "format/conf/option_table.h"

namespace cyr::conf {
namespace {

std::size_t index_of(Option option) { return static_cast<std::size_t>(option); }
Option option_at(std::size_t index) { return static_cast<Option>(index); }

constexpr std::string_view config_directory_mark = "{configdirectory}";

}  // namespace

std::optional<Option> option_from_name(std::string_view name) {
  const auto rows = option_rows();
  const auto found =
      std::lower_bound(rows.begin(), rows.end(), name,
                       [](const OptionRow& row, std::string_view wanted) { return row.name < wanted; });
  if (found == rows.end() || found->name != name) {
    return {};
  }
  return option_at(static_cast<std::size_t>(found - rows.begin()));
}

std::string_view name_of(Option option) { return row_of(option).name; }
Type type_of(Option option) { return row_of(option).type; }

Status Config::apply(Release release) {
  release_ = release;
  values_.assign(option_rows().size(), {});
  given_.assign(option_rows().size(), false);
  overflow_.clear();
  warnings_.clear();
  for (const bool specific :
       {false, true}) {  // the program's own options beat plain ones wherever they stand
    for (const Line& line : lines_) {
      CYR_CHECK(apply_line(line, specific));
    }
  }
  apply_replacements();
  apply_defaults();
  if (text(Option::configdirectory).empty()) {
    return make_error(Errc::config, "configdirectory option not specified in configuration file");
  }
  return success();
}

Status Config::apply_line(const Line& line, bool specific) {
  const auto known = [&](std::string_view name) {
    const auto option = option_from_name(name);
    return option && row_of(*option).known_in(release_) ? option : std::nullopt;
  };
  std::optional<Option> own;
  if (!ident_.empty() && release_ >= Release{2, 2, 0} && line.name.size() > ident_.size() + 1 &&
      line.name.compare(0, ident_.size(), ident_) == 0 && line.name[ident_.size()] == '_') {
    own = known(std::string_view(line.name).substr(ident_.size() + 1));
  }
  if (own.has_value() != specific) {
    return success();
  }
  const auto option = own ? own : known(line.name);
  if (!option) {
    overflow_.insert_or_assign(line.name, line.value);
    return success();
  }
  auto value = canonical_value(row_of(*option), release_, line.value);
  if (!value) {
    if (release_ < Release{2, 2, 0}) {
      return success();  // 2.1 gives the default for what it cannot read
    }
    Error error = std::move(value).error();
    error.what += " for " + line.name + " in line " + std::to_string(line.number);
    return error;
  }
  values_[index_of(*option)] = std::move(*value);
  given_[index_of(*option)] = true;
  return success();
}

void Config::apply_replacements() {
  for (std::size_t i = 0; i < option_rows().size(); ++i) {
    const OptionRow& row = option_rows()[i];
    const auto successor = row.replaced_by.empty() ? std::nullopt : option_from_name(row.replaced_by);
    if (!given_[i] || !successor || !row_of(*successor).known_in(release_)) {
      continue;
    }
    warnings_.push_back("option '" + std::string(row.name) + "' is deprecated, use '" +
                        std::string(row.replaced_by) + "'");
    if (given_[index_of(*successor)]) {
      continue;
    }
    if (auto value = canonical_value(row_of(*successor), release_, values_[i])) {
      values_[index_of(*successor)] = std::move(*value);
      given_[index_of(*successor)] = true;
    }
  }
}

void Config::apply_defaults() {
  const std::string config_directory = values_[index_of(Option::configdirectory)];
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const OptionRow& row = option_rows()[i];
    if (!given_[i] && row.known_in(release_)) {
      values_[i] = row.default_in(release_);
    }
    if (row.type == Type::string && starts_with_ignoring_case(values_[i], config_directory_mark)) {
      values_[i].replace(0, config_directory_mark.size(), config_directory);
    }
  }
  auto& partition = values_[index_of(Option::defaultpartition)];
  partition = lower_ascii(partition);
}

Result<Config> Config::for_release(Release release) const {
  Config copy(*this);
  CYR_CHECK(copy.apply(release));
  return copy;
}

std::string_view Config::text(Option option) const { return values_[index_of(option)]; }
bool Config::is_set(Option option) const { return given_[index_of(option)]; }

std::int64_t Config::integer(Option option) const { return parse_integer(text(option)).value_or(0); }

bool Config::is_on(Option option) const { return text(option) == "yes" || text(option) == "on"; }

bool Config::has_word(Option option, std::string_view word) const {
  const auto words = split(text(option), ' ');
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::int64_t Config::seconds(Option option) const {
  const auto value = parse_duration(text(option), row_of(option).unit());
  return value ? *value : 0;
}

std::int64_t Config::byte_count(Option option) const {
  // Before 3.8 the same options were plain numbers of bytes or of the unit; the table's unit is that of
  // either.
  const auto value = parse_bytesize(text(option), row_of(option).unit());
  return value ? *value : 0;
}

std::vector<std::string> Config::words(Option option) const {
  std::vector<std::string> out;
  std::string word;
  for (const char c : std::string(text(option)) + ' ') {
    if (!is_space(c)) {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::move(word));
      word.clear();
    }
  }
  return out;
}

std::optional<std::string_view> Config::overflow(std::string_view name) const {
  if (!ident_.empty()) {
    if (const auto own = overflow_.find(ident_ + '_' + std::string(name)); own != overflow_.end()) {
      return own->second;
    }
  }
  const auto plain = overflow_.find(name);
  return plain != overflow_.end() ? std::optional<std::string_view>(plain->second) : std::nullopt;
}

bool Config::is_admin(std::string_view userid) const {
  const auto admins = words(Option::admins);
  return std::find(admins.begin(), admins.end(), userid) != admins.end();
}

std::vector<std::pair<std::string, std::string>> Config::lines() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Line& line : lines_) {
    out.emplace_back(line.name, line.value);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> Config::listing(bool defaults) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (given_[i] || (defaults && option_rows()[i].known_in(release_))) {
      out.emplace_back(option_rows()[i].name, values_[i]);
    }
  }
  out.insert(out.end(), overflow_.begin(), overflow_.end());
  return out;
}

}  // namespace cyr::conf
