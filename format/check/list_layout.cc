#include "format/check/list_layout.h"

#include <algorithm>

#include "format/store/link_or_copy.h"

namespace cyr::check {

namespace {

constexpr std::string_view layout_reason = "directory-layout";

bool is_message(const std::string& name) {
  return name.size() > 1 && name.back() == '.' &&
         std::all_of(name.begin(), name.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
}

// An equal file that an interrupted run has made.
Result<bool> is_there(Io& io, const FileInfo& from, const fs::path& to) {
  const auto info = io.stat(to);
  if (!info) {
    return info.error().code == Errc::not_found ? Result<bool>(false) : info.error();
  }
  if (!info->same_file(from) && (info->size != from.size || info->mtime != from.mtime)) {
    return make_error(Errc::exists, "is there already, and is another file").at(to);
  }
  return true;
}

Status bring_file(Io& io, const fs::path& from, const fs::path& to, const std::string& mailbox,
                  store::SavedCopies& saved) {
  CYR_TRY(const auto info, io.stat(from));
  CYR_TRY(const bool done, is_there(io, info, to));
  if (done) {
    return success();
  }
  CYR_CHECK(saved.before_create(to, {mailbox, layout_reason}));
  // What is changed in place must not be shared with the old directory, which is what --undo puts back.
  return is_message(from.filename().string()) ? store::link_or_copy(io, from, to)
                                              : store::copy_kept_file(io, from, to, info);
}

Status bring_directory(Io& io, const fs::path& from, const fs::path& to, const std::string& mailbox,
                       store::SavedCopies& saved) {
  const auto entries = io.list(from);
  if (!entries) {
    return entries.error().code == Errc::not_found ? success() : Status(entries.error());
  }
  CYR_CHECK(saved.make_directories(to, 0755, {mailbox, layout_reason}));
  for (const auto& entry : *entries) {
    if (entry.kind == FileKind::regular) {
      CYR_CHECK(bring_file(io, from / entry.name, to / entry.name, mailbox, saved));
    }
  }
  return io.sync_directory(to);
}

}  // namespace

Result<std::vector<OldDirectory>> lay_out_by_name(store::Store& store, const ListPlan& plan,
                                                  store::SavedCopies& saved) {
  std::vector<OldDirectory> out;
  if (meta::is_keyed(plan.format)) {
    return out;
  }
  for (const auto& planned : plan.entries) {
    const auto& entry = planned.entry;
    const auto name = names::MailboxName::from_internal(entry.name, store.name_space());
    if (!entry.type.local() || entry.uniqueid.empty() || planned.directory.empty() || !name) {
      continue;
    }
    CYR_TRY(const auto from, store.files({entry.partition, *name, entry.uniqueid, names::Layout::by_id}));
    if (from.header.parent_path() != planned.directory) {
      continue;
    }
    CYR_TRY(const auto to, store.files({entry.partition, *name, entry.uniqueid, names::Layout::by_name}));
    const auto sources = from.directories(), targets = to.directories();
    for (std::size_t i = 0; i < std::min(sources.size(), targets.size()); ++i) {
      if (!store.io().read_only()) {
        CYR_CHECK(bring_directory(store.io(), sources[i], targets[i], entry.name, saved));
      }
      CYR_TRY(const bool there, store.io().exists(sources[i]));
      if (there) {
        out.push_back({entry.name, sources[i]});
      }
    }
    CYR_CHECK(saved.settle(entry.name));
  }
  return out;
}

Status put_directories_aside(Io& io, const std::vector<OldDirectory>& directories,
                             store::SavedCopies& saved) {
  for (const auto& [mailbox, path] : directories) {
    CYR_TRY(const auto entries, io.list(path));
    for (const auto& entry : entries) {  // --undo takes back files
      CYR_TRY([[maybe_unused]] const auto aside,
              saved.move_aside(path / entry.name, {mailbox, layout_reason}));
    }
    CYR_CHECK(io.remove_directory(path));
    CYR_CHECK(io.sync_directory(path.parent_path()));
    CYR_CHECK(saved.settle(mailbox));
  }
  return success();
}

}  // namespace cyr::check
