// Duplicate suppression: a message is delivered once to a mailbox (server.md 4; format/doc/deliver.db.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/mailbox/index.h"
#include "format/meta/duplicate.h"
#include "format/store/store.h"

namespace cyr::store {

// What tells one delivery from another.
struct DeliveryKey {
  std::string id;    // Resent-Message-ID, else Message-ID, with its <>; without one nothing is suppressed
  std::string to;    // delivery_target() of the mailbox
  std::string date;  // Date header; may be empty
};
// How deliver.db names a mailbox: by its unique id, a mailbox without one by its name.
[[nodiscard]] std::string delivery_target(const meta::MailboxEntry& entry);
// duplicatesuppression, unless the mailbox takes duplicates (its option imap_duplicatedeliver).
[[nodiscard]] bool suppresses_duplicates(const conf::Config& config, const mailbox::IndexHeader& index);

// deliver.db, open. Check before the message is appended, mark after its commit: what a crash in between
// leaves is for repeated_delivery.h.
class Deliveries {
 public:
  static Result<Deliveries> open(Store& store);  // makes the database when there is none

  // When the message was delivered there (seconds since 1970); nothing: not yet. A record that cannot be read
  // counts as none.
  Result<std::optional<std::int64_t>> find(const DeliveryKey& key);
  struct Delivered {
    DeliveryKey key;
    std::uint64_t uid = 0;
  };
  // All in one transaction. Deliveries without an id are left out.
  Status mark(const std::vector<Delivered>& deliveries, std::int64_t now);

 private:
  explicit Deliveries(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
  std::unique_ptr<db::Database> database_;
};

}  // namespace cyr::store
