// Internal and database forms of a mailbox name (names.md, store.md 2.1), and names that belong together.
//
// Invariant: to_internal(from_internal(x)) == x for every name in canonical form, i.e. one without the
// default domain.
#include "format/names/mailbox_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/text.h"
#include "format/names/components.h"

namespace cyr::names {
namespace {

constexpr char db_domain_separator = '\x1D';  // GS
constexpr char db_separator = '\x1F';         // US

Error invalid_name(std::string_view name, std::string_view why) {
  return make_error(Errc::invalid, "invalid mailbox name '" + printable(name) + "': " + std::string(why));
}

// The stamp of a deleted mailbox as Cyrus writes it ("%X"): upper case, no leading zeros. Anything else would
// not come out the same again, so it is no stamp.
std::optional<std::uint64_t> parse_stamp(std::string_view text) {
  if (text.empty() || text.front() == '0' ||
      std::any_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'f'; })) {
    return {};
  }
  return parse_number<std::uint64_t>(text, 16);
}

std::vector<std::string> copies(const std::vector<std::string_view>& pieces) {
  return {pieces.begin(), pieces.end()};
}

Status check_component(std::string_view component) {
  if (component.empty()) {
    return make_error(Errc::invalid, "invalid mailbox name: an empty component");
  }
  if (component.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
    return invalid_name(component, "'/' or NUL inside a component");
  }
  return success();
}

}  // namespace

std::string escape_dots(std::string_view component) {
  std::string out(component);
  std::replace(out.begin(), out.end(), '.', '^');
  return out;
}

std::string unescape_dots(std::string_view component) {
  std::string out(component);
  std::replace(out.begin(), out.end(), '^', '.');
  return out;
}

bool has_domains(const Namespace& ns) {
  return ns.release >= conf::v3_0 || ns.virtdomains != VirtualDomains::off;
}

Result<MailboxName> from_components(std::string domain, std::vector<std::string> components,
                                    const Namespace& ns) {
  if (components.empty()) {
    return make_error(Errc::invalid, "invalid mailbox name: it is empty");
  }
  for (const std::string& component : components) {
    CYR_CHECK(check_component(component));
  }
  if (domain.find_first_of(std::string_view("/\0", 2)) != std::string::npos || domain == "." ||
      domain == "..") {
    return invalid_name(domain, "this cannot be a domain");
  }
  MailboxName name;
  if (domain != ns.defaultdomain) {
    name.domain = std::move(domain);
  }
  auto begin = components.begin();
  auto end = components.end();
  if (components.size() > 2 && components.front() == ns.deletedprefix) {
    if ((name.deleted = parse_stamp(components.back()))) {
      ++begin;
      --end;
    }
  }
  if (end - begin > 1 && *begin == "user") {
    name.localpart = std::move(begin[1]);
    begin += 2;
  }
  name.boxes.assign(std::make_move_iterator(begin), std::make_move_iterator(end));
  return name;
}

std::vector<std::string> to_components(const MailboxName& name, const Namespace& ns) {
  std::vector<std::string> out;
  if (name.deleted) {
    out.push_back(ns.deletedprefix);
  }
  if (name.localpart) {
    out.emplace_back("user");
    out.push_back(*name.localpart);
  }
  out.insert(out.end(), name.boxes.begin(), name.boxes.end());
  if (name.deleted) {
    out.push_back(fmt::format("{:X}", *name.deleted));
  }
  return out;
}

Result<MailboxName> MailboxName::from_internal(std::string_view text, const Namespace& ns) {
  std::string domain;
  std::string_view rest = text;
  if (const auto bang = text.find('!'); bang != std::string_view::npos && has_domains(ns)) {
    if (bang == 0) {
      return invalid_name(text, "the domain is empty");
    }
    domain = text.substr(0, bang);
    rest = text.substr(bang + 1);
  }
  std::vector<std::string> components = copies(split(rest, '.'));
  for (std::string& component : components) {
    component = unescape_dots(component);
  }
  return from_components(std::move(domain), std::move(components), ns);
}

Result<MailboxName> MailboxName::from_dbname(std::string_view text, const Namespace& ns) {
  std::string domain;
  std::string_view rest = text;
  if (const auto end = text.find(db_domain_separator); end != std::string_view::npos) {
    if (end == 0) {
      return invalid_name(text, "the domain is empty");
    }
    domain = text.substr(0, end);
    rest = text.substr(end + 1);
  }
  return from_components(std::move(domain), copies(split(rest, db_separator)), ns);
}

MailboxName MailboxName::inbox_of(const UserId& user) {
  MailboxName name;
  name.domain = user.domain;
  name.localpart = user.localpart;
  return name;
}

std::string MailboxName::to_internal(const Namespace& ns) const {
  std::vector<std::string> components = to_components(*this, ns);
  for (std::string& component : components) {
    component = escape_dots(component);
  }
  return (domain.empty() ? "" : domain + '!') + join(components, ".");
}

std::string MailboxName::to_dbname(const Namespace& ns) const {
  return (domain.empty() ? "" : domain + db_domain_separator) +
         join(to_components(*this, ns), {&db_separator, 1});
}

std::optional<MailboxName> MailboxName::parent() const {
  if (boxes.empty() || (!localpart && boxes.size() == 1)) {
    return {};
  }
  MailboxName out(*this);
  out.boxes.pop_back();
  return out;
}

bool MailboxName::is_below(const MailboxName& ancestor) const {
  return domain == ancestor.domain && deleted == ancestor.deleted && localpart == ancestor.localpart &&
         boxes.size() > ancestor.boxes.size() &&
         std::equal(ancestor.boxes.begin(), ancestor.boxes.end(), boxes.begin());
}

UserId UserId::parse(std::string_view text, const Namespace& ns) {
  UserId user;
  const auto at = ns.virtdomains == VirtualDomains::off ? std::string_view::npos : text.rfind('@');
  user.localpart = text.substr(0, at);
  if (at != std::string_view::npos && text.substr(at + 1) != ns.defaultdomain) {
    user.domain = text.substr(at + 1);
  }
  return user;
}

std::string UserId::text() const { return domain.empty() ? localpart : localpart + '@' + domain; }

}  // namespace cyr::names
