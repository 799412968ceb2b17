#include "format/check/disk_scan.h"

#include <algorithm>
#include <set>
#include <thread>

#include "format/mailbox/header.h"
#include "format/mailbox/index_file.h"

namespace cyr::check {

namespace {

constexpr std::size_t kDeepest =
    128;  // directories; Cyrus's longest path allows some hundred one-letter components

// What index and header hold of a list entry.
void read_header(Io& io, const fs::path& path, FoundMailbox& found) {
  const auto opened = io.open_with_info(path);
  if (!opened) {
    return;
  }
  const auto file = io.read_opened(opened->first, opened->second, path);
  if (!file) {
    return;
  }
  mailbox::MailboxHeader header;
  if (auto decoded = mailbox::decode_header(file->bytes())) {
    header = std::move(*decoded);
    found.header_sound = true;
    found.acl_sound = true;
  } else {
    auto salvaged = mailbox::decode_header_lenient(file->bytes());
    found.acl_sound = salvaged.acl == mailbox::Trust::sound;
    header = std::move(salvaged.header);
  }
  found.dlist_header = found.header_sound && header.form == mailbox::HeaderForm::dlist;
  if (const auto type = meta::decode_type_letters(header.type)) {
    found.entry.type = *type;
  }
  if (found.by_id) {
    found.entry.name = header.name;
  }
  if (found.entry.uniqueid.empty()) {
    found.entry.uniqueid = header.uniqueid;
  }
  found.entry.acl = header.acl.value_or("");
  found.changed = opened->second.mtime;
}

void read_index(Io& io, const fs::path& path, FoundMailbox& found) {
  const auto file = io.read_file(path);
  if (!file) {
    return;
  }
  found.has_index = true;
  auto header = mailbox::decode_index_header(file->bytes());
  const auto index = header ? std::move(*header) : mailbox::salvage_index_header(file->bytes()).header;
  found.minor_version = index.minor_version;
  found.entry.uidvalidity = index.uidvalidity;
  found.entry.createdmodseq = index.createdmodseq;
  found.entry.foldermodseq = index.highestmodseq;
}

Result<FoundMailbox> examine(const store::Store& store, const fs::path& directory,
                             const names::Paths::Identified& where, bool keyed) {
  FoundMailbox found;
  found.directory = directory;
  found.by_id = where.identity.layout == names::Layout::by_id;
  found.entry.partition = where.partition;
  if (found.by_id) {
    found.entry.uniqueid = where.identity.uniqueid;
  } else {
    found.entry.name = where.identity.name.to_internal(store.name_space());
  }
  CYR_TRY(const auto files, store.files(names::MailboxPlace{.partition = where.partition,
                                                            .name = where.identity.name,
                                                            .uniqueid = where.identity.uniqueid,
                                                            .layout = where.identity.layout}));
  read_header(store.io(), files.header, found);
  read_index(store.io(), files.index, found);
  found.bare = found.changed == 0 && !found.has_index;
  found.entry.type.legacy_dirs = !found.by_id && keyed;
  return found;
}

// "17.": a message.
bool is_message_name(std::string_view name) {
  return name.size() > 1 && name.ends_with('.') && name.find_first_not_of("0123456789") == name.size() - 1;
}

// Walks roots without recursion and collects directories of mailboxes.
class Walk {
 public:
  struct Place {
    fs::path directory;
    names::Paths::Identified where;
  };

  Walk(store::Store& store, const ScanOptions& options, DiskScan& out)
      : store_(store), options_(options), out_(out) {}

  // `bare`: directories with message files count too.
  Status run(const fs::path& root, bool bare) {
    std::vector<std::pair<fs::path, std::size_t>> open{{root, 0}};
    while (!open.empty()) {
      if (options_.stop != nullptr && *options_.stop) {
        return make_error(Errc::cancelled, "stopped");
      }
      const auto [directory, depth] = std::move(open.back());
      open.pop_back();
      const auto entries = store_.io().list(directory);
      if (!entries) {
        if (entries.error().code != Errc::not_found) {
          out_.unreadable.push_back(entries.error());
        }
        continue;
      }
      bool mailbox = false;
      for (const auto& entry : *entries) {
        mailbox = mailbox || entry.name == "cyrus.header" || entry.name == "cyrus.index" ||
                  (bare && is_message_name(entry.name));
        if (depth < kDeepest && is_directory(directory, entry)) {
          open.emplace_back(directory / entry.name, depth + 1);
        }
      }
      if (mailbox && seen_.insert(directory.native()).second) {
        if (auto where = store_.paths().identify(directory)) {
          places.push_back({directory, std::move(*where)});
        }
      }
    }
    return success();
  }

  std::vector<Place> places;

 private:
  // `stage.`, `sync.` and our own `undo.` end in a dot, which no mailbox directory does.
  bool is_directory(const fs::path& parent, const DirEntry& entry) {
    if (entry.name.ends_with('.') || entry.name.starts_with('.')) {
      return false;
    }
    if (entry.kind != FileKind::symlink) {
      return entry.kind == FileKind::directory;
    }
    const auto info = store_.io().stat(parent / entry.name);
    return info && info->kind == FileKind::directory && links_.insert({info->device, info->inode}).second;
  }

  store::Store& store_;
  const ScanOptions& options_;
  DiskScan& out_;
  std::set<std::string> seen_;
  std::set<std::pair<::dev_t, ::ino_t>> links_;
};

// Reads header and index at each place, by `jobs` threads.
Status examine_all(store::Store& store, const std::vector<Walk::Place>& places, const ScanOptions& options,
                   DiskScan& out) {
  CYR_TRY(const bool keyed, store.has_keyed_list());
  std::vector<Result<FoundMailbox>> results(places.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < places.size(); i = next++) {
      if (options.stop != nullptr && *options.stop) {
        return;
      }
      results[i] = examine(store, places[i].directory, places[i].where, keyed);
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < options.jobs; ++i) {
    workers.emplace_back(work);
  }
  work();
  for (auto& worker : workers) {
    worker.join();
  }
  if (options.stop != nullptr && *options.stop) {
    return make_error(Errc::cancelled, "stopped");
  }
  for (auto& result : results) {
    if (result) {
      out.mailboxes.push_back(std::move(*result));
    } else {
      out.unreadable.push_back(result.error());
    }
  }
  return success();
}

// A header and an index in two metadata roots are one mailbox, and so are its messages on a third.
void merge_roots(std::vector<FoundMailbox>& mailboxes) {
  const auto key = [](const FoundMailbox& found) {
    return std::tie(found.entry.name, found.entry.uniqueid, found.entry.partition, found.by_id);
  };
  std::stable_sort(mailboxes.begin(), mailboxes.end(),
                   [&](const FoundMailbox& a, const FoundMailbox& b) { return key(a) < key(b); });
  mailboxes.erase(std::unique(mailboxes.begin(), mailboxes.end(),
                              [&](const FoundMailbox& a, const FoundMailbox& b) { return key(a) == key(b); }),
                  mailboxes.end());
}

}  // namespace

Result<DiskScan> scan_partitions(store::Store& store, const std::string& partition,
                                 const std::atomic<bool>* stop) {
  return scan_partitions(store, ScanOptions{.partition = partition, .stop = stop});
}

Result<DiskScan> scan_partitions(store::Store& store, const ScanOptions& options) {
  DiskScan out;
  Walk walk(store, options, out);
  std::set<std::string> roots;
  for (const auto& name : store.partitions().names()) {
    if (!options.partition.empty() && name != options.partition) {
      continue;
    }
    CYR_TRY(const auto data, store.partitions().root(name, conf::RootKind::data));
    for (const auto kind : {conf::RootKind::header, conf::RootKind::index, conf::RootKind::data}) {
      if (kind == conf::RootKind::data && !options.bare) {
        continue;
      }
      CYR_TRY(const auto root, store.partitions().root(name, kind));
      if (roots.insert(root.native()).second) {
        CYR_CHECK(walk.run(root, options.bare && root == data));
      }
    }
  }
  CYR_CHECK(examine_all(store, walk.places, options, out));
  merge_roots(out.mailboxes);
  return out;
}

Result<FoundMailbox> mailbox_at(store::Store& store, const fs::path& path) {
  CYR_TRY(const auto info, store.io().stat(path));
  const fs::path directory = info.kind == FileKind::directory ? path : path.parent_path();
  const auto where = store.paths().identify(directory);
  if (!where) {
    return make_error(Errc::invalid, "is not at the place of a mailbox on any partition").at(path);
  }
  CYR_TRY(const bool keyed, store.has_keyed_list());
  return examine(store, directory, *where, keyed);
}

}  // namespace cyr::check
