#include "format/store/mailbox_directories.h"

#include <algorithm>

#include "format/base/file.h"
#include "format/base/text.h"
#include "format/store/administration.h"
#include "format/store/link_or_copy.h"
#include "format/store/modes.h"

namespace cyr::store {

namespace {

// What says whose the messages are and which of them live goes last: what an interrupted removal leaves must
// not come back as new messages.
int rank(std::string_view file_name) {
  return file_name == "cyrus.header" ? 2 : file_name == "cyrus.index" ? 1 : 0;
}

// Files of one directory. A directory that is a symbolic link leads
// somewhere else and is left alone.
Status empty_directory(Io& io, const fs::path& directory) {
  const auto info = io.lstat(directory);
  if (!info) {
    return info.error().code == Errc::not_found ? success() : Status(info.error());
  }
  if (info->kind != FileKind::directory) {
    return make_error(Errc::invalid, "not a directory").at(directory);
  }
  CYR_TRY(auto entries, io.list(directory));
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return rank(a.name) < rank(b.name); });
  for (const auto& entry : entries) {
    if (entry.kind != FileKind::directory) {
      CYR_CHECK(io.unlink(directory / entry.name));
    }
  }
  return success();
}

// Is there a mailbox of this name on the partition, or one below it, besides the one that is removed?
Result<bool> is_needed(Store& store, const std::string& name, const std::string& removed,
                       const std::string& partition) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  bool needed = false;
  CYR_CHECK(list->for_each_under(name, [&](const meta::ListItem& item) -> Result<db::Visit> {
    needed = (!item.entry || (item.entry->type.local() && item.entry->partition == partition)) &&
             item.name != removed;
    return needed ? db::Visit::stop : db::Visit::go_on;
  }));
  return needed;
}

// The directories of names above that have become nobody's, as Cyrus removes them: up to the first that is a
// mailbox or has one below it.
Status remove_parents(Store& store, const MailboxFiles& files) {
  const auto roots = store.saved_roots();
  std::vector<fs::path> directories = files.directories();
  const std::string removed = files.place.name.to_internal(store.name_space());
  std::string name = removed;
  const std::size_t domain_end = name.find('!') == std::string::npos ? 0 : name.find('!') + 1;
  for (std::size_t dot = name.rfind('.'); dot != std::string::npos && dot > domain_end;
       dot = name.rfind('.')) {
    name.resize(dot);
    CYR_TRY(const bool needed, is_needed(store, name, removed, files.place.partition));
    if (needed) {
      return success();
    }
    for (fs::path& directory : directories) {
      directory = directory.parent_path();
      if (std::find(roots.begin(), roots.end(), directory) == roots.end()) {
        (void)store.io().remove_directory(directory);  // something else may lie there
      }
    }
  }
  return success();
}

bool is_message_file(std::string_view name) {
  return name.size() > 1 && name.ends_with('.') &&
         parse_number<std::uint32_t>(name.substr(0, name.size() - 1)).has_value();
}

// What belongs to the mailbox besides messages; the header is written anew by the caller, and what is being
// written has another name yet.
bool is_meta_file(std::string_view name) {
  return name.starts_with("cyrus.") && name != "cyrus.header" && !name.ends_with(".NEW");
}

Status copy_meta_file(Io& io, const fs::path& from, const fs::path& to) {
  CYR_TRY(const FileBytes bytes, io.read_file(from));
  return replace_file(io, to, bytes.bytes(), file_mode);
}

Status copy_directory(Io& io, const fs::path& from, const fs::path& to) {
  const auto entries = io.list(from);
  if (!entries) {
    return entries.error().code == Errc::not_found ? success() : Status(entries.error());
  }
  bool made = false;
  for (const DirEntry& entry : *entries) {
    const bool message = is_message_file(entry.name);
    if (entry.kind != FileKind::regular || (!message && !is_meta_file(entry.name))) {
      continue;
    }
    if (!made) {
      CYR_CHECK(io.make_directories(to, directory_mode));
      made = true;
    }
    CYR_CHECK(message ? link_or_copy(io, from / entry.name, to / entry.name)
                      : copy_meta_file(io, from / entry.name, to / entry.name));
  }
  return made ? io.sync_directory(to) : success();
}

}  // namespace

Status remove_mailbox_directories(Store& store, const MailboxFiles& files) {
  auto directories = files.directories();
  const auto directory_rank = [&](const fs::path& path) {
    return path == files.header.parent_path() ? 2 : path == files.index.parent_path() ? 1 : 0;
  };
  std::stable_sort(directories.begin(), directories.end(),
                   [&](const auto& a, const auto& b) { return directory_rank(a) < directory_rank(b); });
  for (const auto& directory : directories) {
    CYR_CHECK(empty_directory(store.io(), directory));
  }
  const bool by_name = files.place.layout == names::Layout::by_name;
  const std::string name = files.place.name.to_internal(store.name_space());
  CYR_TRY(const bool above_others, is_needed(store, name, name, files.place.partition));
  if (by_name && above_others) {
    return success();  // the last mailbox below takes them along
  }
  for (const auto& directory : directories) {
    (void)store.io().remove_directory(directory);  // something else may lie in it
  }
  return by_name ? remove_parents(store, files) : success();
}

Status copy_mailbox_directories(Store& store, const MailboxFiles& from, const MailboxFiles& to) {
  const std::pair<fs::path, fs::path> pairs[] = {
      {from.data, to.data},
      {from.header.parent_path(), to.header.parent_path()},
      {from.index.parent_path(), to.index.parent_path()},
      {from.cache.parent_path(), to.cache.parent_path()},
      {from.annotations.parent_path(), to.annotations.parent_path()},
      {from.archive, to.archive},
      {from.archive_cache.parent_path(), to.archive_cache.parent_path()},
  };
  std::vector<fs::path> done;
  CYR_CHECK(store.io().make_directories(to.header.parent_path(), directory_mode));
  for (const auto& [source, target] : pairs) {
    if (std::find(done.begin(), done.end(), source) == done.end()) {
      done.push_back(source);
      CYR_CHECK(copy_directory(store.io(), source, target));
    }
  }
  return success();
}

}  // namespace cyr::store
