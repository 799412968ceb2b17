#include "format/check/list_sources.h"

#include <algorithm>

#include "format/db/salvage.h"

namespace cyr::check {

namespace {

// 3.6 writes T first; no release before it does.
bool is_keyed_record(std::string_view key, std::string_view value) {
  return (key.starts_with('N') || key.starts_with('I')) && value.starts_with("%(T ");
}

class Reader {
 public:
  explicit Reader(ListSource& source) : source_(source) {}

  void take(std::string_view key, std::string_view value) {
    if (const auto format = meta::format_of_record(key, value)) {
      // A key of an old list may begin with N or I; only the value tells.
      const bool keyed = is_keyed_record(key, value);
      if (keyed == meta::is_keyed(*format)) {
        source_.format = std::max(source_.format.value_or(*format), *format);
        source_.mixed = source_.mixed || (keyed ? old_ : keyed_);
        (keyed ? keyed_ : old_) = true;
      }
    }
    if (is_keyed_record(key, value)) {
      take_keyed(key, value);
    } else if (!take_derived(key, value)) {
      take_name(std::string(key), key, value);
    }
  }

  // Records by id supply what name records lack: the history, or all of it.
  void finish() {
    for (auto& entry : by_id_) {
      const auto known = source_.entries.find(entry.name);
      if (known != source_.entries.end() && known->second.uniqueid == entry.uniqueid) {
        known->second.history = std::move(entry.history);
      } else if (known == source_.entries.end() && (entry.type.deleted || !entry.partition.empty())) {
        std::string name = entry.name;
        source_.entries.emplace(std::move(name), std::move(entry));
      }
    }
  }

 private:
  void take_keyed(std::string_view key, std::string_view value) {
    const meta::ListKey parsed = meta::parse_list_key(key, meta::ListFormat::keyed_36);
    if (parsed.kind == meta::KeyKind::mailbox) {
      take_name(parsed.name, key, value);
    } else if (auto entry = meta::decode_uniqueid_record(parsed.name, value)) {
      by_id_.push_back(std::move(*entry));
      source_.records.emplace(key, value);
    }
  }

  // Reverse records are made anew; anything else that has no value is carried along (user groups of 3.12).
  bool take_derived(std::string_view key, std::string_view value) {
    if (key.starts_with(meta::reverse_acl_mark) || key.starts_with(meta::reverse_acl_mark_keyed) ||
        key.starts_with("AU\x1e")) {
      source_.reverse_acls = true;
      return true;
    }
    if (key.starts_with(meta::reverse_id_mark)) {
      source_.reverse_ids = true;
      return true;
    }
    if (value.empty()) {
      source_.records.emplace(key, value);
    }
    return value.empty();
  }

  void take_name(std::string name, std::string_view key, std::string_view value) {
    auto entry = meta::decode_entry(name, value);
    if (!entry) {
      // A damaged record of 3.6's form looks like one of an older list with a strange name.
      const bool keyed = key.starts_with('N') && key.find('\x1f') != std::string_view::npos;
      source_.unreadable.push_back(keyed ? meta::internal_name_of(key.substr(1)) : std::move(name));
      return;
    }
    source_.entries.insert_or_assign(std::move(name), std::move(*entry));
    source_.records.emplace(key, value);
  }

  ListSource& source_;
  std::vector<meta::MailboxEntry> by_id_;
  bool keyed_ = false, old_ = false;
};

// Through the backend when the file is sound, else what salvaging gives.
Status read_records(store::Store& store, ListSource& source, Reader& reader) {
  auto database = store.open_database(source.path, conf::Option::mboxlist_db);
  Status status = database ? (*database)->consistent() : Status(database.error());
  if (status) {
    source.kind = (*database)->kind();
    std::vector<std::pair<std::string, std::string>> records;
    status =
        (*database)->for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
          records.emplace_back(key, value);
          return db::Visit::go_on;
        });
    for (const auto& [key, value] : records) {
      if (status) {
        reader.take(key, value);
      }
    }
  }
  source.sound = status.has_value();
  if (status) {
    return success();
  }
  if (status.error().code != Errc::corrupt && status.error().code != Errc::not_found) {
    return status;  // permissions or a failing disk: nothing that rebuilding would mend
  }
  source.salvaged = true;
  source.damage = status.error().what;
  db::SalvageOptions options;
  options.kind = db::kind_from_name(store.config().text(conf::Option::mboxlist_db));
  options.lock = false;  // the repair holds the list itself
  const auto salvaged = db::salvage(store.io(), source.path, options);
  if (salvaged) {
    source.kind = salvaged->kind;
    for (const db::SalvagedRecord& record : salvaged->records) {
      reader.take(record.key, record.value);
    }
  }
  return success();
}

}  // namespace

Result<ListSource> read_list_source(store::Store& store, const fs::path& path, std::string title) {
  ListSource source;
  source.path = path;
  source.title = std::move(title);
  const auto info = store.io().stat(path);
  if (!info && info.error().code != Errc::not_found) {
    return info.error();
  }
  if (!info) {
    source.damage = "no such file";
    return source;
  }
  source.there = true;
  source.changed = info->mtime;
  if (info->size == 0) {
    source.damage = "the file is empty";
    return source;
  }
  Reader reader(source);
  CYR_CHECK(read_records(store, source, reader));
  reader.finish();
  source.sound = source.sound && source.unreadable.empty();
  return source;
}

namespace {

// Paths and titles of everything that may be an earlier state of the list.
std::vector<std::pair<fs::path, std::string>> candidates(store::Store& store) {
  std::vector<std::pair<fs::path, std::string>> out;
  const fs::path list = store.paths().mailboxes_db();
  const std::string file = list.filename().native();
  if (const auto entries = store.io().list(list.parent_path())) {
    for (const auto& entry : *entries) {
      if (entry.name != file && entry.name.starts_with(file) && entry.kind == FileKind::regular) {
        out.emplace_back(list.parent_path() / entry.name, entry.name);
      }
    }
  }
  for (const char* backup : {"db.backup1", "db.backup2"}) {
    out.emplace_back(store.paths().config_directory() / backup / file, std::string(backup) + "/" + file);
  }
  return out;
}

}  // namespace

Result<std::vector<ListSource>> read_list_sources(store::Store& store) {
  std::vector<ListSource> out;
  CYR_TRY(auto first, read_list_source(store, store.paths().mailboxes_db(), "mailboxes.db"));
  out.push_back(std::move(first));
  for (auto& [path, title] : candidates(store)) {
    auto source = read_list_source(store, path, std::move(title));
    if (source && !source->lost()) {
      out.push_back(std::move(*source));
    }
  }
  std::stable_sort(out.begin() + 1, out.end(),
                   [](const ListSource& a, const ListSource& b) { return a.changed > b.changed; });
  return out;
}

}  // namespace cyr::check
