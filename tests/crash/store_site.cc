#include "tests/crash/store_site.h"

#include <fmt/format.h>

#include <boost/filesystem/operations.hpp>
#include <stdexcept>

#include "format/check/user_records.h"

namespace cyr::test {

namespace {

const std::set<std::string> site_mailboxes = {std::string(site_user), std::string(site_mailbox),
                                              std::string(site_expunged)};

void require_ok(const Status& status) {
  if (!status) {
    throw std::runtime_error(status.error().text());
  }
}

void look_at_list(store::Store& store, Look& out) {
  const auto list = store.mailbox_list();
  require_ok(list ? success() : Status(list.error()));
  require_ok((*list)->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    CYR_TRY(const auto entry, item.entry);
    if (entry.type.local()) {
      out.lines.insert(fmt::format("{} partition {} acl {} validity {}", entry.name, entry.partition,
                                   entry.acl.value_or("none"), entry.uidvalidity));
    }
    return db::Visit::go_on;
  }));
}

std::string limits_of(const meta::QuotaRoot& root) {
  std::string out;
  for (const auto& limit : root.limit) {
    out += limit ? fmt::format(" {}", *limit) : " none";
  }
  return out;
}

void look_at_quotas(store::Store& store, Look& out) {
  const auto quotas = store.quotas();
  require_ok(quotas ? success() : Status(quotas.error()));
  require_ok((*quotas)->for_each("", [&](std::string_view name, std::string_view, const auto& root) {
    if (root) {
      out.lines.insert(fmt::format("quota {} limits{} used {} {}{}", name, limits_of(*root), root->used[0],
                                   root->used[1], root->scan ? ", being counted" : ""));
    } else {
      out.problems += fmt::format("quota {}: {}; ", name, root.error().text());
    }
    return Result<db::Visit>(db::Visit::go_on);
  }));
}

// By unique id or by name, wherever the release has them.
void look_at_users(store::Store& store, Look& out) {
  const fs::path top = store.paths().config_directory() / "user";
  for (const auto& entry : fs::recursive_directory_iterator(top)) {
    const std::string extension = entry.path().extension().native();
    const auto what = check::user_data_of(extension.empty() ? extension : extension.substr(1));
    if (!what || !fs::is_regular_file(entry.path())) {
      continue;
    }
    const auto read = check::read_user_records(store, entry.path(), *what, std::string(site_user));
    require_ok(read ? success() : Status(read.error()));
    if (!read->damage.empty()) {
      out.problems += fmt::format("{}: {}; ", entry.path().filename().string(), read->damage);
    }
    for (const auto& [key, value] : read->records) {
      out.lines.insert(fmt::format("{} {} {}", check::suffix_of(*what), key, value));
    }
  }
}

}  // namespace

StoreSite::StoreSite(const std::string& store_name) : site_(store_name, site_mailboxes) { trim(); }

// What other users have would only be carried along.
void StoreSite::trim() {
  const Opened opened(posix_io(), conf());
  const std::string id = opened.entry(site_user).uniqueid;
  std::vector<fs::path> gone;
  for (const auto& entry : fs::recursive_directory_iterator(root() / "config/user")) {
    const std::string path = entry.path().native();
    if (fs::is_regular_file(entry.path()) && path.find("/fred.") == std::string::npos &&
        (id.empty() || path.find("/" + id + "/") == std::string::npos)) {
      gone.push_back(entry.path());
    }
  }
  for (const auto& path : gone) {
    fs::remove(path);
  }
  const auto quotas = opened.store->quotas();
  require_ok(quotas ? success() : Status(quotas.error()));
  std::vector<std::string> others;
  require_ok((*quotas)->for_each("", [&](std::string_view name, std::string_view, const auto&) {
    if (!name.starts_with(site_user)) {
      others.emplace_back(name);
    }
    return Result<db::Visit>(db::Visit::go_on);
  }));
  for (const auto& name : others) {
    require_ok((*quotas)->change(name, [](std::optional<meta::QuotaRoot>& root) -> Result<bool> {
      root.reset();
      return true;
    }));
  }
  for (const char* cache : {"config/statuscache.db", "config/tls_sessions.db"}) {
    fs::remove(root() / cache);
  }
}

Look StoreSite::look(Io& io, const std::string& conf) const {
  const std::string which = conf.empty() ? site_.conf() : conf;
  Look out = site_.look(io, which);
  const Opened opened(io, which);
  look_at_list(*opened.store, out);
  look_at_quotas(*opened.store, out);
  look_at_users(*opened.store, out);
  if (fs::exists(opened.store->paths().config_directory() / "cyrkit.conversion")) {
    out.lines.insert("a conversion was begun");
  }
  return out;
}

}  // namespace cyr::test
