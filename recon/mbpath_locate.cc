// See mbpath_locate.h. A name is tried in every spelling that an administrator may mean; the first that is a
// mailbox wins.
#include "recon/mbpath_locate.h"

#include <nlohmann/json.hpp>

#include "format/text/mutf7.h"

namespace cyr::mbpath {
namespace {

// The members of "user" in the JSON output that are files of the user.
constexpr const char* user_suffixes[] = {"conversations", "counters", "dav", "seen", "sub", "xapianactive"};

Error no_mailbox() { return make_error(Errc::not_found, "there is no such mailbox"); }

}  // namespace

Result<std::optional<meta::MailboxEntry>> Locator::look_up(const Result<names::MailboxName>& name) {
  if (!name) {
    return std::optional<meta::MailboxEntry>();
  }
  CYR_TRY(auto* list, store_.mailbox_list());
  CYR_TRY(auto entry, list->find(name->to_internal(store_.name_space())));
  const bool is_mailbox = entry && (entry->type.local() || entry->type.remote) && !entry->type.deleted;
  return is_mailbox ? std::move(entry) : std::optional<meta::MailboxEntry>();
}

Result<meta::MailboxEntry> Locator::find(const std::string& argument, Reading reading) {
  const names::Namespace& ns = store_.name_space();
  if (reading == Reading::path) {
    return find_path(fs::path(argument));
  }
  std::vector<Result<names::MailboxName>> names;
  if (reading == Reading::user) {
    names.emplace_back(
        names::MailboxName::from_admin("user" + std::string(1, ns.separator()) + argument, ns));
  } else {
    names.push_back(names::MailboxName::from_admin(argument, ns));
    if (const auto encoded = text::utf8_to_mutf7(argument); encoded && reading == Reading::name) {
      names.push_back(names::MailboxName::from_admin(*encoded, ns));
    }
    names.push_back(names::MailboxName::from_internal(argument, ns));
  }
  for (const auto& name : names) {
    CYR_TRY(auto entry, look_up(name));
    if (entry) {
      return std::move(*entry);
    }
  }
  return no_mailbox();
}

Result<meta::MailboxEntry> Locator::find_path(const fs::path& path) {
  auto found = store_.paths().identify(path);
  if (!found) {
    found = store_.paths().identify(path.parent_path());  // a file of the mailbox
  }
  if (!found) {
    return no_mailbox();
  }
  std::optional<meta::MailboxEntry> entry;
  if (found->identity.layout == names::Layout::by_name) {
    CYR_TRY(entry, look_up(found->identity.name));
  } else {
    CYR_TRY(auto* list, store_.mailbox_list());
    CYR_TRY(entry, list->find_by_uniqueid(found->identity.uniqueid));
  }
  if (!entry || !entry->type.local()) {
    return no_mailbox();
  }
  CYR_TRY(const auto layout, store_.layout_of(*entry));
  return layout == found->identity.layout ? Result<meta::MailboxEntry>(std::move(*entry)) : no_mailbox();
}

Status Locator::add_user_files(Located& out, const std::optional<meta::MailboxEntry>& inbox) {
  const names::Paths& paths = store_.paths();
  const names::UserId user = out.parsed.user();
  bool by_id = false;
  if (inbox) {
    CYR_TRY(const auto layout, store_.layout_of(*inbox));
    by_id = layout == names::Layout::by_id;
  }
  CYR_TRY(out.sieve, by_id ? paths.sieve_by_id(inbox->uniqueid) : paths.sieve_by_name(user));
  CYR_TRY(out.user_directory,
          by_id ? paths.user_directory_by_id(inbox->uniqueid) : paths.user_directory_by_name(user));
  if (user.empty()) {
    return success();
  }
  for (const char* suffix : user_suffixes) {
    CYR_TRY(fs::path file,
            by_id ? paths.user_file_by_id(inbox->uniqueid, suffix) : paths.user_file_by_name(user, suffix));
    out.user_files.emplace_back(suffix, std::move(file));
  }
  out.user_files.emplace_back("sieve", out.sieve);
  return success();
}

Status Locator::add_owner(Located& out) {
  std::optional<meta::MailboxEntry> inbox;
  if (const names::UserId user = out.parsed.user(); !user.empty()) {
    CYR_TRY(inbox, look_up(names::MailboxName::inbox_of(user)));
  }
  CYR_CHECK(add_user_files(out, inbox));
  if (inbox) {
    // The indexes of a user lie below each tier's root like the INBOX below its own.
    CYR_TRY(const auto layout, store_.layout_of(*inbox));
    const names::MailboxPlace place{inbox->partition, names::MailboxName::inbox_of(out.parsed.user()),
                                    inbox->uniqueid, layout};
    CYR_TRY(const fs::path below, place.layout == names::Layout::by_id
                                      ? names::mailbox_directory_by_id(place.uniqueid)
                                      : names::mailbox_directory_by_name(place.name, store_.name_space()));
    for (const auto& [tier, root] : store_.partitions().search_roots(inbox->partition)) {
      out.search.emplace_back(tier, root / below);
    }
  }
  return success();
}

Result<Located> Locator::locate(const std::string& argument, Reading reading) {
  CYR_TRY(meta::MailboxEntry entry, find(argument, reading));
  Located out;
  out.name = entry.name;
  CYR_TRY(out.parsed, names::MailboxName::from_internal(entry.name, store_.name_space()));
  out.partition = entry.partition;
  if (entry.type.remote) {
    out.server = entry.server.empty() ? "?" : entry.server;
    return out;
  }
  CYR_TRY(const auto layout, store_.layout_of(entry));
  const names::MailboxPlace place{entry.partition, out.parsed, entry.uniqueid, layout};
  CYR_TRY(out.data, store_.paths().mailbox(place, conf::RootKind::data));
  CYR_TRY(out.archive, store_.paths().mailbox(place, conf::RootKind::archive));
  CYR_TRY(out.meta, store_.paths().mailbox(place, conf::RootKind::header));
  CYR_CHECK(add_owner(out));
  return out;
}

std::string to_json(const Located& found) {
  using nlohmann::json;
  json name{{"boxes", found.parsed.boxes}, {"intname", found.name}};
  if (!found.parsed.domain.empty()) {
    name["domain"] = found.parsed.domain;
  }
  json out{{"archive", found.archive.string()}, {"data", found.data.string()}, {"meta", found.meta.string()}};
  if (found.parsed.localpart) {
    name["localpart"] = *found.parsed.localpart;
    name["userid"] = found.parsed.user().text();
    out["user"] = json::object();
    for (const auto& [member, file] : found.user_files) {
      out["user"][member] = file.string();
    }
    out["xapian"] = json::object();
    for (const auto& [tier, directory] : found.search) {
      out["xapian"][tier] = directory.string();
    }
  }
  out["mbname"] = std::move(name);
  return out.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace cyr::mbpath
