// The operations on mailboxes whose interruption is tried: one row each in mailbox_scenarios.cc.
#pragma once

#include "tests/crash/mailbox_site.h"
#include "tests/crash/trial.h"

namespace cyr::test {

struct MailboxScenario {
  const char* name;
  const char* store;
  After after;
  void (*prepare)(Site& site);  // may be null; throws
  Status (*run)(Opened& opened);
};

[[nodiscard]] const std::vector<MailboxScenario>& mailbox_scenarios();

}  // namespace cyr::test
