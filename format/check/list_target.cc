#include "format/check/list_target.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/list_if_there.h"
#include "format/base/text.h"
#include "format/check/server_backends.h"

namespace cyr::check {

namespace {

using meta::ListFormat;

Status list_user_files(Io& io, const fs::path& base, const std::string& domain, std::vector<UserFile>& out) {
  CYR_TRY(const auto letters, list_if_there(io, base / "user"));
  for (const auto& letter : letters) {
    if (letter.name.size() != 1) {
      continue;  // uuid/ is another matter
    }
    const fs::path directory = base / "user" / letter.name;
    CYR_TRY(const auto files, list_if_there(io, directory));
    for (const auto& file : files) {
      const std::size_t dot = file.name.rfind('.');
      if (dot != std::string::npos && dot > 0) {
        out.push_back({directory / file.name, domain, file.name.substr(0, dot), file.name.substr(dot + 1)});
      }
    }
  }
  return success();
}

}  // namespace

conf::Release release_of_list(ListFormat format) {
  switch (format) {
    case ListFormat::text:
    case ListFormat::extended_text:
      return conf::v2_4;
    case ListFormat::dlist_25:
      return conf::v2_5;
    case ListFormat::dlist_30:
      return conf::v3_0;
    case ListFormat::dlist_32:
      return conf::v3_4;
    case ListFormat::keyed_36:
      return conf::v3_6;
    case ListFormat::keyed_312:
      return conf::v3_12;
  }
  return conf::v3_6;
}

Result<std::vector<UserFile>> user_files_below(Io& io, const fs::path& config_directory) {
  std::vector<UserFile> out;
  CYR_CHECK(list_user_files(io, config_directory, "", out));
  CYR_TRY(const auto letters, list_if_there(io, config_directory / "domain"));
  for (const auto& letter : letters) {
    CYR_TRY(const auto domains, list_if_there(io, config_directory / "domain" / letter.name));
    for (const auto& domain : domains) {
      CYR_CHECK(
          list_user_files(io, config_directory / "domain" / letter.name / domain.name, domain.name, out));
    }
  }
  return out;
}

Result<std::vector<UserFile>> user_files(store::Store& store) {
  return user_files_below(store.io(), store.paths().config_directory());
}

namespace {

// What headers, indexes and user files look like.
Result<std::pair<ListFormat, std::string>> guess_format(store::Store& store,
                                                        const std::vector<FoundMailbox>& found) {
  const auto any = [&](const auto& test) { return std::any_of(found.begin(), found.end(), test); };
  if (any([](const auto& one) { return one.by_id; })) {
    return std::pair(ListFormat::keyed_36, std::string("directories are named after unique ids"));
  }
  if (any([](const auto& one) { return one.dlist_header; })) {
    return std::pair(ListFormat::keyed_36, std::string("headers have the form of 3.6"));
  }
  unsigned newest = 0;
  for (const auto& one : found) {
    newest = std::max(newest, one.minor_version);
  }
  if (newest == 0) {
    return std::pair(meta::list_format_of(store.config().release()),
                     std::string("no mailbox tells the release"));
  }
  const std::string what = fmt::format("headers have the old form, the newest index has version {}", newest);
  if (newest <= 12) {
    return std::pair(ListFormat::text, what);
  }
  if (newest >= 14) {
    return std::pair(ListFormat::dlist_32, what);
  }
  CYR_TRY(const auto files, user_files(store));
  const bool counters =
      std::any_of(files.begin(), files.end(), [](const auto& file) { return file.suffix == "counters"; });
  return std::pair(counters ? ListFormat::dlist_30 : ListFormat::dlist_25, what);
}

db::Kind choose_kind(store::Store& store, const ListPlan& plan) {
  const ListSource& present = plan.sources.front();
  // Berkeley lists are written where they are; a new one never is.
  if (present.kind && present.format == plan.format) {  // none for the list of another store
    return *present.kind;
  }
  const conf::Release release = release_of_list(plan.format);
  const auto config = store.config().for_release(release);
  const auto configured =
      db::kind_from_name((config ? *config : store.config()).text(conf::Option::mboxlist_db));
  const bool berkeley = configured == db::Kind::berkeley || configured == db::Kind::berkeley_hash;
  if (configured && release_knows(release, *configured) && !berkeley) {
    return *configured;
  }
  return plan.format <= ListFormat::extended_text ? db::Kind::skiplist : db::Kind::twoskip;
}

// The hash of a name at creation, in 64 or in 32 bits (store.md 2.10).
std::uint32_t name_hash(std::string_view name, bool wide) {
  constexpr std::uint64_t prime = 2147484043U;
  std::uint64_t hash = 0;
  for (const char c : name) {
    hash = hash * 251 + static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<signed char>(c)));
    hash = (wide ? hash : hash & 0xFFFFFFFFU) % prime;
  }
  return static_cast<std::uint32_t>(hash);
}

bool is_empty_root(const std::vector<DirEntry>& entries) {
  return std::all_of(entries.begin(), entries.end(), [](const DirEntry& entry) {
    return entry.name == "lost+found" || entry.name.ends_with('.') || entry.name.starts_with('.');
  });
}

}  // namespace

Status choose_target(store::Store& store, const std::optional<conf::Release>& release,
                     const std::vector<FoundMailbox>& found, ListPlan& plan) {
  const ListSource& present = plan.sources.front();
  if (release) {
    plan.format = meta::list_format_of(*release);
    plan.format_reason = "asked for";
  } else if (present.format) {
    plan.format = *present.format;
    plan.format_reason = "as the present list";
  } else {
    CYR_TRY(const auto guessed, guess_format(store, found));
    plan.format = guessed.first;
    plan.format_reason = guessed.second;
    for (const auto& source : plan.sources) {
      if (source.format && !source.foreign) {
        plan.format = *source.format;
        plan.format_reason = "as " + source.title;
        break;
      }
    }
    const bool newer = present.there && (present.kind == db::Kind::twoskip || present.kind == db::Kind::twom);
    if (newer && plan.format <= ListFormat::extended_text) {
      plan.format = present.kind == db::Kind::twom ? ListFormat::keyed_312 : ListFormat::keyed_36;
      plan.format_reason = "the empty list is one of a later release than the mailboxes";
    }
  }
  plan.kind = choose_kind(store, plan);
  return success();
}

Result<std::vector<AbsentRoot>> find_absent_roots(store::Store& store) {
  std::vector<AbsentRoot> out;
  for (const auto& partition : store.partitions().names()) {
    CYR_TRY(const auto data, store.partitions().root(partition, conf::RootKind::data));
    CYR_TRY(const auto header, store.partitions().root(partition, conf::RootKind::header));
    for (const auto& root : data == header ? std::vector{data} : std::vector{data, header}) {
      const auto entries = store.io().list(root);
      if (!entries && entries.error().code != Errc::not_found) {
        return entries.error();
      }
      if (!entries || is_empty_root(*entries)) {
        out.push_back({.partition = partition, .root = root, .there = entries.has_value()});
      }
    }
  }
  return out;
}

Result<std::vector<LostFound>> orphaned_names(store::Store& store,
                                              const std::set<std::string, std::less<>>& names) {
  std::vector<LostFound> out;
  if (const auto quotas = store.quotas()) {
    // A root covers itself and what sorts after it with a separator; "dom!" is a prefix.
    const auto visit = [&](std::string_view root, std::string_view, const auto&) -> Result<db::Visit> {
      const auto exact = names.find(root);
      const std::string prefix = root.ends_with('!') ? std::string(root) : std::string(root) + ".";
      const auto below = names.lower_bound(prefix);
      if (exact == names.end() && (below == names.end() || !below->starts_with(prefix))) {
        out.push_back({std::string(root), {}, "a quota root without a mailbox"});
      }
      return db::Visit::go_on;
    };
    if (const auto walked = (*quotas)->for_each("", visit); !walked) {
      out.push_back({"", {}, "the quota roots cannot be read: " + walked.error().what});
    }
  }
  std::set<std::string> owners;
  CYR_TRY(const auto files, user_files(store));
  for (const auto& file : files) {
    if (file.suffix != "sub" && file.suffix != "seen") {
      continue;
    }
    std::string localpart = file.localpart;  // either spelling of a dot
    std::replace(localpart.begin(), localpart.end(), '^', '.');
    const names::UserId user{localpart, file.domain};
    const std::string inbox = names::MailboxName::inbox_of(user).to_internal(store.name_space());
    const bool other = localpart == "anyone" || store.config().is_admin(user.text());
    if (!other && !names.contains(inbox) && owners.insert(inbox).second) {
      out.push_back({inbox, file.path, "files of a user without a mailbox"});
    }
  }
  return out;
}

std::string new_mailbox_acl(const store::Store& store, const std::string& internal_name, ListFormat format) {
  const auto name = names::MailboxName::from_internal(internal_name, store.name_space());
  const std::string owner = name ? name->user().text() : std::string();
  if (!owner.empty()) {
    return owner + (format <= ListFormat::extended_text ? "\tlrswipcda\t" : "\tlrswipkxtecdan\t");
  }
  std::string acl(store.config().text(conf::Option::defaultacl));
  std::replace(acl.begin(), acl.end(), ' ', '\t');
  return acl.empty() ? acl : acl + "\t";
}

std::vector<std::string> old_style_uniqueids(const meta::MailboxEntry& entry) {
  std::vector<std::string> out;
  if (entry.uidvalidity != 0) {
    for (const bool wide : {true, false}) {
      out.push_back(fmt::format("{:08x}{:08x}", name_hash(entry.name, wide), entry.uidvalidity));
    }
  }
  return out;
}

bool uniqueid_fits_name(std::string_view uniqueid, std::string_view internal_name) {
  return uniqueid.size() == 16 &&
         (uniqueid.starts_with(fmt::format("{:08x}", name_hash(internal_name, true))) ||
          uniqueid.starts_with(fmt::format("{:08x}", name_hash(internal_name, false))));
}

Result<std::map<std::string, std::set<std::string>>> seen_uniqueids(store::Store& store) {
  std::map<std::string, std::set<std::string>> out;
  CYR_TRY(const auto files, user_files(store));
  for (const auto& file : files) {
    if (file.suffix != "seen") {
      continue;
    }
    std::string localpart = file.localpart;  // either spelling of a dot
    std::replace(localpart.begin(), localpart.end(), '^', '.');
    const std::string user = names::UserId{localpart, file.domain}.text();
    if (auto database = store.open_database(file.path, conf::Option::seenstate_db)) {
      // A seen file that cannot be read says nothing.
      (void)(*database)->for_each("", [&](std::string_view key, std::string_view) -> Result<db::Visit> {
        out[std::string(key)].insert(user);
        return db::Visit::go_on;
      });
    }
  }
  return out;
}

}  // namespace cyr::check
