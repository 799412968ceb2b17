// deliver.db as the delivery of mail uses it: has this message come to this mailbox already?
// (format/doc/deliver.db.md)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "format/mailbox/index.h"
#include "format/store/store.h"

namespace cyr::lmtpd {

// What tells one delivery from another.
struct DeliveryKey {
  std::string id;    // Message-ID with its <>; without one nothing is suppressed
  std::string to;    // unique id of the mailbox; of one without: its name
  std::string date;  // Date header; may be empty
};

// duplicatesuppression, unless the mailbox takes duplicates (its option imap_duplicatedeliver).
[[nodiscard]] bool suppresses_duplicates(const conf::Config& config, const mailbox::IndexHeader& index);

// Check before the message is appended, mark after its commit: a crash in between delivers twice, never not
// at all.
class Deliveries {
 public:
  static Result<Deliveries> open(store::Store& store);  // makes the database when there is none
  Result<bool> contains(const DeliveryKey& key);
  struct Delivered {
    DeliveryKey key;
    std::uint64_t uid = 0;
  };
  // All in one transaction; `now` in seconds since 1970. Deliveries without an id are left out.
  Status mark(const std::vector<Delivered>& deliveries, std::int64_t now);

 private:
  explicit Deliveries(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
  std::unique_ptr<db::Database> database_;
};

}  // namespace cyr::lmtpd
