// The operations on mailboxes whose interruption is tried: one row each in mailbox_scenarios.cc.
#pragma once

#include "tests/crash/mailbox_site.h"

namespace cyr::test {

// What must be there after an interruption and one more reconstruct.
enum class After : std::uint8_t {
  either,    // the old state or the new one; of an operation of several steps, every message of both
  repaired,  // the new state: the operation is the repair itself
  undone,    // the old state: what the operation brings back is damage, which the repair mends again
};

struct MailboxScenario {
  const char* name;
  const char* store;
  After after;
  void (*prepare)(Site& site);  // may be null; throws
  Status (*run)(Opened& opened);
};

[[nodiscard]] const std::vector<MailboxScenario>& mailbox_scenarios();

}  // namespace cyr::test
