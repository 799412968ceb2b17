// Roots of partitions (store.md 1.3 and the table in 2.7).
#include "format/conf/partitions.h"

#include <algorithm>
#include <array>
#include <set>

#include "format/base/text.h"

namespace cyr::conf {
namespace {

struct KindRow {
  RootKind kind;
  std::string_view name;     // in metapartition_files, and of the kind
  std::string_view metadir;  // KIND of metadir-KIND-NAME; "": has none
  bool is_metadata;
};
constexpr std::array kinds{
    KindRow{RootKind::data, "data", "", false},
    KindRow{RootKind::archive, "archive", "", false},
    KindRow{RootKind::header, "header", "header", true},
    KindRow{RootKind::index, "index", "index", true},
    KindRow{RootKind::cache, "cache", "cache", true},
    KindRow{RootKind::expunge, "expunge", "", true},
    KindRow{RootKind::squat, "squat", "squat", true},
    KindRow{RootKind::annotations, "annotations", "index", true},  // the index's, as real Cyrus has it
    KindRow{RootKind::dav, "dav", "dav", true},
    KindRow{RootKind::archivecache, "archivecache", "archivecache", true},
    KindRow{RootKind::lock, "lock", "", true},
};

fs::path directory(std::string_view text) {
  while (text.size() > 1 && text.back() == '/') {
    text.remove_suffix(1);
  }
  return fs::path(std::string(text));
}

std::optional<fs::path> root_option(const Config& config, const std::string& option) {
  const auto value = config.overflow(option);
  return value ? std::optional(directory(*value)) : std::nullopt;
}

fs::path root_of(const Config& config, const std::string& partition, const KindRow& kind,
                 const fs::path& spool) {
  if (!kind.metadir.empty() && config.release() >= v2_5) {
    if (auto root = root_option(config, "metadir-" + std::string(kind.metadir) + '-' + partition)) {
      return *root;
    }
  }
  if (kind.is_metadata && config.has_word(Option::metapartition_files, kind.name)) {
    if (auto root = root_option(config, "metapartition-" + partition)) {
      return *root;
    }
  }
  const bool in_archive = kind.kind == RootKind::archive || kind.kind == RootKind::archivecache;
  if (in_archive && config.is_on(Option::archive_enabled)) {
    if (auto root = root_option(config, "archivepartition-" + partition)) {
      return *root;
    }
  }
  return spool;
}

constexpr std::string_view spool_prefix = "partition-";
constexpr std::string_view search_mark = "searchpartition-";

// The names of all "partition-NAME" and "IDENT_partition-NAME" options.
std::set<std::string> partition_names(const Config& config) {
  std::set<std::string> names;
  const std::string own = config.ident() + '_';
  for (const auto& [option, value] : config.overflow_options()) {
    std::string_view name = option;
    if (own.size() > 1 && name.substr(0, own.size()) == own) {
      name.remove_prefix(own.size());
    }
    if (name.substr(0, spool_prefix.size()) == spool_prefix && name.size() > spool_prefix.size()) {
      names.emplace(name.substr(spool_prefix.size()));
    }
  }
  return names;
}

std::vector<std::pair<std::string, fs::path>> search_roots_of(const Config& config,
                                                              const std::string& partition) {
  std::vector<std::pair<std::string, fs::path>> out;
  for (const auto& [option, value] : config.overflow_options()) {
    const auto mark = option.find(search_mark);
    if (mark != std::string::npos && mark > 0 && option.substr(mark + search_mark.size()) == partition) {
      out.emplace_back(option.substr(0, mark), directory(value));
    }
  }
  return out;
}

Result<std::string> default_name(const Config& config, const std::vector<std::string>& names) {
  const std::string name(config.text(Option::defaultpartition));
  if (name.empty()) {
    const bool has_default = std::find(names.begin(), names.end(), "default") != names.end();
    return has_default ? std::string("default") : names.front();
  }
  if (!std::all_of(name.begin(), name.end(), is_alnum)) {
    return make_error(Errc::config, config.release() < v2_2
                                        ? "defaultpartition option contains non-alphanumeric character"
                                        : "defaultpartition option contains non-alnum character");
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return make_error(Errc::config, "partition-" + name + " option not specified in configuration file");
  }
  return name;
}

}  // namespace

std::string_view name_of(RootKind kind) {
  for (const KindRow& row : kinds) {
    if (row.kind == kind) {
      return row.name;
    }
  }
  return "unknown";
}

Result<Partitions> Partitions::from_config(const Config& config) {
  Partitions out;
  for (const std::string& name : partition_names(config)) {
    const auto spool = root_option(config, "partition-" + name);
    if (!spool) {
      continue;
    }
    Row row{name, {}, {}, false, search_roots_of(config, name)};
    for (const KindRow& kind : kinds) {
      row.roots.push_back(root_of(config, name, kind, *spool));
      if (std::find(row.different.begin(), row.different.end(), row.roots.back()) == row.different.end()) {
        row.different.push_back(row.roots.back());
      }
    }
    row.has_archive = row.roots[static_cast<std::size_t>(RootKind::archive)] != *spool;
    out.names_.push_back(name);
    out.rows_.push_back(std::move(row));
  }
  if (out.names_.empty()) {
    return make_error(Errc::config, "partition-" +
                                        std::string(config.text(Option::defaultpartition).empty()
                                                        ? "NAME"
                                                        : config.text(Option::defaultpartition)) +
                                        " option not specified in configuration file");
  }
  CYR_TRY(out.default_, default_name(config, out.names_));
  return out;
}

const Partitions::Row* Partitions::find(std::string_view name) const {
  const auto found = std::lower_bound(names_.begin(), names_.end(), name);
  return found != names_.end() && *found == name ? &rows_[static_cast<std::size_t>(found - names_.begin())]
                                                 : nullptr;
}

bool Partitions::contains(std::string_view name) const { return find(name) != nullptr; }

Result<fs::path> Partitions::root(std::string_view name, RootKind kind) const {
  const Row* row = find(name);
  if (row == nullptr) {
    return make_error(Errc::config,
                      "partition-" + printable(name) + " option not specified in configuration file")
        .with_hint("add it to imapd.conf, or move the mailbox's record to a partition that is there");
  }
  return row->roots[static_cast<std::size_t>(kind)];
}

const std::vector<fs::path>& Partitions::all_roots(std::string_view name) const {
  static const std::vector<fs::path> none;
  const Row* row = find(name);
  return row != nullptr ? row->different : none;
}

std::vector<std::pair<std::string, fs::path>> Partitions::search_roots(std::string_view name) const {
  const Row* row = find(name);
  return row != nullptr ? row->search : std::vector<std::pair<std::string, fs::path>>{};
}

bool Partitions::has_archive(std::string_view name) const {
  const Row* row = find(name);
  return row != nullptr && row->has_archive;
}

}  // namespace cyr::conf
