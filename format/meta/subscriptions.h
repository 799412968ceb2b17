// A user's subscriptions: key = mailbox, value empty (store.md 6.1; format/doc/subscriptions.md). Version 0
// (up to 3.4) has internal names; versions 2 (3.6-3.10) and 3 (3.12) say their number in a first record and
// write the user's own INBOX as `INBOX` at the front of dbnames.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/db/database.h"

namespace cyr::meta {

enum class SubscriptionVersion : std::uint8_t { v0 = 0, v2 = 2, v3 = 3 };

// The key of the record that holds the version's decimal number; version 0 has none.
inline constexpr std::string_view subscription_version_key = "\x1fVER\x1f";

// `inbox` is the internal name of the user's INBOX ("user.bovik"). Errc::corrupt for a key that the version
// cannot have.
[[nodiscard]] Result<std::string> decode_subscription_key(std::string_view key, SubscriptionVersion version,
                                                          std::string_view inbox);
[[nodiscard]] std::string encode_subscription_key(std::string_view internal_name, SubscriptionVersion version,
                                                  std::string_view inbox);

struct Subscriptions {
  SubscriptionVersion version = SubscriptionVersion::v0;
  std::vector<std::string> mailboxes;  // internal names, in the file's order
  std::vector<std::string> bad_keys;   // keys that cannot be read
};
Result<Subscriptions> read_subscriptions(db::Database& database, std::string_view inbox);
// Adds or removes one, in the version the file has.
Status subscribe(db::Database& database, std::string_view mailbox, std::string_view inbox, bool on);

}  // namespace cyr::meta
