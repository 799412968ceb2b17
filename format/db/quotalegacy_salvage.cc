// What is left of a quotalegacy tree: every file that can be a quota root, wherever the tree has it.
//
// A file is whole when it ends with LF and holds a value that some release writes (quotalegacy_format.h); its
// name is the key. A whole `<root>.NEW` is a write that was never renamed into place: uncommitted. A file in
// the directory of another hash function (fulldirhash was changed) counts, if the right directory has none.
#include <fmt/format.h>

#include <map>

#include "format/base/text.h"
#include "format/db/quotalegacy.h"
#include "format/db/salvage.h"

namespace cyr::db {

namespace {

constexpr std::string_view new_suffix = ".NEW";
constexpr std::uint64_t largest_file = std::uint64_t{1} << 20;  // bytes; a quota root has some hundred

class TreeSalvage {
 public:
  TreeSalvage(const SalvageSource& source, quotalegacy::Layout layout, SalvageReport& report)
      : io_(source.io), layout_(std::move(layout)), options_(source.options), report_(report) {}

  Status run() {
    CYR_CHECK(scan_quota(layout_.base / "quota", ""));
    if (layout_.virtual_domains) {
      CYR_CHECK(
          each_directory(layout_.base / "domain", [&](const fs::path& hash, const std::string& /*letter*/) {
            return each_directory(hash, [&](const fs::path& domain, const std::string& name) {
              return scan_quota(domain / "quota", name + "!");
            });
          }));
    }
    settle();
    return success();
  }

 private:
  struct Found {
    fs::path path;
    std::string value;
    bool right_place = false;
  };
  using DirectoryVisitor = std::function<Status(const fs::path& path, const std::string& name)>;

  // Directories only; a directory that is not there or cannot be read has none.
  Status each_directory(const fs::path& directory, const DirectoryVisitor& visit) {
    const auto entries = io_.list(directory);
    if (!entries) {
      return entries.error().code == Errc::not_found ? success() : Status(entries.error());
    }
    for (const DirEntry& entry : *entries) {
      if (entry.kind == FileKind::directory) {
        CYR_CHECK(visit(directory / entry.name, entry.name));
      }
    }
    return success();
  }

  // `domain`: empty, or "example.org!".
  Status scan_quota(const fs::path& quota, const std::string& domain) {
    const auto top = io_.list(quota);
    if (!top) {
      return top.error().code == Errc::not_found ? success() : Status(top.error());
    }
    for (const DirEntry& entry : *top) {
      if (entry.kind == FileKind::regular) {
        if (!domain.empty() && entry.name == "root") {
          CYR_CHECK(take(quota / entry.name, domain));
        } else {
          note(quota / entry.name, "a file where only directories belong");
        }
      }
    }
    return each_directory(quota, [&](const fs::path& letter, const std::string& /*name*/) -> Status {
      CYR_TRY(const auto files, io_.list(letter));
      for (const DirEntry& entry : files) {
        if (entry.kind == FileKind::regular) {
          CYR_CHECK(take(letter / entry.name, domain + entry.name));
        } else {
          note(letter / entry.name, "is no file");
        }
      }
      return success();
    });
  }

  Status take(const fs::path& path, std::string key) {
    CYR_TRY(const FileInfo info, io_.stat(path));
    if (info.size > largest_file) {
      damaged(path, info.size, key, fmt::format("{} bytes are no quota root", info.size));
      return success();
    }
    const auto content = io_.read_file(path);
    if (!content) {
      damaged(path, info.size, key, content.error().what);
      return success();
    }
    const bool unfinished = key.ends_with(new_suffix);
    const auto value = quotalegacy::decode_value(content->text());
    if (!value || !quotalegacy::is_quota_value(*value)) {
      const std::string what = content->text().empty() ? "is empty"
                               : value                 ? "holds no quota"
                                                       : value.error().what;
      if (unfinished) {
        note(path, "a write that was not finished");
      } else {
        damaged(path, info.size, key, what);
      }
      return success();
    }
    if (unfinished) {
      key.resize(key.size() - new_suffix.size());
      unfinished_.emplace(std::move(key), Found{path, *value, false});
      return success();
    }
    add(path, std::move(key), *value);
    return success();
  }

  void add(const fs::path& path, std::string key, std::string value) {
    const auto right = quotalegacy::path_of(layout_, key);
    Found found{path, std::move(value), right && *right == path};
    const auto [there, fresh] = found_.try_emplace(std::move(key), found);
    if (fresh) {
      return;
    }
    ++report_.superseded;
    Found& other = there->second;
    const Found& loser = found.right_place && !other.right_place ? other : found;
    note(loser.path,
         "is in the directory of another hash function, and is left out for the one in its place");
    if (&loser == &other) {
      other = std::move(found);
    }
  }

  void settle() {
    for (auto& [key, found] : found_) {
      if (!found.right_place) {
        note(found.path, "is in the directory of another hash function");
      }
      report_.records.push_back({report_.keep(key), report_.keep(std::move(found.value)), 0, 0});
    }
    for (auto& [key, found] : unfinished_) {
      const std::string_view kept_key = report_.keep(key);
      const std::string_view kept_value = report_.keep(std::move(found.value));
      if (options_.include_uncommitted && !found_.contains(key)) {
        SalvagedRecord record{kept_key, kept_value, 0, 0};
        record.set(Mark::uncommitted);
        report_.records.push_back(record);
      } else {
        report_.left_out.push_back(
            {kept_key, kept_value, 0, "uncommitted: " + found.path.filename().string()});
      }
    }
  }

  void damaged(const fs::path& path, std::uint64_t size, const std::string& key, std::string what) {
    report_.damaged.push_back({0, size, std::move(what), path, key, key});
  }
  void note(const fs::path& path, std::string_view what) {
    report_.notes.push_back(fmt::format("{}: {}", printable(path.string()), what));
  }

  Io& io_;
  quotalegacy::Layout layout_;
  const SalvageOptions& options_;
  SalvageReport& report_;
  std::map<std::string, Found> found_;
  std::map<std::string, Found> unfinished_;
};

}  // namespace

Status salvage_quotalegacy(const SalvageSource& source, SalvageReport& report) {
  CYR_TRY(quotalegacy::Layout layout, quotalegacy::layout_of(source.io, source.path, source.options.open));
  return TreeSalvage(source, std::move(layout), report).run();
}

}  // namespace cyr::db
