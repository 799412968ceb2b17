// See shown_names.h.
#include "format/names/shown_names.h"

#include "format/base/text.h"
#include "format/names/components.h"

namespace cyr::names {
namespace {

constexpr std::string_view user_prefix = "user.";

}  // namespace

ShownNames::ShownNames(const Namespace& ns, UserId who, bool as_admin)
    : ns_(ns),
      who_(std::move(who)),
      as_admin_(as_admin),
      domains_(has_domains(ns)),
      own_(who_.empty() ? "" : std::string(user_prefix) + escape_dots(who_.localpart)),
      deleted_(ns.deletedprefix + '.') {
  const auto shown = [&](const std::string& prefix) {
    return (ns.unixhierarchysep ? prefix : escape_dots(prefix)) + ns.separator();
  };
  other_prefix_ = shown(ns.userprefix);
  shared_prefix_ = shown(ns.sharedprefix);
}

ShownKind ShownNames::append_by_parts(std::string& out, std::string_view internal) const {
  const auto name = MailboxName::from_internal(internal, ns_);
  const auto shown = !name       ? std::nullopt
                     : as_admin_ ? std::optional(name->to_admin(ns_, who_.domain))
                                 : name->to_external(ns_, who_);
  if (!shown) {
    return ShownKind::hidden;
  }
  out += *shown;
  const bool own = name->is_user() && !who_.empty() && name->user() == who_;
  return name->is_deleted() ? ShownKind::deleted
         : own              ? ShownKind::own
         : name->is_user()  ? ShownKind::other
                            : ShownKind::shared;
}

// The components of `internal` with the separator and the dots as they are shown. False, and `out` as it was,
// for what from_internal() refuses: empty components, '/' and NUL.
bool ShownNames::append_mapped(std::string& out, std::string_view internal) const {
  const std::size_t start = out.size();
  out.resize(start + internal.size());
  char* to = out.data() + start;
  char before = '.';
  for (const char c : internal) {
    if (c == '/' || c == '\0' || (c == '.' && before == '.')) {
      break;
    }
    before = c;
    *to++ = !ns_.unixhierarchysep ? c : c == '.' ? '/' : c == '^' ? '.' : c;
  }
  const bool whole = to == out.data() + out.size() && before != '.';
  if (!whole) {
    out.resize(start);
  }
  return whole;
}

ShownKind ShownNames::kind_of(std::string_view domain, std::string_view rest) const {
  if (!rest.starts_with(user_prefix)) {
    return ShownKind::shared;
  }
  const bool below =
      !own_.empty() && rest.starts_with(own_) && (rest.size() == own_.size() || rest[own_.size()] == '.');
  return below && domain == who_.domain ? ShownKind::own : ShownKind::other;
}

bool ShownNames::append_admin(std::string& out, std::string_view domain, std::string_view rest) const {
  if (!append_mapped(out, rest)) {
    return false;
  }
  if (domain != who_.domain) {
    out.append("@").append(domain.empty() ? std::string_view(ns_.defaultdomain) : domain);
  }
  return true;
}

// A component that means something else at the top of the alternate namespace.
bool ShownNames::is_reserved(std::string_view first) const {
  return equal_ignoring_case(first, "INBOX") || first.find('^') != std::string_view::npos ||
         first == ns_.userprefix || first == ns_.sharedprefix || first == ns_.altprefix;
}

bool ShownNames::append_external(std::string& out, std::string_view rest, ShownKind kind) const {
  const std::size_t start = out.size();
  bool done = false;
  if (kind == ShownKind::own) {
    const std::string_view boxes = rest.substr(std::min(rest.size(), own_.size() + 1));
    if (rest.size() > own_.size() && ns_.altnamespace && is_reserved(boxes.substr(0, boxes.find('.')))) {
      return false;
    }
    if (boxes.empty() || !ns_.altnamespace) {
      out += "INBOX";
    }
    if (!boxes.empty() && !ns_.altnamespace) {
      out += ns_.separator();
    }
    done = rest.size() == own_.size() || append_mapped(out, boxes);
  } else if (!ns_.altnamespace) {
    done = append_mapped(out, rest);
  } else if (kind == ShownKind::other) {
    out += other_prefix_;
    done = append_mapped(out, rest.substr(user_prefix.size()));
  } else if (rest != "user") {
    out += shared_prefix_;
    done = append_mapped(out, rest);
  }
  if (!done) {
    out.resize(start);
  }
  return done;
}

ShownKind ShownNames::append(std::string& out, std::string_view internal) const {
  std::string_view domain;
  std::string_view rest = internal;
  if (const auto bang = internal.find('!'); bang != std::string_view::npos && domains_) {
    domain = internal.substr(0, bang);
    rest = internal.substr(bang + 1);
    const bool odd = domain.empty() || domain == "." || domain == ".." ||
                     domain.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos;
    if (odd || domain == ns_.defaultdomain) {
      return append_by_parts(out, internal);
    }
  }
  // What is deleted has a stamp to be understood; with crossdomains a component gets the domain; a user with
  // '^' is none that an internal name can tell.
  if (rest.starts_with(deleted_) || (!as_admin_ && ns_.crossdomains) ||
      who_.localpart.find('^') != std::string::npos) {
    return append_by_parts(out, internal);
  }
  const ShownKind kind = kind_of(domain, rest);
  if (!as_admin_ && domain != who_.domain) {
    return append_by_parts(out, internal);
  }
  const bool done = as_admin_ ? append_admin(out, domain, rest) : append_external(out, rest, kind);
  return done ? kind : append_by_parts(out, internal);
}

}  // namespace cyr::names
