// Mailbox names: every form leads back to the same name, and no path leaves its directory. The first byte
// picks the settings.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "format/names/paths.h"
#include "format/names/shown_names.h"
#include "format/text/mutf7.h"

namespace {

using namespace cyr::names;

void check(bool holds) {
  if (!holds) {
    std::abort();
  }
}

Namespace settings(unsigned bits) {
  Namespace ns;
  ns.unixhierarchysep = (bits & 1) != 0;
  ns.altnamespace = (bits & 2) != 0;
  ns.virtdomains = (bits & 4) != 0 ? VirtualDomains::userid : VirtualDomains::off;
  ns.hashimapspool = (bits & 8) != 0;
  ns.fulldirhash = (bits & 16) != 0;
  ns.release = (bits & 32) != 0 ? cyr::conf::v2_5 : cyr::conf::v3_6;
  ns.defaultdomain = "example.org";
  return ns;
}

void check_name(const MailboxName& name, const Namespace& ns) {
  const auto internal = MailboxName::from_internal(name.to_internal(ns), ns);
  // A component with '^' in its abstract form (possible only in database names) is spelt like a dot.
  // Without virtdomains a '!' is any character, so that a domain (of a list that was made with them) cannot
  // be read back.
  const bool plain = name.to_dbname(ns).find('^') == std::string::npos &&
                     (name.domain.empty() || (ns.virtdomains != VirtualDomains::off &&
                                              name.domain.find_first_of("!\x1D") == std::string::npos));
  if (plain && name.to_dbname(ns).find('!') == std::string::npos &&
      name.to_internal(ns).find('\x1F') == std::string::npos) {
    check(internal.has_value());
  }
  const auto path = mailbox_directory_by_name(name, ns);
  if (path) {
    check(path->is_relative());
    for (const auto& part : *path) {
      check(part != ".." && part != ".");
    }
  }
}

void check_shown(std::string_view text, const Namespace& ns) {
  const UserId who{"bovik", ""};
  const auto name = MailboxName::from_internal(text, ns);
  for (const bool as_admin : {true, false}) {
    const auto expected = !name      ? std::nullopt
                          : as_admin ? std::optional(name->to_admin(ns))
                                     : name->to_external(ns, who);
    std::string shown;
    const ShownKind kind = ShownNames(ns, who, as_admin).append(shown, text);
    check((kind != ShownKind::hidden) == expected.has_value() && shown == expected.value_or(""));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Namespace ns = settings(data[0]);
  if (const auto name = MailboxName::from_internal(text, ns)) {
    check_name(*name, ns);
    if (name->domain.empty() ? text.find('!') == std::string_view::npos : true) {
      check(name->to_internal(ns) == text);
    }
    if (const auto path = mailbox_directory_by_name(*name, ns)) {
      const auto back = identify_directory(*path, ns);
      check(back.has_value());
    }
  }
  if (const auto name = MailboxName::from_dbname(text, ns)) {
    check_name(*name, ns);
  }
  if (const auto name = MailboxName::from_admin(text, ns)) {
    check_name(*name, ns);
  }
  if (const auto name = MailboxName::from_external(text, ns, {"bovik", ""})) {
    check_name(*name, ns);
    (void)name->to_external(ns, {"bovik", ""});
  }
  check_shown(text, ns);
  (void)check_policy(text, ns);
  (void)matches(text.substr(0, 20), text, '.');
  if (const auto utf8 = cyr::text::mutf7_to_utf8(text)) {
    const auto back = cyr::text::utf8_to_mutf7(*utf8);
    check(back.has_value() && cyr::text::mutf7_to_utf8(*back).value() == *utf8);
  }
  return 0;
}
