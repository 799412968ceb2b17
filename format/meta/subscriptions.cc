#include "format/meta/subscriptions.h"

#include <fmt/format.h>

#include "format/base/text.h"
#include "format/meta/mailbox_entry.h"

namespace cyr::meta {
namespace {

constexpr std::string_view inbox_word = "INBOX";
constexpr char separator = '\x1f';

// 3.6-3.10 replaced the user's own dbname wherever a name started with it, a whole component or not; 3.12
// only before a separator or at the end (store.md 6.1).
bool whole_component(std::string_view rest) { return rest.empty() || rest.front() == separator; }

}  // namespace

Result<std::string> decode_subscription_key(std::string_view key, SubscriptionVersion version,
                                            std::string_view inbox) {
  if (key.empty()) {
    return corrupt("empty subscription key");
  }
  if (version == SubscriptionVersion::v0) {
    return std::string(key);
  }
  if (!key.starts_with('N') || key.size() == 1) {
    return corrupt(fmt::format("subscription key '{}' does not start with N", printable(key)));
  }
  std::string_view dbname = key.substr(1);
  const bool own = dbname.starts_with(inbox_word) && !inbox.empty();
  const std::string_view rest = own ? dbname.substr(inbox_word.size()) : dbname;
  if (own && (version == SubscriptionVersion::v2 || whole_component(rest))) {
    return internal_name_of(dbname_of(inbox) + std::string(rest));
  }
  return internal_name_of(dbname);
}

std::string encode_subscription_key(std::string_view internal_name, SubscriptionVersion version,
                                    std::string_view inbox) {
  if (version == SubscriptionVersion::v0) {
    return std::string(internal_name);
  }
  const std::string dbname = dbname_of(internal_name);
  const std::string own = dbname_of(inbox);
  if (!inbox.empty() && dbname.starts_with(own)) {
    const std::string_view rest = std::string_view(dbname).substr(own.size());
    if (version == SubscriptionVersion::v2 || whole_component(rest)) {
      return fmt::format("N{}{}", inbox_word, rest);
    }
  }
  return "N" + dbname;
}

Result<Subscriptions> read_subscriptions(db::Database& database, std::string_view inbox) {
  Subscriptions out;
  CYR_TRY(const auto version, database.get(subscription_version_key));
  if (version) {
    if (*version != "2" && *version != "3") {
      return make_error(Errc::unsupported, fmt::format("subscriptions of version '{}'", printable(*version)));
    }
    out.version = *version == "2" ? SubscriptionVersion::v2 : SubscriptionVersion::v3;
  }
  CYR_CHECK(database.for_each("", [&](std::string_view key, std::string_view) -> Result<db::Visit> {
    if (key != subscription_version_key) {
      if (auto name = decode_subscription_key(key, out.version, inbox)) {
        out.mailboxes.push_back(std::move(*name));
      } else {
        out.bad_keys.emplace_back(key);
      }
    }
    return db::Visit::go_on;
  }));
  return out;
}

Status subscribe(db::Database& database, std::string_view mailbox, std::string_view inbox, bool on) {
  CYR_TRY(const auto version, database.get(subscription_version_key));
  const auto use = !version          ? SubscriptionVersion::v0
                   : *version == "2" ? SubscriptionVersion::v2
                                     : SubscriptionVersion::v3;
  const std::string key = encode_subscription_key(mailbox, use, inbox);
  return on ? database.put(key, "") : database.erase(key);
}

}  // namespace cyr::meta
