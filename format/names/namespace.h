// The settings that decide how names are written and read (store.md 2.3-2.5), taken from the configuration
// once.
#pragma once

#include <string>
#include <string_view>

#include "format/conf/imapd_conf.h"

namespace cyr::names {

enum class VirtualDomains : std::uint8_t { off, userid, on };

struct Namespace {
  conf::Release release = conf::v3_6;
  bool unixhierarchysep = true;
  bool altnamespace = true;  // only for users; administrators always have the standard namespace
  VirtualDomains virtdomains = VirtualDomains::off;
  std::string defaultdomain;  // "" before 3.0 when not set
  std::string deletedprefix = "DELETED";
  std::string userprefix = "Other Users";
  std::string sharedprefix = "Shared Folders";
  std::string altprefix = "Alt Folders";
  bool crossdomains = false;
  bool crossdomains_onlyother = false;
  bool hashimapspool = false;
  bool fulldirhash = false;

  // Errc::config for prefixes that cannot work ("IMAP_NAMESPACE_BADPREFIX" of real Cyrus); only checked where
  // altnamespace is on.
  static Result<Namespace> from_config(const conf::Config& config);
  [[nodiscard]] char separator() const { return unixhierarchysep ? '/' : '.'; }
};

// hash() of store.md 2.7: one letter. `full`: fulldirhash.
[[nodiscard]] char hash_letter(std::string_view name, bool full);

}  // namespace cyr::names
