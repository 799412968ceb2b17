#include "format/store/user_data.h"

#include "format/base/file.h"
#include "format/store/quota_limits.h"

namespace cyr::store {

namespace {

constexpr int deepest_tree = 16;

Status ignore_missing(const Status& status) {
  return status || status.error().code == Errc::not_found ? success() : status;
}

// A directory with all that is in it; a link is removed, not followed.
Status remove_tree(Io& io, const fs::path& path, int depth = 0) {
  const auto info = io.lstat(path);
  if (!info) {
    return info.error().code == Errc::not_found ? success() : Status(info.error());
  }
  if (info->kind != FileKind::directory) {
    return ignore_missing(io.unlink(path));
  }
  if (depth >= deepest_tree) {
    return make_error(Errc::invalid, "directories lie too deep in each other").at(path);
  }
  CYR_TRY(const auto entries, io.list(path));
  for (const DirEntry& entry : entries) {
    CYR_CHECK(remove_tree(io, path / entry.name, depth + 1));
  }
  return ignore_missing(io.remove_directory(path));
}

// The files of a user in the directory that users of one letter share: "NAME.sub", "NAME.seen" ... A name may
// itself have a dot, so only suffixes that Cyrus makes count.
constexpr std::array<std::string_view, 9> suffixes = {
    "sub", "seen",         "mboxkey",           "conversations", "counters",
    "dav", "xapianactive", "xapianactive.lock", "webdavlock"};

Result<std::vector<std::pair<std::string_view, fs::path>>> files_by_name(Store& store,
                                                                         const names::UserId& user) {
  std::vector<std::pair<std::string_view, fs::path>> out;
  for (const std::string_view suffix : suffixes) {
    CYR_TRY(fs::path path, store.paths().user_file_by_name(user, suffix));
    CYR_TRY(const bool there, store.io().exists(path));
    if (there) {
      out.emplace_back(suffix, std::move(path));
    }
  }
  return out;
}

Status rename_into(Io& io, const fs::path& from, const fs::path& to) {
  CYR_CHECK(io.make_directories(to.parent_path(), 0755));
  CYR_TRY(const bool there, io.exists(from));
  if (there) {
    CYR_CHECK(io.rename(from, to));
    CYR_CHECK(io.sync_directory(to.parent_path()));
  }
  return success();
}

Status copy_to(Io& io, const fs::path& from, const fs::path& to) {
  CYR_CHECK(io.make_directories(to.parent_path(), 0755));
  CYR_TRY(const FileBytes bytes, io.read_file(from));
  return replace_file(io, to, bytes.bytes());
}

}  // namespace

Status delete_user_data(Administration& admin, const meta::MailboxEntry& inbox) {
  const names::UserId user = admin.owner_of(inbox.name);
  CYR_CHECK(erase_quota_roots(admin, user));
  const names::Paths& paths = admin.store.paths();
  CYR_TRY(const auto files, files_by_name(admin.store, user));
  for (const auto& [suffix, path] : files) {
    CYR_CHECK(ignore_missing(admin.io().unlink(path)));
  }
  CYR_TRY(const auto layout, admin.store.layout_of(inbox));
  if (layout == names::Layout::by_id) {
    CYR_TRY(const fs::path directory, paths.user_directory_by_id(inbox.uniqueid));
    CYR_CHECK(remove_tree(admin.io(), directory));
    CYR_TRY(const fs::path sieve, paths.sieve_by_id(inbox.uniqueid));
    return remove_tree(admin.io(), sieve);
  }
  CYR_TRY(const fs::path sieve, paths.sieve_by_name(user));
  return remove_tree(admin.io(), sieve);
}

Status rename_user_data(Administration& admin, const meta::MailboxEntry& from, const meta::MailboxEntry& to) {
  CYR_TRY(const auto layout, admin.store.layout_of(to));
  if (layout == names::Layout::by_id) {
    return success();
  }
  const names::Paths& paths = admin.store.paths();
  const names::UserId old_user = admin.owner_of(from.name);
  const names::UserId new_user = admin.owner_of(to.name);
  CYR_TRY(const auto files, files_by_name(admin.store, old_user));
  for (const auto& [suffix, path] : files) {
    if (suffix == "conversations" && !admin.config().is_on(conf::Option::conversations)) {
      continue;  // left over from a time when the option was on
    }
    CYR_TRY(const fs::path target, paths.user_file_by_name(new_user, suffix));
    CYR_CHECK(suffix == "seen" ? rename_into(admin.io(), path, target) : copy_to(admin.io(), path, target));
  }
  CYR_TRY(const fs::path old_sieve, paths.sieve_by_name(old_user));
  CYR_TRY(const fs::path new_sieve, paths.sieve_by_name(new_user));
  return rename_into(admin.io(), old_sieve, new_sieve);
}

}  // namespace cyr::store
