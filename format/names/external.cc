// What people type and see: the administrator's namespace, and the standard and alternate ones of users
// (names.md, store.md 2.4 and 2.5).
#include <algorithm>

#include "format/base/text.h"
#include "format/names/components.h"

namespace cyr::names {
namespace {

Error invalid(std::string_view name, std::string_view why) {
  return make_error(Errc::invalid, "Invalid mailbox name: '" + printable(name) + "'")
      .with_hint(std::string(why));
}

// Components of an external name. With '/' a dot is a dot; with '.' a dot is typed as '^' and '/' is nothing.
Result<std::vector<std::string>> split_external(std::string_view text, const Namespace& ns) {
  const char forbidden = ns.unixhierarchysep ? '^' : '/';
  if (text.find(forbidden) != std::string_view::npos) {
    return invalid(text, std::string("'") + forbidden + "' cannot stand in a name when the separator is '" +
                             ns.separator() + "'");
  }
  std::vector<std::string> out;
  for (const std::string_view piece : split(text, ns.separator())) {
    if (piece.empty()) {
      return invalid(text, "two separators follow each other, or one stands at an end");
    }
    out.push_back(ns.unixhierarchysep ? std::string(piece) : unescape_dots(piece));
  }
  return out;
}

std::string join_external(const std::vector<std::string>& components, const Namespace& ns) {
  std::vector<std::string> out(components);
  if (!ns.unixhierarchysep) {
    std::transform(out.begin(), out.end(), out.begin(), [](const std::string& c) { return escape_dots(c); });
  }
  return join(out, {std::string(1, ns.separator())});
}

std::vector<std::string> tail(const std::vector<std::string>& components, std::size_t from) {
  return {components.begin() + static_cast<std::ptrdiff_t>(std::min(from, components.size())),
          components.end()};
}

std::vector<std::string> with_head(std::vector<std::string> head, const std::vector<std::string>& rest) {
  head.insert(head.end(), rest.begin(), rest.end());
  return head;
}

// With crossdomains the component that names a user or a shared tree may carry "@domain".
std::string take_domain(std::string& component, const Namespace& ns, const UserId& who) {
  const auto at = component.rfind('@');
  if (!ns.crossdomains || at == std::string::npos || at == 0) {
    return who.domain;
  }
  std::string domain = component.substr(at + 1);
  component.resize(at);
  return domain == ns.defaultdomain ? "" : domain;
}

// The suffix of `name` for `who`; nothing when its domain is out of sight.
std::optional<std::string> domain_suffix(const MailboxName& name, const Namespace& ns, const UserId& who) {
  if (!ns.crossdomains) {
    return name.domain == who.domain ? std::optional<std::string>("") : std::nullopt;
  }
  if (ns.crossdomains_onlyother && name.domain == who.domain) {
    return "";
  }
  return '@' + (name.domain.empty() ? ns.defaultdomain : name.domain);
}

Result<MailboxName> own_mailbox(const UserId& who, std::vector<std::string> boxes, const Namespace& ns) {
  return from_components(who.domain, with_head({"user", who.localpart}, boxes), ns);
}

// The part of the alternate namespace that begins with one of its prefixes; nothing for own mailboxes.
Result<std::optional<MailboxName>> from_prefixed(std::vector<std::string> parts, const Namespace& ns,
                                                 const UserId& who, std::string_view text) {
  const std::string first = parts.front();
  const bool user = first == ns.userprefix;
  const bool shared = first == ns.sharedprefix;
  const bool alt = !ns.altprefix.empty() && first == ns.altprefix;
  if (!user && !shared && !alt) {
    return std::optional<MailboxName>();
  }
  if (parts.size() == 1 && !user) {
    return invalid(text, "a namespace prefix alone is no mailbox");
  }
  if (alt) {
    CYR_TRY(MailboxName name, own_mailbox(who, tail(parts, 1), ns));
    return std::optional(std::move(name));
  }
  std::string domain = who.domain;
  if (parts.size() > 1) {
    domain = take_domain(parts[1], ns, who);
  }
  CYR_TRY(MailboxName name, from_components(std::move(domain),
                                            user ? with_head({"user"}, tail(parts, 1)) : tail(parts, 1), ns));
  return std::optional(std::move(name));
}

// Own mailboxes in the alternate namespace. Nothing when the name cannot be said.
std::optional<std::string> own_alternate(const MailboxName& name, const Namespace& ns) {
  if (name.boxes.empty()) {
    return "INBOX";
  }
  const std::string& first = name.boxes.front();
  const bool inbox_tree = first == "INBOX" && name.boxes.size() > 1;
  const bool collides = (equal_ignoring_case(first, "INBOX") && !inbox_tree) || first == ns.userprefix ||
                        first == ns.sharedprefix || (!ns.altprefix.empty() && first == ns.altprefix);
  if (!collides) {
    return join_external(name.boxes, ns);
  }
  if (ns.altprefix.empty()) {
    return {};
  }
  return join_external(with_head({ns.altprefix}, name.boxes), ns);
}

}  // namespace

Result<MailboxName> MailboxName::from_admin(std::string_view text, const Namespace& ns,
                                            std::string_view admin_domain) {
  std::string domain(admin_domain);
  std::string_view rest = text;
  if (ns.virtdomains != VirtualDomains::off) {
    const bool first_counts = ns.release >= conf::v3_0 && ns.release < conf::v3_2;
    const auto at = first_counts ? text.find('@') : text.rfind('@');
    if (at != std::string_view::npos) {
      domain = text.substr(at + 1);
      rest = text.substr(0, at);
      if (domain.empty()) {
        return invalid(text, "no domain follows '@'");
      }
    }
  }
  CYR_TRY(auto components, split_external(rest, ns));
  return from_components(std::move(domain), std::move(components), ns);
}

std::string MailboxName::to_admin(const Namespace& ns, std::string_view admin_domain) const {
  std::string out = join_external(to_components(*this, ns), ns);
  if (domain != admin_domain) {
    out += '@' + (domain.empty() ? ns.defaultdomain : domain);
  }
  return out;
}

Result<MailboxName> MailboxName::from_external(std::string_view text, const Namespace& ns,
                                               const UserId& who) {
  CYR_TRY(auto parts, split_external(text, ns));
  if (equal_ignoring_case(parts.front(), "INBOX")) {
    // In the alternate namespace INBOX/x is a mailbox of that name beside the inbox, not below it.
    parts.front() = "INBOX";
    return own_mailbox(who, ns.altnamespace && parts.size() > 1 ? parts : tail(parts, 1), ns);
  }
  if (ns.altnamespace) {
    CYR_TRY(auto prefixed, from_prefixed(parts, ns, who, text));
    if (prefixed) {
      return std::move(*prefixed);
    }
    return own_mailbox(who, std::move(parts), ns);
  }
  const std::size_t named = parts.front() == "user" && parts.size() > 1 ? 1 : 0;
  std::string domain = take_domain(parts[named], ns, who);
  return from_components(std::move(domain), std::move(parts), ns);
}

std::optional<std::string> MailboxName::to_external(const Namespace& ns, const UserId& who) const {
  if (deleted) {
    return {};
  }
  if (localpart == who.localpart && domain == who.domain && !who.empty()) {
    return ns.altnamespace ? own_alternate(*this, ns) : join_external(with_head({"INBOX"}, boxes), ns);
  }
  const auto suffix = domain_suffix(*this, ns, who);
  if (!suffix) {
    return {};
  }
  std::vector<std::string> parts = localpart ? with_head({*localpart}, boxes) : boxes;
  if (ns.altnamespace && !localpart && boxes == std::vector<std::string>{"user"}) {
    return ns.userprefix;
  }
  if (parts.empty()) {
    return {};
  }
  parts.front() += *suffix;
  if (localpart) {
    parts = with_head({ns.altnamespace ? ns.userprefix : "user"}, parts);
  } else if (ns.altnamespace) {
    parts = with_head({ns.sharedprefix}, parts);
  }
  return join_external(parts, ns);
}

}  // namespace cyr::names
