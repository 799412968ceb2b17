// Settings for names out of the configuration, and the hash letter of paths.
#include "format/names/namespace.h"

#include "format/base/text.h"

namespace cyr::names {
namespace {

using conf::Option;

Error bad_prefix(std::string_view why) {
  return make_error(Errc::config, "IMAP_NAMESPACE_BADPREFIX: " + std::string(why))
      .with_hint("userprefix, sharedprefix and altprefix must not contain the separator or begin each other");
}

Status check_prefixes(const Namespace& ns) {
  constexpr std::size_t too_long = 40;
  for (const std::string* prefix : {&ns.userprefix, &ns.sharedprefix}) {
    if (prefix->empty() || prefix->size() >= too_long || prefix->find(ns.separator()) != std::string::npos) {
      return bad_prefix("'" + printable(*prefix) + "' cannot be a namespace prefix");
    }
  }
  if ((ns.userprefix + ns.separator()).compare(0, ns.sharedprefix.size(), ns.sharedprefix) == 0) {
    return bad_prefix("userprefix begins with sharedprefix");
  }
  return success();
}

}  // namespace

Result<Namespace> Namespace::from_config(const conf::Config& config) {
  Namespace ns;
  ns.release = config.release();
  ns.unixhierarchysep = config.is_on(Option::unixhierarchysep);
  ns.altnamespace = config.is_on(Option::altnamespace);
  const std::string_view domains = config.text(Option::virtdomains);
  ns.virtdomains = domains == "on"       ? VirtualDomains::on
                   : domains == "userid" ? VirtualDomains::userid
                                         : VirtualDomains::off;
  ns.defaultdomain = config.text(Option::defaultdomain);
  ns.deletedprefix = config.text(Option::deletedprefix);
  if (ns.deletedprefix.empty()) {
    ns.deletedprefix =
        "DELETED";  // before 2.3.12 nothing makes such names, but nothing else may be called so either
  }
  ns.userprefix = config.text(Option::userprefix);
  ns.sharedprefix = config.text(Option::sharedprefix);
  ns.altprefix = config.text(Option::altprefix);
  ns.crossdomains = config.is_on(Option::crossdomains);
  ns.crossdomains_onlyother = config.is_on(Option::crossdomains_onlyother);
  ns.hashimapspool = config.is_on(Option::hashimapspool);
  ns.fulldirhash = config.is_on(Option::fulldirhash);
  if (ns.altnamespace) {
    CYR_CHECK(check_prefixes(ns));
  }
  return ns;
}

char hash_letter(std::string_view name, bool full) {
  if (!full) {
    const char first = name.empty() ? '\0' : ascii_lower(name.front());
    return first >= 'a' && first <= 'z' ? first : 'q';
  }
  std::uint32_t hash = 0;
  for (const char c : name) {
    if (c == '.' || c == '\0') {
      break;
    }
    hash = ((hash << 3) ^ (hash >> 5)) ^ static_cast<unsigned char>(c);
  }
  return static_cast<char>('A' + hash % 23);
}

}  // namespace cyr::names
