// Paths of mailboxes on partitions, and of everything under configdirectory (names.md, store.md 2.7 and 2.8).
//
// Invariant: no path given out leaves the directory it belongs to, whatever the id or name holds.
#include "format/names/paths.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/names/components.h"
#include "format/names/directory.h"

namespace cyr::names {
namespace {

using conf::Option;
using conf::RootKind;

struct MetaFileRow {
  RootKind kind;
  const char* name;
};
constexpr std::array meta_files{
    MetaFileRow{RootKind::header, "cyrus.header"}, MetaFileRow{RootKind::index, "cyrus.index"},
    MetaFileRow{RootKind::cache, "cyrus.cache"},   MetaFileRow{RootKind::expunge, "cyrus.expunge"},
    MetaFileRow{RootKind::squat, "cyrus.squat"},   MetaFileRow{RootKind::annotations, "cyrus.annotations"},
    MetaFileRow{RootKind::dav, "cyrus.dav"},
};

fs::path directory_option(const conf::Config& config, Option option, const char* fallback) {
  const std::string_view given = config.text(option);
  return given.empty() ? config.config_directory() / fallback : fs::path(std::string(given));
}

// What `/` does, without looking at every part of both: `below` is relative.
fs::path joined(const fs::path& directory, std::string_view below) {
  std::string out;
  out.reserve(directory.native().size() + 1 + below.size());
  out = directory.native();
  if (!out.empty() && out.back() != '/') {
    out += '/';
  }
  out += below;
  return fs::path(std::move(out));
}

const char* meta_file_name(RootKind kind) {
  const auto row = std::find_if(meta_files.begin(), meta_files.end(),
                                [kind](const MetaFileRow& candidate) { return candidate.kind == kind; });
  return row != meta_files.end() ? row->name : nullptr;
}

// One file name; nothing in it may lead elsewhere.
Status check_file_name(std::string_view text) {
  if (text.empty() || text == "." || text == ".." ||
      text.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
    return make_error(Errc::invalid, "'" + printable(text) + "' cannot be part of a path");
  }
  return success();
}

// "domain/d/DOMAIN" or nothing; under conf the letters are always there.
Result<fs::path> domain_directory(std::string_view domain, const Namespace& ns) {
  if (domain.empty()) {
    return fs::path();
  }
  CYR_CHECK(check_file_name(domain));
  return fs::path("domain") / std::string(1, hash_letter(domain, ns.fulldirhash)) / std::string(domain);
}

// The user id as the file system has it: 2.x keeps the escaped spelling where '/' is the separator.
std::string file_spelling(const UserId& user, const Namespace& ns) {
  return ns.release < conf::v3_0 && ns.unixhierarchysep ? escape_dots(user.localpart) : user.localpart;
}

}  // namespace

Result<Paths> Paths::from_config(const conf::Config& config) {
  Paths out;
  CYR_TRY(out.namespace_, Namespace::from_config(config));
  CYR_TRY(out.partitions_, conf::Partitions::from_config(config));
  out.config_directory_ = config.config_directory();
  out.sieve_directory_ = fs::path(std::string(config.text(Option::sievedir)));
  out.lock_directory_ = directory_option(config, Option::mboxname_lockpath, "lock");
  out.proc_directory_ = directory_option(config, Option::proc_path, "proc");
  out.mailboxes_db_ = directory_option(config, Option::mboxlist_db_path, "mailboxes.db");
  out.quotas_db_ = directory_option(config, Option::quota_db_path, "quotas.db");
  out.annotations_db_ = directory_option(config, Option::annotation_db_path, "annotations.db");
  out.deliver_db_ = directory_option(config, Option::duplicate_db_path, "deliver.db");
  out.statuscache_db_ = directory_option(config, Option::statuscache_db_path, "statuscache.db");
  return out;
}

Result<MailboxPaths> Paths::mailbox_paths(const MailboxPlace& place) const {
  CYR_TRY(fs::path below, place.layout == Layout::by_id ? mailbox_directory_by_id(place.uniqueid)
                                                        : mailbox_directory_by_name(place.name, namespace_));
  return MailboxPaths(*this, place.partition, std::move(below));
}

Result<fs::path> MailboxPaths::directory(RootKind kind) const {
  CYR_TRY(const fs::path root, paths_.partitions().root(partition_, kind));
  return joined(root, below_.native());
}

Result<fs::path> MailboxPaths::file(RootKind kind) const {
  const char* const name = meta_file_name(kind);
  if (name == nullptr) {
    return make_error(Errc::invalid, "there is no single file of kind " + std::string(conf::name_of(kind)));
  }
  CYR_TRY(const fs::path in, directory(kind));
  return joined(in, name);
}

Result<fs::path> Paths::mailbox(const MailboxPlace& place, RootKind kind) const {
  CYR_TRY(const auto paths, mailbox_paths(place));
  return paths.directory(kind);
}

Result<fs::path> Paths::meta_file(const MailboxPlace& place, RootKind kind) const {
  CYR_TRY(const auto paths, mailbox_paths(place));
  return paths.file(kind);
}

Result<fs::path> Paths::message(const MailboxPlace& place, std::uint32_t uid, bool archived) const {
  CYR_TRY(const fs::path directory, mailbox(place, archived ? RootKind::archive : RootKind::data));
  return directory / (std::to_string(uid) + '.');
}

Result<std::vector<fs::path>> Paths::mailbox_directories(const MailboxPlace& place) const {
  std::vector<fs::path> out;
  CYR_TRY(const auto paths, mailbox_paths(place));
  for (const RootKind kind : {RootKind::data, RootKind::header, RootKind::index, RootKind::cache,
                              RootKind::expunge, RootKind::squat, RootKind::annotations, RootKind::dav,
                              RootKind::archivecache, RootKind::lock, RootKind::archive}) {
    CYR_TRY(fs::path directory, paths.directory(kind));
    if (std::find(out.begin(), out.end(), directory) == out.end()) {
      out.push_back(std::move(directory));
    }
  }
  return out;
}

std::optional<Paths::Identified> Paths::identify(const fs::path& directory) const {
  std::optional<Identified> best;
  std::size_t best_root = 0;
  const std::string_view path = directory.native();
  for (const std::string& partition : partitions_.names()) {
    for (const fs::path& root : partitions_.all_roots(partition)) {
      const std::size_t size = root.native().size() + 1;
      // Where one root lies inside another the longer one owns the directory.
      if (size <= best_root || !path.starts_with(root.native()) || path.substr(size - 1, 1) != "/") {
        continue;
      }
      if (auto identity = identify_directory(std::string(path.substr(size)), namespace_)) {
        best = Identified{partition, std::move(*identity)};
        best_root = size;
      }
    }
  }
  return best;
}

Result<fs::path> Paths::user_directory_by_name(const UserId& user) const {
  CYR_TRY(const fs::path domain, domain_directory(user.domain, namespace_));
  if (user.empty()) {
    return config_directory_ / domain;
  }
  const std::string spelling = file_spelling(user, namespace_);
  CYR_CHECK(check_file_name(spelling));
  return config_directory_ / domain / "user" / std::string(1, hash_letter(spelling, namespace_.fulldirhash));
}

Result<fs::path> Paths::user_file_by_name(const UserId& user, std::string_view suffix) const {
  CYR_CHECK(check_file_name(suffix));
  CYR_TRY(const fs::path directory, user_directory_by_name(user));
  const std::string spelling = user.empty() ? "shared" : file_spelling(user, namespace_);
  return directory / (spelling + '.' + std::string(suffix));
}

Result<fs::path> Paths::user_directory_by_id(std::string_view inbox_id) const {
  CYR_TRY(const fs::path below, mailbox_directory_by_id(inbox_id));
  return config_directory_ / "user" / below;
}

Result<fs::path> Paths::user_file_by_id(std::string_view inbox_id, std::string_view suffix) const {
  CYR_CHECK(check_file_name(suffix));
  CYR_TRY(const fs::path directory, user_directory_by_id(inbox_id));
  return directory / (std::string(suffix) + ".db");
}

Result<fs::path> Paths::sieve_by_name(const UserId& user) const {
  CYR_TRY(const fs::path domain, domain_directory(user.domain, namespace_));
  if (user.empty()) {
    return sieve_directory_ / domain / "global";
  }
  const std::string spelling = file_spelling(user, namespace_);
  CYR_CHECK(check_file_name(spelling));
  return sieve_directory_ / domain / std::string(1, hash_letter(spelling, namespace_.fulldirhash)) / spelling;
}

Result<fs::path> Paths::sieve_by_id(std::string_view inbox_id) const {
  CYR_TRY(const fs::path below, mailbox_directory_by_id(inbox_id));
  return sieve_directory_ / below;
}

Result<fs::path> Paths::quota_file(std::string_view root) const {
  std::string_view name = root;
  fs::path domain;
  if (const auto bang = root.find('!'); bang != std::string_view::npos && has_domains(namespace_)) {
    CYR_TRY(domain, domain_directory(root.substr(0, bang), namespace_));
    name = root.substr(bang + 1);
    if (name.empty() && !domain.empty()) {
      return config_directory_ / domain / "quota" / "root";
    }
  }
  CYR_CHECK(check_file_name(name));
  // The text after the first dot, escapes and all: the full hash ends at the next dot by itself.
  const auto dot = name.find('.');
  const std::string_view key = dot == std::string_view::npos ? name : name.substr(dot + 1);
  return config_directory_ / domain / "quota" / std::string(1, hash_letter(key, namespace_.fulldirhash)) /
         std::string(name);
}

Result<fs::path> Paths::lock_file(std::string_view lock_name) const {
  std::string domain;
  std::string_view rest = lock_name;
  if (const auto bang = lock_name.find('!'); bang != std::string_view::npos && has_domains(namespace_)) {
    domain = lock_name.substr(0, bang);
    rest = lock_name.substr(bang + 1);
  }
  std::vector<std::string> components;
  for (const std::string_view piece : split(rest, '.')) {
    components.push_back(unescape_dots(piece));
  }
  CYR_TRY(const fs::path below, directory_of_components(domain, components, namespace_));
  return joined(lock_directory_, below.native() + ".lock");
}

Result<fs::path> Paths::user_lock(const UserId& user) const {
  return lock_file("*U*" + escape_dots(user.text()));
}

Result<fs::path> Paths::mailbox_lock(const MailboxPlace& place) const {
  return lock_file(place.layout == Layout::by_id ? place.uniqueid : place.name.to_internal(namespace_));
}

}  // namespace cyr::names
