// User ids: "localpart" or "localpart@domain" (store.md 2.3).
#pragma once

#include <string>
#include <string_view>

#include "format/names/namespace.h"

namespace cyr::names {

struct UserId {
  std::string localpart;  // plain spelling, dots as dots; empty: nobody (shared)
  std::string domain;     // empty: the default domain, or no domains

  // Splits at the last '@' when virtdomains is on; the default domain is dropped.
  static UserId parse(std::string_view text, const Namespace& ns);
  [[nodiscard]] std::string text() const;  // "localpart@domain", "localpart"
  [[nodiscard]] bool empty() const { return localpart.empty(); }
  friend bool operator==(const UserId&, const UserId&) = default;
  friend auto operator<=>(const UserId&, const UserId&) = default;
};

}  // namespace cyr::names
