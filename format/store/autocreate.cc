#include "format/store/autocreate.h"

#include <algorithm>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/store/create_mailbox.h"
#include "format/store/quota_limits.h"
#include "format/store/user_subscriptions.h"

namespace cyr::store {

namespace {

using conf::Option;

// "Sent | Drafts | Work/2003": names below INBOX, as the user would type them.
std::vector<std::string> folders_of(const conf::Config& config, Option option) {
  std::vector<std::string> out;
  for (std::string_view word : split(config.text(option), '|')) {
    while (!word.empty() && is_space(word.front())) {
      word.remove_prefix(1);
    }
    while (!word.empty() && is_space(word.back())) {
      word.remove_suffix(1);
    }
    if (!word.empty()) {
      out.emplace_back(word);
    }
  }
  return out;
}

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

class Newcomer {
 public:
  Newcomer(Administration& admin, const Actor& user)
      : admin_{admin.store, admin.locks, user, admin.now},
        config_(admin.config()),
        user_(names::UserId::parse(user.userid, admin.store.name_space())),
        inbox_(names::MailboxName::inbox_of(user_)) {
    admin_.actor.is_admin = true;  // the user himself may make no INBOX and no quota
  }

  Status run() {
    const std::string inbox = inbox_.to_internal(admin_.store.name_space());
    CreateRequest request;
    request.name = inbox;
    request.notwithstanding_rights = true;
    CYR_TRY([[maybe_unused]] const auto made, create_mailbox(admin_, request));
    CYR_CHECK(limit(inbox));
    CYR_CHECK(subscribe(admin_, user_, inbox, true));
    for (const std::string& folder : folders_of(config_, Option::autocreate_inbox_folders)) {
      note(folder, make_folder(folder));
    }
    return subscribe_shared();
  }

 private:
  Status limit(const std::string& inbox) {
    std::vector<QuotaLimit> limits;
    if (const auto storage = config_.integer(Option::autocreate_quota); storage > 0) {
      limits.push_back({meta::Resource::storage, storage});
    }
    if (const auto messages = config_.integer(Option::autocreate_quota_messages); messages > 0) {
      limits.push_back({meta::Resource::message, messages});
    }
    return limits.empty() ? success() : set_quota(admin_, inbox, limits);
  }

  // The folder that `xlist-USE: NAME` gives a special use.
  [[nodiscard]] std::vector<std::string> uses_of(const std::string& folder) const {
    constexpr std::string_view prefix = "xlist-";
    std::vector<std::string> uses;
    for (const auto& [name, value] : config_.overflow_options()) {
      if (name.starts_with(prefix) && name.size() > prefix.size() && value == folder) {
        std::string use = "\\" + name.substr(prefix.size());
        use[1] = ascii_upper(use[1]);
        uses.push_back(std::move(use));
      }
    }
    return uses;
  }

  Status make_folder(const std::string& folder) {
    const names::Namespace& ns = admin_.store.name_space();
    names::MailboxName name = inbox_;
    for (const std::string_view part : split(folder, ns.separator())) {
      name.boxes.emplace_back(part);
    }
    CreateRequest request;
    request.name = name.to_internal(ns);
    request.special_use = uses_of(folder);
    request.notwithstanding_rights = true;
    CYR_TRY([[maybe_unused]] const auto made, create_mailbox(admin_, request));
    if (contains(folders_of(config_, Option::autocreate_subscribe_folders), folder)) {
      CYR_CHECK(subscribe(admin_, user_, request.name, true));
    }
    return success();
  }

  Status subscribe_shared() {
    if (config_.is_on(Option::autocreate_subscribe_sharedfolders_all)) {
      CYR_TRY(meta::MailboxList * list, admin_.store.mailbox_list());
      std::vector<std::string> visible;
      Actor plain = admin_.actor;
      plain.is_admin = false;
      CYR_CHECK(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
        const bool shared = item.entry && item.entry->type.local() && admin_.owner_of(item.name).empty();
        if (shared && rights_of(admin_.store, plain, *item.entry).has('l')) {
          visible.emplace_back(item.name);
        }
        return db::Visit::go_on;
      }));
      for (const std::string& name : visible) {
        CYR_CHECK(subscribe(admin_, user_, name, true));
      }
      return success();
    }
    for (const std::string& folder : folders_of(config_, Option::autocreate_subscribe_sharedfolders)) {
      const auto name = names::MailboxName::from_admin(folder, admin_.store.name_space(), user_.domain);
      note(folder, name ? subscribe(admin_, user_, name->to_internal(admin_.store.name_space()))
                        : Status(name.error()));
    }
    return success();
  }

  void note(const std::string& folder, const Status& done) {
    if (!done) {
      log(LogLevel::warning, "autocreateinbox: User {}, {}: {}", admin_.actor.userid, printable(folder),
          done.error().text());
    }
  }

  Administration admin_;
  const conf::Config& config_;
  names::UserId user_;
  names::MailboxName inbox_;
};

}  // namespace

bool autocreates(const Administration& admin, const Actor& user) {
  if (user.is_admin || user.userid.empty() || user.userid == "anonymous" ||
      admin.config().integer(Option::autocreate_quota) < 0) {
    return false;
  }
  const auto who = admin.config().words(Option::autocreate_users);
  return std::any_of(who.begin(), who.end(), [&user](const std::string& id) { return user.is(id); });
}

Result<bool> autocreate_user(Administration& admin, const Actor& user) {
  if (!autocreates(admin, user)) {
    return false;
  }
  const auto id = names::UserId::parse(user.userid, admin.store.name_space());
  const std::string inbox = names::MailboxName::inbox_of(id).to_internal(admin.store.name_space());
  CYR_TRY(const auto there, find_mailbox(admin.store, inbox));
  if (there) {
    return false;
  }
  CYR_CHECK(Newcomer(admin, user).run());
  return true;
}

}  // namespace cyr::store
