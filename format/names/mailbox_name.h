// A mailbox name in its abstract form, and the three ways to write it: internal, database, external
// (names.md, store.md 2.1-2.6). The abstract form has neither separators nor escapes, so no code outside this
// room looks for dots.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/names/namespace.h"
#include "format/names/user_id.h"

namespace cyr::names {

class MailboxName {
 public:
  std::string domain;                    // empty: none, or the default domain
  std::optional<std::uint64_t> deleted;  // time of deletion, seconds; only below deletedprefix
  std::optional<std::string> localpart;  // the user; nothing: shared
  std::vector<std::string> boxes;        // components below the user or the root, without escapes

  // All readers: Errc::invalid for an empty name, a NUL or '/' inside a component, and an empty component,
  // which real Cyrus drops silently. What they accept cannot lead a path out of its directory.

  // "dom!user.john^doe.a".
  // A last component below DELETED that is no stamp as Cyrus writes it (upper-case hex, not 0) stays a
  // component, so that to_internal gives back the text.
  static Result<MailboxName> from_internal(std::string_view text, const Namespace& ns);
  // As the databases of 3.6 and later have it: components separated by 0x1F, the domain closed by 0x1D.
  static Result<MailboxName> from_dbname(std::string_view text, const Namespace& ns);
  // As an administrator types it (never the alternate namespace): "user/bovik/work@dom.com".
  // `admin_domain`: the domain of a domain administrator; names without '@' are in it.
  static Result<MailboxName> from_admin(std::string_view text, const Namespace& ns,
                                        std::string_view admin_domain = {});
  // As user `who` types it: standard or alternate namespace.
  static Result<MailboxName> from_external(std::string_view text, const Namespace& ns, const UserId& who);
  // The INBOX of a user.
  static MailboxName inbox_of(const UserId& user);

  [[nodiscard]] std::string to_internal(const Namespace& ns) const;
  [[nodiscard]] std::string to_dbname(const Namespace& ns) const;
  [[nodiscard]] std::string to_admin(const Namespace& ns, std::string_view admin_domain = {}) const;
  // Nothing when the name has no form that `who` could see (another domain, DELETED).
  [[nodiscard]] std::optional<std::string> to_external(const Namespace& ns, const UserId& who) const;

  [[nodiscard]] bool is_user() const { return localpart.has_value(); }
  [[nodiscard]] bool is_inbox() const { return localpart && boxes.empty() && !deleted; }
  [[nodiscard]] bool is_deleted() const { return deleted.has_value(); }
  [[nodiscard]] UserId user() const { return {localpart.value_or(""), domain}; }  // empty: shared
  // One component less; nothing for an INBOX or a top-level shared name.
  [[nodiscard]] std::optional<MailboxName> parent() const;
  [[nodiscard]] bool is_below(const MailboxName& ancestor) const;  // strictly

  friend bool operator==(const MailboxName&, const MailboxName&) = default;
  friend auto operator<=>(const MailboxName&, const MailboxName&) = default;
};

// May a mailbox of this internal name be created? (store.md 2.2) Errc::invalid with the rule that is broken.
// Names that exist already are not subject to it.
Status check_policy(std::string_view internal_name, const Namespace& ns);

// "*" any characters, "%" any but the separator. The one pattern language of all programs.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name, char separator);

// Orders of internal names or keys (store.md 2.9). Negative, zero, positive.
[[nodiscard]] int compare_raw(std::string_view a, std::string_view b);
[[nodiscard]] int compare_mbox(std::string_view a, std::string_view b);

}  // namespace cyr::names
