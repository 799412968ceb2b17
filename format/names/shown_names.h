// The names that a person is shown for many internal names, as LIST needs them: what
// MailboxName::from_internal() and to_admin() or to_external() give, written in one pass over the text where
// nothing in it is out of the ordinary.
#pragma once

#include <string>
#include <string_view>

#include "format/names/mailbox_name.h"

namespace cyr::names {

enum class ShownKind : std::uint8_t {
  hidden,   // it has no form that he could see
  own,      // of the person himself
  other,    // another user's
  shared,   // of nobody
  deleted,  // below deletedprefix; administrators only
};

class ShownNames {
 public:
  // `who`: who is shown them, empty for anonymous; `as_admin`: in the administrator's namespace.
  ShownNames(const Namespace& ns, UserId who, bool as_admin);

  // Appends the form of `internal` to `out`; nothing for a hidden one.
  ShownKind append(std::string& out, std::string_view internal) const;

 private:
  // The ordinary ways; false, and `out` as it was, for what append_by_parts() is to do.
  bool append_admin(std::string& out, std::string_view domain, std::string_view rest) const;
  bool append_external(std::string& out, std::string_view rest, ShownKind kind) const;
  ShownKind append_by_parts(std::string& out, std::string_view internal) const;
  bool append_mapped(std::string& out, std::string_view internal) const;
  [[nodiscard]] ShownKind kind_of(std::string_view domain, std::string_view rest) const;
  [[nodiscard]] bool is_reserved(std::string_view first) const;

  const Namespace& ns_;
  UserId who_;
  bool as_admin_;
  bool domains_;              // '!' ends a domain
  std::string own_;           // "user.bovik", empty for nobody
  std::string deleted_;       // "DELETED."
  std::string other_prefix_;  // "Other Users/", of the alternate namespace
  std::string shared_prefix_;
};

}  // namespace cyr::names
