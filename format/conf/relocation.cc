#include "format/conf/relocation.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::conf {

namespace {

enum class Place : std::uint8_t { directory, file, passing };

struct KnownPlace {
  std::string_view name;
  Place place;
};
constexpr std::array kKnownPlaces{
    KnownPlace{"configdirectory", Place::directory},
    KnownPlace{"sievedir", Place::directory},
    KnownPlace{"annotation_db_path", Place::file},
    KnownPlace{"caldav_alarm_db_path", Place::file},
    KnownPlace{"duplicate_db_path", Place::file},
    KnownPlace{"jmap_emailsearch_db_path", Place::file},
    KnownPlace{"mboxlist_db_path", Place::file},
    KnownPlace{"newsrc_db_path", Place::file},
    KnownPlace{"ptscache_db_path", Place::file},
    KnownPlace{"quota_db_path", Place::file},
    KnownPlace{"sql_database", Place::file},
    KnownPlace{"statuscache_db_path", Place::file},
    KnownPlace{"sync_cache_db_path", Place::file},
    KnownPlace{"tls_sessions_db_path", Place::file},
    KnownPlace{"tlscache_db_path", Place::file},
    KnownPlace{"userdeny_db_path", Place::file},
    KnownPlace{"backup_db_path", Place::passing},  // of a server for backups, which is no part of the store
    KnownPlace{"backup_staging_path", Place::passing},
    KnownPlace{"idlesocket", Place::passing},
    KnownPlace{"lmtpsocket", Place::passing},
    KnownPlace{"master_pid_file", Place::passing},
    KnownPlace{"master_ready_file", Place::passing},
    KnownPlace{"mboxname_lockpath", Place::passing},
    KnownPlace{"notifysocket", Place::passing},
    KnownPlace{"proc_path", Place::passing},
    KnownPlace{"prometheus_stats_dir", Place::passing},
    KnownPlace{"sphinx_socket", Place::passing},
    KnownPlace{"sync_shutdown_file", Place::passing},
};

// The beginnings of names that end in that of a partition.
constexpr std::array kPartitionPlaces{
    KnownPlace{"partition-", Place::directory},        KnownPlace{"metapartition-", Place::directory},
    KnownPlace{"archivepartition-", Place::directory}, KnownPlace{"metadir-", Place::directory},
    KnownPlace{"backuppartition-", Place::passing},
};

// Nothing for an option that says no place. Each may have the name of a program before it
// ("imap_idlesocket").
std::optional<Place> place_of(std::string_view name) {
  const auto is = [name](std::string_view known) {
    return name == known || (name.size() > known.size() && name.ends_with(known) &&
                             name[name.size() - known.size() - 1] == '_');
  };
  for (const auto& row : kKnownPlaces) {
    if (is(row.name)) {
      return row.place;
    }
  }
  for (const auto& row : kPartitionPlaces) {
    const auto at = name.find(row.name);
    if (at == 0 || (at != std::string_view::npos && name[at - 1] == '_')) {
      return row.place;
    }
  }
  return name.find("searchpartition-") != std::string_view::npos ? std::optional(Place::directory)
                                                                 : std::nullopt;
}

std::string without_slash(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') {
    path.remove_suffix(1);
  }
  return std::string(path);
}

bool is_at_or_below(const std::string& path, const std::string& above) {
  return path == above || above == "/" || (path.starts_with(above) && path[above.size()] == '/');
}

// What the places say by default where the file does not: only those outside of configdirectory.
std::vector<std::pair<std::string, std::string>> defaults_elsewhere(const Config& config) {
  std::vector<std::pair<std::string, std::string>> out;
  if (!config.is_set(Option::sievedir)) {
    out.emplace_back("sievedir", std::string(config.text(Option::sievedir)));
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> all_lines(const Config& config) {
  auto lines = config.lines();
  for (auto& line : defaults_elsewhere(config)) {
    lines.push_back(std::move(line));
  }
  return lines;
}

// "{configdirectory}/x" as it is meant; an empty text for no absolute path.
std::string expanded(const Config& config, const std::string& value) {
  constexpr std::string_view mark = "{configdirectory}";
  const std::string path = starts_with_ignoring_case(value, mark)
                               ? config.config_directory().native() + value.substr(mark.size())
                               : value;
  return path.empty() || path.front() != '/' ? std::string() : without_slash(path);
}

void keep_outermost(std::vector<std::string>& paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  const std::vector<std::string> all = paths;
  std::erase_if(paths, [&all](const std::string& path) {
    return std::any_of(all.begin(), all.end(), [&path](const std::string& other) {
      return other != path && is_at_or_below(path, other);
    });
  });
}

}  // namespace

StorePlaces store_places(const Config& config) {
  std::vector<std::string> directories, files;
  StorePlaces out;
  for (const auto& [name, value] : all_lines(config)) {
    const auto place = place_of(name);
    const std::string path = place ? expanded(config, value) : std::string();
    if (path.empty()) {
      continue;
    }
    if (*place == Place::passing) {
      out.passing.emplace_back(path);
    } else {
      (*place == Place::directory ? directories : files).push_back(path);
    }
  }
  for (const char* below : {"/lock", "/proc", "/socket"}) {  // where those of Place::passing are by default
    out.passing.emplace_back(without_slash(config.config_directory().native()) + below);
  }
  keep_outermost(directories);
  std::erase_if(files, [&directories](const std::string& file) {
    return std::any_of(directories.begin(), directories.end(),
                       [&file](const std::string& above) { return is_at_or_below(file, above); });
  });
  out.directories.assign(directories.begin(), directories.end());
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  out.files.assign(files.begin(), files.end());
  return out;
}

std::string relocated_text(const Config& config, const fs::path& top) {
  std::string out;
  for (const auto& [name, value] : all_lines(config)) {
    const bool moves = place_of(name) && !value.empty() && value.front() == '/';
    out += name + ": " + (moves ? top.native() + without_slash(value) : value) + "\n";
  }
  return out;
}

}  // namespace cyr::conf
