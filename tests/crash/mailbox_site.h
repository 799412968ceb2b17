// A small store for crash tests of operations on mailboxes: a real one with two mailboxes of one user left in
// it. What a client sees there, and what one more reconstruct makes of it.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "format/store/mailbox_edit.h"
#include "format/store/store.h"
#include "tests/crash/trial.h"
#include "tests/support/crash_io.h"
#include "tests/support/temp_store.h"

namespace cyr::test {

inline constexpr std::string_view site_user = "user.fred";
inline constexpr std::string_view site_mailbox = "user.fred.New Name";    // four messages
inline constexpr std::string_view site_expunged = "user.fred.Work.2003";  // one message, four expunged ones
inline constexpr std::int64_t site_now = 1'900'000'000;                   // seconds since 1970

// A store opened for one operation.
struct Opened {
  Opened(Io& io, const std::string& conf);
  [[nodiscard]] Io& io() const { return store->io(); }
  [[nodiscard]] meta::MailboxEntry entry(std::string_view name) const;  // throws when there is none
  Result<std::unique_ptr<store::MailboxEdit>> edit(std::string_view name);

  std::unique_ptr<store::Store> store;
  store::UserLocks locks;
};

class Site {
 public:
  // Leaves these mailboxes in the store.
  explicit Site(const std::string& store_name,
                std::set<std::string> kept = {std::string(site_mailbox), std::string(site_expunged)});

  [[nodiscard]] const fs::path& root() const { return temp_.root(); }
  [[nodiscard]] std::string conf() const { return temp_.conf(); }
  [[nodiscard]] Disk disk() const { return Disk::read(root()); }
  void write(const Disk& disk) const { disk.write(root()); }

  [[nodiscard]] Look look(Io& io, const std::string& conf) const;
  [[nodiscard]] Look look(Io& io) const { return look(io, conf()); }
  // reconstruct over every mailbox; what a second run still finds or does, empty when nothing.
  std::string repair(Io& io);

 private:
  void trim();
  [[nodiscard]] std::vector<meta::MailboxEntry> mailboxes(store::Store& store) const;
  TempStore temp_;
  std::set<std::string> kept_;
  int runs_ = 0;
};

}  // namespace cyr::test
