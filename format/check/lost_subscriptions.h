// What a user without a subscription database may have been subscribed to: a guess, made on request only.
#pragma once

#include <set>
#include <string>

#include "format/store/store.h"

namespace cyr::check {

struct GuessedSubscriptions {
  std::set<std::string> mailboxes;  // internal names
  std::string source;               // where they come from, one phrase; empty: nothing tells
};

// From the user's telemetry logs (SUBSCRIBE, UNSUBSCRIBE, and what LSUB told) and the mailboxes that proc
// files show open; where neither says anything, the user's own mailboxes and those whose access list names
// the user.
Result<GuessedSubscriptions> guess_subscriptions(store::Store& store, const names::UserId& user);

// One telemetry log, of any release (store.md 7.1), applied to `mailboxes`: names as the user wrote them.
// Pure. Returns whether it says anything about subscriptions.
bool read_telemetry(std::string_view log, std::set<std::string>& names);

}  // namespace cyr::check
