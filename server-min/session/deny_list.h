// user_deny.db: who may not use which services (store.md 6.9). Key: the user; value: version, services
// (patterns, separated by commas), from version 2 on the text that he is told; separated by TABs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "format/store/store.h"

namespace cyr::session {

struct Denial {
  std::string services = "*";
  std::string message = {};  // empty: "Access to this service has been blocked"
};

[[nodiscard]] Result<Denial> decode_denial(std::string_view value);
[[nodiscard]] std::string encode_denial(const Denial& denial);
[[nodiscard]] fs::path deny_list_path(const store::Store& store);

// The text for a user who may not use `service`; nothing when he may. A list that cannot be read denies
// nobody; that is in the log.
[[nodiscard]] std::optional<std::string> denied(store::Store& store, std::string_view user,
                                                std::string_view service);

}  // namespace cyr::session
