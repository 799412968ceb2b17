// Becoming the user that owns the store, so that what root repairs the server can still read (tools.md 1.1).
//
// No account "cyrus" is needed: without one the owner of configdirectory is taken, by number if he has no
// name.
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "format/base/text.h"
#include "format/cli/common.h"

namespace cyr::cli {
namespace {

struct Account {
  ::uid_t uid = 0;
  ::gid_t gid = 0;
  std::string name;  // empty: a number without a line in passwd
};

std::string setting(const char* variable, const conf::Config& config, conf::Option option) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nobody sets the environment
  return value != nullptr && *value != '\0' ? value : std::string(config.text(option));
}

constexpr std::size_t largest_entry = 1U << 20U;  // bytes of a passwd or group line

// One of the getpw*_r and getgr*_r functions with a buffer that is large enough; nothing when there is no
// such entry.
template <class Entry, class Call, class Use>
auto look_up(Call call, Use use) -> std::optional<decltype(use(std::declval<Entry&>()))> {
  std::vector<char> buffer(4096);
  Entry entry{};
  Entry* found = nullptr;
  while (call(&entry, buffer.data(), buffer.size(), &found) == ERANGE && buffer.size() < largest_entry) {
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) {
    return {};
  }
  return use(*found);
}

Account account_of(const ::passwd& entry) { return {entry.pw_uid, entry.pw_gid, entry.pw_name}; }

std::optional<Account> account_by_id(::uid_t uid) {
  return look_up<::passwd>([&](::passwd* entry, char* buffer, std::size_t size,
                               ::passwd** found) { return ::getpwuid_r(uid, entry, buffer, size, found); },
                           account_of);
}

std::optional<Account> account_by_name(const std::string& name) {
  return look_up<::passwd>(
      [&](::passwd* entry, char* buffer, std::size_t size, ::passwd** found) {
        return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
      },
      account_of);
}

std::optional<::gid_t> group_by_name(const std::string& name) {
  if (const auto number = parse_number<::gid_t>(name)) {
    return number;
  }
  return look_up<::group>(
      [&](::group* entry, char* buffer, std::size_t size, ::group** found) {
        return ::getgrnam_r(name.c_str(), entry, buffer, size, found);
      },
      [](const ::group& entry) { return entry.gr_gid; });
}

// By name or number.
Result<Account> named_account(const std::string& name, ::gid_t fallback_group) {
  if (auto account = account_by_name(name)) {
    return std::move(*account);
  }
  const auto number = parse_number<::uid_t>(name);
  if (!number) {
    return make_error(Errc::config, "there is no user '" + printable(name) + "'")
        .with_hint("cyrus_user in imapd.conf or CYRUS_USER in the environment names the owner of the store");
  }
  auto account = account_by_id(*number);
  return account ? std::move(*account) : Account{*number, fallback_group, {}};
}

Result<Account> store_account(const conf::Config& config) {
  CYR_TRY(const FileInfo directory, posix_io().stat(config.config_directory()));
  const std::string name = setting("CYRUS_USER", config, conf::Option::cyrus_user);
  Account account;
  if (!name.empty()) {
    CYR_TRY(account, named_account(name, directory.gid));
  } else if (auto owner = account_by_id(directory.uid)) {
    account = std::move(*owner);
  } else {
    account = {directory.uid, directory.gid, {}};
  }
  const std::string group = setting("CYRUS_GROUP", config, conf::Option::cyrus_group);
  if (!group.empty()) {
    const auto gid = group_by_name(group);
    if (!gid) {
      return make_error(Errc::config, "there is no group '" + printable(group) + "'");
    }
    account.gid = *gid;
  }
  return account;
}

Status set_groups(const Account& account) {
  const bool failed = account.name.empty() ? ::setgroups(1, &account.gid) != 0
                                           : ::initgroups(account.name.c_str(), account.gid) != 0;
  if (failed || ::setgid(account.gid) != 0) {
    return system_error(errno, "cannot take over the groups of the store's user");
  }
  return success();
}

}  // namespace

Status become_store_user(const conf::Config& config) {
  if (::geteuid() != 0) {
    return success();
  }
  CYR_TRY(const Account account, store_account(config));
  if (account.uid == 0) {
    return success();  // the store belongs to root
  }
  CYR_CHECK(set_groups(account));
  if (::setuid(account.uid) != 0) {
    return system_error(errno, "cannot become the store's user, number " + std::to_string(account.uid));
  }
  return success();
}

Status set_umask(const conf::Config& config) {
  const std::string_view text = config.text(conf::Option::umask);
  const auto mask = parse_number<unsigned>(text, 8);
  if (!mask || *mask > 0777) {
    return make_error(Errc::config, "umask '" + printable(text) + "' is no octal mode");
  }
  ::umask(static_cast<::mode_t>(*mask));
  return success();
}

}  // namespace cyr::cli
