#include "format/check/stray_indexes.h"

#include <algorithm>
#include <unordered_map>

#include "format/base/crc32.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/store/saved_copies.h"

namespace cyr::check {

namespace {

constexpr std::size_t kMostRuns = 100;  // saved runs of a root that are looked into, the newest first
constexpr int kMostLevels = 100;        // of directories in one

// Where the index of a mailbox lies, and its UIDVALIDITY of mailboxes.db.
using Homes = std::unordered_map<std::string, std::uint32_t>;

class Gatherer {
 public:
  explicit Gatherer(store::Store& store) : store_(store) {}

  std::vector<StrayIndex> run() {
    live();
    for (const auto& root : store_.saved_roots()) {
      saved(root);
    }
    return std::move(strays_);
  }

 private:
  std::optional<mailbox::IndexHeader> header_of(const fs::path& path) {
    const auto file = store_.io().read_file(path);
    auto header = file ? mailbox::decode_index_header(file->bytes()) : corrupt("no file");
    return header ? std::optional(std::move(*header)) : std::nullopt;
  }

  // It is at home with its UIDVALIDITY and the CRC of the header beside it.
  bool is_at_home(const mailbox::IndexHeader& index, std::uint32_t uidvalidity, const fs::path& header) {
    if (uidvalidity != 0 && index.uidvalidity != uidvalidity) {
      return false;
    }
    if (!mailbox::has_record_crc(index.minor_version) || index.header_file_crc == 0) {
      return true;
    }
    const auto file = store_.io().read_file(header);
    return file && crc32(file->bytes()) == index.header_file_crc;
  }

  void live() {
    const auto list = store_.mailbox_list();
    if (!list) {
      return;
    }
    (void)(*list)->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (item.entry && item.entry->type.local()) {
        if (const auto files = store_.files(*item.entry)) {
          homes_.emplace(files->index.native(), item.entry->uidvalidity);
          const auto header = header_of(files->index);
          if (header && !is_at_home(*header, item.entry->uidvalidity, files->header)) {
            strays_.push_back({files->index, files->index, header->uidvalidity});
          }
        }
      }
      return db::Visit::go_on;
    });
  }

  void saved(const fs::path& root) {
    const fs::path top = root / std::string(store::saved_directory);
    auto runs = store_.io().list(top);
    if (!runs) {
      return;
    }
    std::sort(runs->begin(), runs->end(), [](const auto& a, const auto& b) { return a.name > b.name; });
    runs->resize(std::min(runs->size(), kMostRuns));
    for (const auto& run : *runs) {
      walk(top / run.name, root, 0);
    }
  }

  void walk(const fs::path& directory, const fs::path& home, int level) {
    const auto entries = level < kMostLevels ? store_.io().list(directory) : corrupt("too deep");
    if (!entries) {
      return;
    }
    for (const auto& entry : *entries) {
      if (entry.kind == FileKind::directory) {
        walk(directory / entry.name, home / entry.name, level + 1);
      } else if (entry.kind == FileKind::regular && entry.name == "cyrus.index") {
        add_saved(directory / entry.name, home / entry.name);
      }
    }
  }

  // An old version of a mailbox's own index is no stray: what it says is not true any more.
  void add_saved(const fs::path& path, const fs::path& home) {
    const auto at = homes_.find(home.native());
    const auto header = at != homes_.end() ? header_of(path) : std::nullopt;
    if (header && header->uidvalidity != at->second) {
      strays_.push_back({path, home, header->uidvalidity});
    }
  }

  store::Store& store_;
  Homes homes_;
  std::vector<StrayIndex> strays_;
};

}  // namespace

const std::vector<StrayIndex>& StrayIndexes::all(store::Store& store) {
  const std::lock_guard lock(mutex_);
  if (!known_) {
    strays_ = Gatherer(store).run();
    known_ = true;
  }
  return strays_;
}

}  // namespace cyr::check
