#include "server-min/session/identity.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::session {
namespace {

using conf::Option;
constexpr std::size_t longest_name = 80;  // bytes, of the part before the domain
constexpr std::size_t longest_domain = 255;

Error bad_name() { return make_error(Errc::invalid, "bad user name"); }

bool is_allowed(char c) {
  return c > ' ' - 1 && c < '\x7f' && std::string_view("%&*/:").find(c) == std::string::npos;
}

// The domain of the host name of `address`; empty when there is none.
std::string domain_of_address(const std::string& address) {
  ::addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  ::addrinfo* found = nullptr;
  if (address.empty() || ::getaddrinfo(address.c_str(), nullptr, &hints, &found) != 0) {
    return {};
  }
  std::array<char, NI_MAXHOST> host{};
  const int code =
      ::getnameinfo(found->ai_addr, found->ai_addrlen, host.data(), host.size(), nullptr, 0, NI_NAMEREQD);
  ::freeaddrinfo(found);
  const std::string name = code == 0 ? host.data() : "";
  const auto dot = name.find('.');
  return dot == std::string::npos ? std::string() : lower_ascii(name.substr(dot + 1));
}

std::string domain_for(std::string_view authentication, const names::Namespace& ns,
                       const std::string& address) {
  const auto at = authentication.rfind('@');
  if (at != std::string_view::npos) {
    return std::string(authentication.substr(at + 1));
  }
  if (ns.virtdomains == names::VirtualDomains::on && authentication.empty()) {
    return domain_of_address(address);
  }
  return {};
}

}  // namespace

Result<std::string> canonical_user(std::string_view text, const conf::Config& config,
                                   const names::Namespace& ns, std::string_view authentication,
                                   const std::string& local_address) {
  if (equal_ignoring_case(text, "anonymous")) {
    return std::string("anonymous");
  }
  if (text.empty() || equal_ignoring_case(text, "anyone") || equal_ignoring_case(text, "anybody") ||
      !std::all_of(text.begin(), text.end(), is_allowed)) {
    return bad_name();
  }
  std::string name(text);
  std::string domain;
  if (ns.virtdomains != names::VirtualDomains::off) {
    if (const auto at = name.rfind('@'); at != std::string::npos) {
      domain = lower_ascii(name.substr(at + 1));
      name.resize(at);
    } else {
      domain = domain_for(authentication, ns, local_address);
    }
    if (equal_ignoring_case(domain, ns.defaultdomain)) {
      domain.clear();
    }
  }
  if (name.empty() || name.size() > longest_name || domain.size() > longest_domain) {
    return bad_name();
  }
  if (config.is_on(Option::username_tolower)) {
    name = lower_ascii(name);
  }
  return domain.empty() ? name : name + "@" + domain;
}

namespace {

// Of the system, by name. NSS may go far for them: libnss-systemd alone makes a hundred system calls.
std::vector<std::string> system_groups(const std::string& user) {
  std::vector<std::string> names;
  const ::passwd* entry = ::getpwnam(user.c_str());  // NOLINT(concurrency-mt-unsafe)
  if (entry != nullptr) {
    std::vector<::gid_t> ids(64);
    int count = static_cast<int>(ids.size());
    if (::getgrouplist(user.c_str(), entry->pw_gid, ids.data(), &count) == -1 && count > 0) {
      ids.resize(static_cast<std::size_t>(count));
      ::getgrouplist(user.c_str(), entry->pw_gid, ids.data(), &count);
    }
    ids.resize(static_cast<std::size_t>(std::clamp(count, 0, static_cast<int>(ids.size()))));
    for (const ::gid_t id : ids) {
      if (const ::group* group = ::getgrgid(id); group != nullptr) {  // NOLINT(concurrency-mt-unsafe)
        names.emplace_back(group->gr_name);
      }
    }
  }
  return names;
}

}  // namespace

Identity Identity::of(std::string user, const conf::Config& config) {
  Identity identity(std::move(user), {});
  if (config.is_on(Option::unix_group_enable)) {
    identity.groups_.reset();
  }
  return identity;
}

bool Identity::is_member(std::string_view identifier) const {
  if (identifier == "anyone" || identifier == user_) {
    return true;
  }
  constexpr std::string_view group = "group:";
  if (!identifier.starts_with(group)) {
    return false;
  }
  if (!groups_) {
    groups_ = system_groups(user_);
  }
  return std::find(groups_->begin(), groups_->end(), identifier.substr(group.size())) != groups_->end();
}

bool Identity::is_in(const conf::Config& config, Option list) const {
  const auto words = config.words(list);
  return !is_anonymous() &&
         std::any_of(words.begin(), words.end(), [this](const auto& word) { return is_member(word); });
}

}  // namespace cyr::session
