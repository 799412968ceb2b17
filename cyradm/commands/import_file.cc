#include "cyradm/commands/import_file.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_columns = 64;

Error in_row(std::size_t number, const std::string& what) {
  return make_error(Errc::invalid, "row " + std::to_string(number) + ": " + what);
}

std::vector<std::string> blank_separated(std::string_view text) {
  std::vector<std::string> out;
  for (const auto word : split(text, ' ')) {
    if (!word.empty()) {
      out.emplace_back(word);
    }
  }
  return out;
}

Status add_limit(ImportRow& row, const std::string& resource, std::string_view number) {
  const auto limit = parse_number<std::uint64_t>(number);
  if (!limit) {
    return in_row(row.number, resource + ": " + std::string(number) + ": not a number");
  }
  row.quota.push_back({upper_ascii(resource), *limit});
  return success();
}

Status set_quota(ImportRow& row, const std::string& text) {
  const auto words = blank_separated(text);
  if (words.size() == 1) {
    return add_limit(row, "STORAGE", words[0]);
  }
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (i + 1 == words.size()) {
      return in_row(row.number, "a quota is a resource and a number");
    }
    CYR_CHECK(add_limit(row, words[i], words[i + 1]));
  }
  return success();
}

Status set_acl(ImportRow& row, const std::string& text) {
  const auto words = blank_separated(text);
  if (words.size() % 2 != 0) {
    return in_row(row.number, "an ACL is pairs of identifier and rights");
  }
  for (std::size_t i = 0; i < words.size(); i += 2) {
    row.acl.push_back({words[i], words[i + 1]});
  }
  return success();
}

Status set_folders(ImportRow& row, const std::string& text) {
  for (const auto part : split(text, ';')) {
    const auto colon = part.find(':');
    ImportFolder folder{std::string(part.substr(0, colon)), std::nullopt};
    if (colon != std::string_view::npos) {
      folder.special_use = std::string(part.substr(colon + 1));
    }
    if (!folder.name.empty()) {
      row.folders.push_back(std::move(folder));
    }
  }
  return success();
}

Status set_user(ImportRow& row, const std::string& text) {
  row.user = text;
  return success();
}
Status set_mailbox(ImportRow& row, const std::string& text) {
  row.mailbox = text;
  return success();
}
Status set_partition(ImportRow& row, const std::string& text) {
  row.options.partition = text;
  return success();
}
Status set_special_use(ImportRow& row, const std::string& text) {
  row.options.special_use = text;
  return success();
}

struct Column {
  std::string_view name;
  Status (*set)(ImportRow& row, const std::string& text);
};
constexpr std::array<Column, 7> import_columns = {{
    {"user", &set_user},
    {"mailbox", &set_mailbox},
    {"partition", &set_partition},
    {"specialuse", &set_special_use},
    {"quota", &set_quota},
    {"acl", &set_acl},
    {"folders", &set_folders},
}};

Result<const Column*> column_named(std::string_view name, std::size_t row) {
  const auto found = std::find_if(import_columns.begin(), import_columns.end(), [name](const Column& column) {
    return equal_ignoring_case(column.name, name);
  });
  if (found == import_columns.end()) {
    return in_row(
        row, "no such column: " + printable(name) + " (user mailbox partition specialuse quota acl folders)");
  }
  return &*found;
}

Status check_row(const ImportRow& row) {
  if (row.user.empty() == row.mailbox.empty()) {
    return in_row(row.number, "a user or a mailbox has to be named");
  }
  return success();
}

// The fields of one record, and where the next begins. Quotes may hold commas and line ends.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {}
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] std::size_t line() const { return line_; }

  Result<std::vector<std::string>> record() {
    std::vector<std::string> out;
    while (true) {
      CYR_TRY(auto field, this->field());
      out.push_back(std::move(field));
      if (out.size() > most_columns) {
        return in_row(line_, "too many columns");
      }
      if (at_end() || text_[at_] != ',') {
        break;
      }
      ++at_;
    }
    if (!at_end() && text_[at_] == '\r') {
      ++at_;
    }
    if (!at_end() && text_[at_] != '\n') {
      return in_row(line_, "something follows a closing quote");
    }
    ++at_;
    ++line_;
    return out;
  }

 private:
  Result<std::string> field() {
    if (at_end() || text_[at_] != '"') {
      const auto end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
      std::string out(text_.substr(at_, end - at_));
      at_ = end;
      return out;
    }
    std::string out;
    for (++at_; !at_end(); ++at_) {
      if (text_[at_] == '"' && (at_ + 1 == text_.size() || text_[at_ + 1] != '"')) {
        ++at_;
        return out;
      }
      at_ += text_[at_] == '"' ? 1 : 0;  // "" is one
      line_ += text_[at_] == '\n' ? 1 : 0;
      out.push_back(text_[at_]);
    }
    return in_row(line_, "a quote is not closed");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

Result<std::vector<ImportRow>> parse_csv(std::string_view text) {
  CsvReader reader(text);
  CYR_TRY(const auto names, reader.record());
  std::vector<const Column*> order;
  for (const auto& name : names) {
    CYR_TRY(const auto* const column, column_named(name, 1));
    order.push_back(column);
  }
  std::vector<ImportRow> out;
  while (!reader.at_end()) {
    ImportRow row;
    row.number = reader.line();
    CYR_TRY(const auto fields, reader.record());
    if (fields.size() == 1 && fields[0].empty()) {
      continue;
    }
    if (fields.size() > order.size()) {
      return in_row(row.number, "more fields than column names");
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (!fields[i].empty()) {
        CYR_CHECK(order[i]->set(row, fields[i]));
      }
    }
    CYR_CHECK(check_row(row));
    out.push_back(std::move(row));
  }
  return out;
}

// A member in the form that a CSV field would have, where it is no text.
Result<std::string> as_field(const ImportRow& row, const std::string& name, const Json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_number_unsigned()) {
    return std::to_string(value.get<std::uint64_t>());
  }
  const bool folders = equal_ignoring_case(name, "folders");
  std::string out;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (!member.is_string() && !member.is_number_unsigned()) {
        return in_row(row.number, name + "." + printable(key) + ": neither text nor a number");
      }
      const std::string text =
          member.is_string() ? member.get<std::string>() : std::to_string(member.get<std::uint64_t>());
      out.append(out.empty() ? "" : folders ? ";" : " ").append(key);
      out.append(!folders ? " " : text.empty() ? "" : ":").append(text);
    }
    return out;
  }
  if (value.is_array() && folders) {
    for (const auto& member : value) {
      if (!member.is_string()) {
        return in_row(row.number, "folders: not a name");
      }
      out.append(out.empty() ? "" : ";").append(member.get<std::string>());
    }
    return out;
  }
  return in_row(row.number, name + ": a value of the wrong kind");
}

Result<ImportRow> row_of(const Json& object, std::size_t number) {
  ImportRow row;
  row.number = number;
  if (!object.is_object()) {
    return in_row(number, "no object");
  }
  for (const auto& [name, value] : object.items()) {
    CYR_TRY(const auto* const column, column_named(name, number));
    if (!value.is_null()) {
      CYR_TRY(const std::string field, as_field(row, name, value));
      CYR_CHECK(column->set(row, field));
    }
  }
  CYR_CHECK(check_row(row));
  return row;
}

Result<std::vector<ImportRow>> parse_json(std::string_view text) {
  // Objects one after another become the list that they stand for.
  std::vector<Json> objects;
  const auto whole = Json::parse(text, nullptr, false);
  if (whole.is_array()) {
    objects.assign(whole.begin(), whole.end());
  } else if (whole.is_object()) {
    objects.push_back(whole);
  } else {
    std::size_t number = 0;
    for (const auto line : split(text, '\n')) {
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
        continue;
      }
      objects.push_back(Json::parse(line, nullptr, false));
      if (objects.back().is_discarded()) {
        return in_row(number, "no JSON");
      }
    }
  }
  std::vector<ImportRow> out;
  for (const auto& object : objects) {
    CYR_TRY(auto row, row_of(object, out.size() + 1));
    out.push_back(std::move(row));
  }
  return out;
}

// JSON's parser calls itself for each level.
bool too_deep(std::string_view text) {
  constexpr int most = 64;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      i += text[i] == '\\' ? 1 : 0;
      quoted = i >= text.size() || text[i] != '"';
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == '[' || text[i] == '{') {
      if (++depth > most) {
        return true;
      }
    } else if (text[i] == ']' || text[i] == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<std::vector<ImportRow>> parse_import(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) {
    text.remove_prefix(byte_order_mark.size());
  }
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    return make_error(Errc::invalid, "nothing to import");
  }
  if (text[first] != '[' && text[first] != '{') {
    return parse_csv(text.substr(first));
  }
  if (too_deep(text)) {
    return make_error(Errc::invalid, "lists too deep in each other");
  }
  return parse_json(text);
}

}  // namespace cyr::cyradm
