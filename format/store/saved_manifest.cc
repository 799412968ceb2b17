#include "format/store/saved_manifest.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "format/base/text.h"

namespace cyr::store {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kActionNames{
    std::string_view{"replaced"},  std::string_view{"changed"}, std::string_view{"removed"},
    std::string_view{"moved"},     std::string_view{"created"}, std::string_view{"renamed"},
    std::string_view{"directory"}, std::string_view{"record"},  std::string_view{"entry"},
    std::string_view{"usage"},     std::string_view{"settled"}, std::string_view{"undoing"},
    std::string_view{"undone"},
};
static_assert(kActionNames.size() == static_cast<std::size_t>(SavedAction::undone) + 1);

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string out;
  for (; text.size() >= 2; text.remove_prefix(2)) {
    const auto byte = parse_number<std::uint8_t>(text.substr(0, 2), 16);
    if (!byte) {
      return {};
    }
    out += static_cast<char>(*byte);
  }
  return text.empty() ? std::optional(out) : std::nullopt;
}

bool is_utf8(std::string_view text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

void put_text(Json& line, const std::string& name, std::string_view value) {
  line[name] = value;
  if (!is_utf8(value)) {
    line[name + "_hex"] = to_hex(value);
  }
}

void put_if(Json& line, const std::string& name, std::string_view value) {
  if (!value.empty()) {
    put_text(line, name, value);
  }
}

std::optional<std::string> get_text(const Json& line, const std::string& name) {
  if (const auto hex = line.find(name + "_hex"); hex != line.end() && hex->is_string()) {
    return from_hex(hex->get<std::string>());
  }
  const auto found = line.find(name);
  return found != line.end() && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
}

template <class T>
T get_number(const Json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_number_integer() ? found->get<T>() : T{};
}

void put_info(Json& line, const FileInfo& info) {
  line["size"] = info.size;
  line["mode"] = fmt::format("{:04o}", static_cast<unsigned>(info.mode));
  line["uid"] = info.uid;
  line["gid"] = info.gid;
  line["mtime"] = info.mtime;
  line["mtime_nsec"] = info.mtime_nsec;
}

FileInfo get_info(const Json& line) {
  FileInfo info;
  info.kind = FileKind::regular;
  info.size = get_number<std::uint64_t>(line, "size");
  info.mode = parse_number<::mode_t>(get_text(line, "mode").value_or("0600"), 8).value_or(0600);
  info.uid = get_number<::uid_t>(line, "uid");
  info.gid = get_number<::gid_t>(line, "gid");
  info.mtime = get_number<std::int64_t>(line, "mtime");
  info.mtime_nsec = get_number<std::uint32_t>(line, "mtime_nsec");
  return info;
}

}  // namespace

std::string_view name_of(SavedAction action) { return kActionNames[static_cast<std::size_t>(action)]; }

bool SavedItem::has_info() const {
  switch (action) {
    case SavedAction::replaced:
    case SavedAction::changed:
    case SavedAction::removed:
    case SavedAction::moved:
    case SavedAction::renamed:
      return true;
    case SavedAction::settled:
      return !gone;
    default:
      return false;
  }
}

std::string encode_saved_item(const SavedItem& item) {
  Json line{{"action", name_of(item.action)}};
  put_if(line, "path", item.path);
  put_if(line, "to", item.to);
  put_if(line, "saved", item.saved);
  put_if(line, "mailbox", item.mailbox);
  put_if(line, "reason", item.reason);
  put_if(line, "by", item.by);
  put_if(line, "key", item.key);
  if (item.old_value) {
    put_text(line, "old", *item.old_value);
  }
  if (item.new_value) {
    put_text(line, "new", *item.new_value);
  }
  if (!item.usage.empty()) {
    line["usage"] = item.usage;
  }
  if (item.has_info()) {
    put_info(line, item.info);
  } else if (item.gone) {
    line["gone"] = true;
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<SavedItem> decode_saved_item(std::string_view line) {
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) {
    return {};
  }
  const auto name = get_text(object, "action");
  SavedItem item;
  const auto* const found = std::find(kActionNames.begin(), kActionNames.end(), name.value_or(""));
  if (found == kActionNames.end()) {
    return {};
  }
  item.action = static_cast<SavedAction>(found - kActionNames.begin());
  item.path = get_text(object, "path").value_or("");
  item.to = get_text(object, "to").value_or("");
  item.saved = get_text(object, "saved").value_or("");
  item.mailbox = get_text(object, "mailbox").value_or("");
  item.reason = get_text(object, "reason").value_or("");
  item.by = get_text(object, "by").value_or("");
  item.key = get_text(object, "key").value_or("");
  item.old_value = get_text(object, "old");
  item.new_value = get_text(object, "new");
  if (const auto usage = object.find("usage"); usage != object.end() && usage->is_array()) {
    for (const auto& number : *usage) {
      item.usage.push_back(number.is_number_integer() ? number.get<std::int64_t>() : 0);
    }
  }
  const auto gone = object.find("gone");
  item.gone = gone != object.end() && gone->is_boolean() && gone->get<bool>();
  if (item.has_info()) {
    item.info = get_info(object);
  }
  return item;
}

std::vector<SavedItem> decode_manifest(std::string_view text) {
  std::vector<SavedItem> out;
  for (const auto line : split(text, '\n')) {
    if (auto item = decode_saved_item(line)) {
      out.push_back(std::move(*item));
    }
  }
  return out;
}

}  // namespace cyr::store
