// A small store for crash tests of operations on a whole store: one user with three mailboxes, a quota root,
// subscriptions and seen state. What there is in it that an operation could lose.
#pragma once

#include <memory>
#include <string>

#include "tests/crash/mailbox_site.h"

namespace cyr::test {

class StoreSite {
 public:
  explicit StoreSite(const std::string& store_name);

  [[nodiscard]] const fs::path& root() const { return site_.root(); }
  [[nodiscard]] fs::path operator/(const fs::path& below) const { return root() / below; }
  [[nodiscard]] std::string conf() const { return site_.conf(); }
  // Messages with their flags, list entries, quota roots, subscriptions, seen states, and marks of what was
  // begun. `conf`: of a copy of the store; empty: of the store itself.
  [[nodiscard]] Look look(Io& io, const std::string& conf = {}) const;

 private:
  void trim();
  Site site_;
};

}  // namespace cyr::test
