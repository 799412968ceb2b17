// Where each partition keeps what: spool, metadata, archive and search roots (store.md 1.3, "Which root"
// in 2.7).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/conf/imapd_conf.h"

namespace cyr::conf {

// What is looked for in a mailbox; each may have a root of its own.
enum class RootKind : std::uint8_t {
  data,
  archive,
  header,
  index,
  cache,
  expunge,
  squat,
  annotations,
  dav,
  archivecache,
  lock,
};
[[nodiscard]] std::string_view name_of(RootKind kind);

// All names and roots of the configuration, worked out once.
class Partitions {
 public:
  // Errc::config: no partition at all, a bad defaultpartition name, or one without its option.
  static Result<Partitions> from_config(const Config& config);

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }  // sorted
  [[nodiscard]] bool contains(std::string_view name) const;
  // `defaultpartition`; where it is not set, "default" if that is a partition, else the first name.
  [[nodiscard]] const std::string& default_partition() const { return default_; }
  // The root directory of `kind` on partition `name`, falling back as Cyrus does. Errc::config for an unknown
  // partition.
  [[nodiscard]] Result<fs::path> root(std::string_view name, RootKind kind) const;
  // Every different root of the partition that may hold mailbox directories, spool first.
  [[nodiscard]] const std::vector<fs::path>& all_roots(std::string_view name) const;
  // TIERsearchpartition-NAME: tier and root.
  [[nodiscard]] std::vector<std::pair<std::string, fs::path>> search_roots(std::string_view name) const;
  // True if messages of the partition may lie in an archive root of their own.
  [[nodiscard]] bool has_archive(std::string_view name) const;

 private:
  struct Row {
    std::string name;
    std::vector<fs::path> roots;      // by RootKind
    std::vector<fs::path> different;  // each once
    bool has_archive = false;
    std::vector<std::pair<std::string, fs::path>> search;
  };
  [[nodiscard]] const Row* find(std::string_view name) const;
  std::vector<std::string> names_;
  std::vector<Row> rows_;  // in the order of names_
  std::string default_;
};

}  // namespace cyr::conf
