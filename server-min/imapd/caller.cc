// See caller.h.
#include "server-min/imapd/caller.h"

#include <algorithm>

#include "format/text/mutf7.h"

namespace cyr::imapd {

namespace {

// "INBOX.a..b." -> "INBOX.a.b": empty components collapse, one trailing separator goes.
std::string collapse(std::string_view text, char separator) {
  std::string out;
  for (const char c : text) {
    if (c != separator || (!out.empty() && out.back() != separator)) {
      out += c;
    }
  }
  if (!out.empty() && out.back() == separator) {
    out.pop_back();
  }
  return out;
}

}  // namespace

Caller::Caller(const store::Store& store, std::string user, bool admin)
    : store_(store),
      actor_(store::actor_of(store.config(), user)),
      id_(names::UserId::parse(user, store.name_space())),
      owner_rights_(store::owner_rights(store.config())) {
  actor_.is_admin = admin;
  if (is_anonymous()) {
    id_ = {};
  }
}

Result<names::MailboxName> Caller::parse_name(std::string_view text) const {
  const std::string collapsed = collapse(text, separator());
  const bool plain = std::all_of(collapsed.begin(), collapsed.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7F;
  });
  if (collapsed.empty() || !plain || !text::check_mutf7(collapsed)) {
    return make_error(Errc::invalid, "Invalid mailbox name");
  }
  auto name = is_admin() ? names::MailboxName::from_admin(collapsed, name_space(), id_.domain)
                         : names::MailboxName::from_external(collapsed, name_space(), id_);
  if (!name) {
    return make_error(Errc::invalid, "Invalid mailbox name");
  }
  return name;
}

std::optional<std::string> Caller::print_name(const names::MailboxName& name) const {
  if (is_admin()) {
    return name.to_admin(name_space(), id_.domain);
  }
  return name.to_external(name_space(), id_);
}

std::optional<std::string> Caller::print_name(std::string_view internal_name) const {
  const auto name = names::MailboxName::from_internal(internal_name, name_space());
  return name ? print_name(*name) : std::nullopt;
}

}  // namespace cyr::imapd
