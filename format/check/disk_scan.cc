#include "format/check/disk_scan.h"

#include <algorithm>
#include <set>

#include "format/mailbox/header.h"
#include "format/mailbox/index_file.h"

namespace cyr::check {

namespace {

constexpr std::size_t kDeepest =
    128;  // directories; Cyrus's longest path allows some hundred one-letter components

bool keyed_list(store::Store& store) {
  const auto list = store.mailbox_list();
  return !list || meta::is_keyed((*list)->format());
}

// What index and header hold of a list entry.
void read_header(Io& io, const fs::path& path, FoundMailbox& found) {
  const auto file = io.read_file(path);
  if (!file) {
    return;
  }
  mailbox::MailboxHeader header;
  if (auto decoded = mailbox::decode_header(file->bytes())) {
    header = std::move(*decoded);
    found.header_sound = true;
  } else {
    header = mailbox::decode_header_lenient(file->bytes()).header;
  }
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
}

void read_index(Io& io, const fs::path& path, FoundMailbox& found) {
  const auto file = io.read_file(path);
  if (!file) {
    return;
  }
  found.has_index = true;
  auto header = mailbox::decode_index_header(file->bytes());
  const auto index = header ? std::move(*header) : mailbox::salvage_index_header(file->bytes()).header;
  found.entry.uidvalidity = index.uidvalidity;
  found.entry.createdmodseq = index.createdmodseq;
  found.entry.foldermodseq = index.highestmodseq;
}

Result<FoundMailbox> examine(store::Store& store, const fs::path& directory,
                             const names::Paths::Identified& where) {
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
  found.entry.type.legacy_dirs = !found.by_id && keyed_list(store);
  return found;
}

// Walks one root without recursion.
class Walk {
 public:
  Walk(store::Store& store, const std::atomic<bool>* stop, DiskScan& out)
      : store_(store), stop_(stop), out_(out) {}

  Status run(const fs::path& root) {
    std::vector<std::pair<fs::path, std::size_t>> open{{root, 0}};
    while (!open.empty()) {
      if (stop_ != nullptr && *stop_) {
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
        mailbox = mailbox || entry.name == "cyrus.header" || entry.name == "cyrus.index";
        if (depth < kDeepest && is_directory(directory, entry)) {
          open.emplace_back(directory / entry.name, depth + 1);
        }
      }
      if (mailbox && seen_.insert(directory.native()).second) {
        add(directory);
      }
    }
    return success();
  }

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

  void add(const fs::path& directory) {
    const auto where = store_.paths().identify(directory);
    if (!where) {
      return;
    }
    auto found = examine(store_, directory, *where);
    if (found) {
      out_.mailboxes.push_back(std::move(*found));
    } else {
      out_.unreadable.push_back(found.error());
    }
  }

  store::Store& store_;
  const std::atomic<bool>* stop_;
  DiskScan& out_;
  std::set<std::string> seen_;
  std::set<std::pair<::dev_t, ::ino_t>> links_;
};

}  // namespace

Result<DiskScan> scan_partitions(store::Store& store, const std::string& partition,
                                 const std::atomic<bool>* stop) {
  DiskScan out;
  Walk walk(store, stop, out);
  std::set<std::string> roots;
  for (const auto& name : store.partitions().names()) {
    if (!partition.empty() && name != partition) {
      continue;
    }
    for (const auto kind : {conf::RootKind::header, conf::RootKind::index}) {
      CYR_TRY(const auto root, store.partitions().root(name, kind));
      if (roots.insert(root.native()).second) {
        CYR_CHECK(walk.run(root));
      }
    }
  }
  // A header and an index in two metadata roots are one mailbox.
  std::stable_sort(out.mailboxes.begin(), out.mailboxes.end(),
                   [](const FoundMailbox& a, const FoundMailbox& b) {
                     return std::tie(a.entry.name, a.entry.uniqueid, a.entry.partition) <
                            std::tie(b.entry.name, b.entry.uniqueid, b.entry.partition);
                   });
  const auto same = [](const FoundMailbox& a, const FoundMailbox& b) {
    return a.entry.name == b.entry.name && a.entry.uniqueid == b.entry.uniqueid &&
           a.entry.partition == b.entry.partition && a.by_id == b.by_id;
  };
  out.mailboxes.erase(std::unique(out.mailboxes.begin(), out.mailboxes.end(), same), out.mailboxes.end());
  return out;
}

Result<FoundMailbox> mailbox_at(store::Store& store, const fs::path& path) {
  CYR_TRY(const auto info, store.io().stat(path));
  const fs::path directory = info.kind == FileKind::directory ? path : path.parent_path();
  const auto where = store.paths().identify(directory);
  if (!where) {
    return make_error(Errc::invalid, "is not at the place of a mailbox on any partition").at(path);
  }
  return examine(store, directory, *where);
}

}  // namespace cyr::check
