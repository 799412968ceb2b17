// One message to its recipients: spooled once, linked into each mailbox, never twice into the same one
// (server.md 4).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/store/deliveries.h"
#include "format/store/locks.h"
#include "format/store/staged_message.h"
#include "server-min/lmtpd/data_reader.h"
#include "server-min/lmtpd/recipient.h"

namespace cyr::lmtpd {

class Delivery {
 public:
  // Spools to the partition of the first recipient. `head`: fields to put before those of the message.
  // `deliveries`: deliver.db, opened when it is first needed; for all messages of a connection.
  static Result<Delivery> begin(session::Service& service, std::optional<store::Deliveries>& deliveries,
                                const std::vector<Recipient>& recipients, std::string_view head);
  // The next bytes of DATA; how many were used. After done() no more.
  Result<std::size_t> feed(std::string_view bytes);
  [[nodiscard]] bool done() const { return reader_->done(); }
  // The reply for one recipient.
  std::string deliver(const Recipient& recipient, std::string_view session_id);
  // After the last one: what deliver.db has to remember.
  void finish();

 private:
  Delivery(session::Service& service, std::optional<store::Deliveries>& deliveries,
           store::StagedMessage staged);
  Status seal();
  // The UID; nothing: a duplicate. Refused as Error in `reply`.
  Result<std::string> append(const Recipient& recipient, std::string_view session_id);
  Status open_deliveries();
  [[nodiscard]] bool is_duplicate(const store::DeliveryKey& key);
  void log_delivered(const Recipient& recipient) const;

  session::Service& service_;
  std::unique_ptr<store::StagedMessage> staged_;  // its address stays: the reader writes into it
  std::unique_ptr<DataReader> reader_;
  std::optional<store::Deliveries>& deliveries_;
  std::vector<store::Deliveries::Delivered> delivered_;
  std::unique_ptr<store::UserLocks> locks_;
  std::size_t trace_size_ = 0;  // bytes of `head`
  std::uint64_t limit_ = 0;     // maxmessagesize; 0: none
  std::uint64_t written_ = 0;
  bool too_large_ = false;
  bool sealed_ = false;
};

}  // namespace cyr::lmtpd
