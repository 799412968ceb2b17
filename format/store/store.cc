#include "format/store/store.h"

#include <algorithm>

#include "format/db/database.h"
#include "format/db/quotalegacy.h"

namespace cyr::store {

std::vector<fs::path> MailboxFiles::directories() const {
  std::vector<fs::path> out;
  const auto add = [&out](const fs::path& directory) {
    if (std::find(out.begin(), out.end(), directory) == out.end()) {
      out.push_back(directory);
    }
  };
  add(data);
  for (const fs::path* file : {&header, &index, &cache, &annotations, &expunge, &archive_cache}) {
    add(file->parent_path());
  }
  add(archive);
  return out;
}

fs::path MailboxFiles::message(std::uint32_t uid, bool archived) const {
  return (archived ? archive : data) / (std::to_string(uid) + ".");
}

Result<std::unique_ptr<Store>> Store::open(Io& io, std::shared_ptr<const conf::Config> config) {
  CYR_TRY(auto paths, names::Paths::from_config(*config));
  return std::unique_ptr<Store>(new Store(io, std::move(config), std::move(paths)));
}

Result<std::unique_ptr<Store>> Store::open(Io& io, const fs::path& config_file,
                                           const conf::LoadRequest& request) {
  CYR_TRY(auto config, conf::Config::load(io, config_file, request));
  return open(io, std::make_shared<const conf::Config>(std::move(config)));
}

db::OpenOptions Store::open_options(db::Kind kind, conf::Option option, bool create) const {
  const names::Namespace& ns = name_space();
  return {.create = create,
          .order = {},
          .mode = 0600,
          .full_dir_hash = ns.fulldirhash,
          .virtual_domains = ns.virtdomains != names::VirtualDomains::off,
          .sql = {.engine = std::string(config_->text(conf::Option::sql_engine)),
                  .database = std::string(config_->text(conf::Option::sql_database)),
                  .table = {}},
          .sync = db::name_syncs(config_->text(option)) &&
                  !(kind == db::Kind::skiplist && config_->is_on(conf::Option::skiplist_unsafe))};
}

Result<std::unique_ptr<db::Database>> Store::open_database(const fs::path& path, conf::Option option,
                                                           bool create) {
  CYR_TRY(const bool there, io_.exists(path));
  if (!there && !create) {
    return system_error(ENOENT, "cannot open", path);
  }
  std::optional<db::Kind> kind;
  if (there) {
    CYR_TRY(kind, db::detect(io_, path));
  }
  if (!kind) {
    const std::string_view name = config_->text(option);
    kind = db::kind_from_name(name);
    if (!kind) {
      return make_error(Errc::unsupported,
                        std::string(conf::name_of(option)) + ": no database backend " + std::string(name))
          .at(config_->file());
    }
  }
  return db::open(io_, path, *kind, open_options(*kind, option, create));
}

Result<bool> Store::make_mailbox_list() {
  CYR_TRY(const bool there, io_.exists(paths_.mailboxes_db()));
  if (there) {
    return false;
  }
  CYR_TRY(const auto made, open_database(paths_.mailboxes_db(), conf::Option::mboxlist_db, true));
  return true;
}

Result<meta::MailboxList*> Store::mailbox_list() {
  if (!mailbox_list_) {
    CYR_TRY(auto database, open_database(paths_.mailboxes_db(), conf::Option::mboxlist_db));
    meta::MailboxListOptions options;
    options.admins = config_->words(conf::Option::admins);
    options.name_space = name_space();
    CYR_TRY(auto list, meta::MailboxList::open(std::move(database), std::move(options)));
    keyed_ = meta::is_keyed(list.format());
    mailbox_list_.emplace(std::move(list));
  }
  return &*mailbox_list_;
}

// The legacy tree is no database file: it is found by its directory, whatever quota_db_path says.
Result<std::unique_ptr<db::Database>> Store::open_quotas() {
  const bool tree = db::kind_from_name(config_->text(conf::Option::quota_db)) == db::Kind::quotalegacy;
  const fs::path path = tree ? paths_.quota_directory() : paths_.quotas_db();
  if (may_lack_quotas_) {
    CYR_TRY(const bool there, io_.exists(path));
    if (!there && tree) {
      return db::quotalegacy::open_tree_to_be(
          io_, path, open_options(db::Kind::quotalegacy, conf::Option::quota_db, true));
    }
    return open_database(path, conf::Option::quota_db, !there && !io_.read_only());
  }
  return open_database(path, conf::Option::quota_db);
}

Result<meta::Quotas*> Store::quotas() {
  if (!quotas_) {
    CYR_TRY(auto database, open_quotas());
    quotas_.emplace(std::move(database));
  }
  return &*quotas_;
}

void Store::may_lack_quotas(bool may) {
  if (may != may_lack_quotas_) {
    may_lack_quotas_ = may;
    quotas_.reset();
  }
}

Result<db::Database*> Store::annotations() {
  if (!annotations_) {
    CYR_TRY(annotations_, open_database(paths_.annotations_db(), conf::Option::annotation_db));
  }
  return annotations_.get();
}

void Store::close_databases() {
  mailbox_list_.reset();
  quotas_.reset();
  annotations_.reset();
}

Result<bool> Store::has_keyed_list() {
  if (!mailbox_list_) {
    const auto list = mailbox_list();  // sets keyed_
    const bool none = !list && (list.error().code == Errc::not_found || list.error().code == Errc::corrupt ||
                                list.error().code == Errc::unsupported || list.error().code == Errc::invalid);
    if (!list && !none) {
      return list.error();
    }
  }
  return keyed_;
}

Result<names::Layout> Store::layout_of(const meta::MailboxEntry& entry) {
  CYR_TRY(const bool keyed, has_keyed_list());
  return keyed && !entry.type.legacy_dirs && !entry.uniqueid.empty() ? names::Layout::by_id
                                                                     : names::Layout::by_name;
}

Result<MailboxFiles> Store::files(names::MailboxPlace place) const {
  using conf::RootKind;
  MailboxFiles files;
  CYR_TRY(const auto paths, paths_.mailbox_paths(place));
  CYR_TRY(files.data, paths.directory(RootKind::data));
  CYR_TRY(files.archive, paths.directory(RootKind::archive));
  CYR_TRY(files.header, paths.file(RootKind::header));
  CYR_TRY(files.index, paths.file(RootKind::index));
  CYR_TRY(files.cache, paths.file(RootKind::cache));
  CYR_TRY(files.annotations, paths.file(RootKind::annotations));
  CYR_TRY(files.expunge, paths.file(RootKind::expunge));
  files.archive_cache = files.cache;
  if (files.has_archive()) {
    CYR_TRY(const auto directory, paths.directory(RootKind::archivecache));
    files.archive_cache = directory / "cyrus.cache";
  }
  files.user = place.name.user();
  CYR_TRY(files.name_lock, paths_.mailbox_lock(place));
  CYR_TRY(files.user_lock, paths_.user_lock(files.user));
  files.place = std::move(place);
  return files;
}

Result<MailboxFiles> Store::files(const meta::MailboxEntry& entry) {
  CYR_TRY(auto name, names::MailboxName::from_internal(entry.name, name_space()));
  CYR_TRY(const names::Layout layout, layout_of(entry));
  return files(names::MailboxPlace{
      .partition = entry.partition, .name = std::move(name), .uniqueid = entry.uniqueid, .layout = layout});
}

std::string Store::external_name(std::string_view internal) const {
  const auto name = names::MailboxName::from_internal(internal, name_space());
  return name ? name->to_admin(name_space()) : std::string(internal);
}

std::vector<fs::path> Store::saved_roots() const {
  std::vector<fs::path> roots{paths_.config_directory()};
  for (const auto& partition : partitions().names()) {
    for (const auto& root : partitions().all_roots(partition)) {
      roots.push_back(root);
    }
  }
  const std::string_view sieve = config().text(conf::Option::sievedir);
  if (sieve.starts_with('/')) {
    roots.emplace_back(std::string(sieve));
  }
  std::sort(roots.begin(), roots.end());
  roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
  return roots;
}

}  // namespace cyr::store
