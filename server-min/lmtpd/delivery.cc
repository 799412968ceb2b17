#include "server-min/lmtpd/delivery.h"

#include <fmt/format.h>

#include <ctime>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/store/mailbox_edit.h"
#include "format/store/repeated_delivery.h"
#include "server-min/lmtpd/replies.h"

namespace cyr::lmtpd {
namespace {

using conf::Option;

std::string success_reply(std::string_view session_id) {
  return fmt::format("250 2.1.5 Success SESSIONID=<{}>\r\n", session_id);
}

}  // namespace

Delivery::Delivery(session::Service& service, std::optional<store::Deliveries>& deliveries,
                   store::StagedMessage staged)
    : service_(service),
      staged_(std::make_unique<store::StagedMessage>(std::move(staged))),
      deliveries_(deliveries),
      locks_(std::make_unique<store::UserLocks>()) {}

Result<Delivery> Delivery::begin(session::Service& service, std::optional<store::Deliveries>& deliveries,
                                 const std::vector<Recipient>& recipients, std::string_view head) {
  const std::string& partition = recipients.front().entry.partition;
  CYR_TRY(auto staged, store::StagedMessage::create(service.store(), partition, store::SourceOf::delivery));
  Delivery out(service, deliveries, std::move(staged));
  const std::int64_t limit = service.config().byte_count(Option::maxmessagesize);
  out.limit_ = limit > 0 ? static_cast<std::uint64_t>(limit) : 0;
  store::StagedMessage* const target = out.staged_.get();
  CYR_CHECK(target->write(head));
  out.trace_size_ = head.size();
  out.reader_ = std::make_unique<DataReader>([target](std::string_view text) { return target->write(text); });
  return out;
}

Result<std::size_t> Delivery::feed(std::string_view bytes) {
  written_ += bytes.size();
  too_large_ = too_large_ || (limit_ > 0 && written_ > limit_);
  return reader_->feed(bytes);
}

Status Delivery::seal() {
  if (sealed_) {
    return success();
  }
  CYR_CHECK(staged_->finish());
  sealed_ = true;
  return success();
}

Status Delivery::open_deliveries() {
  if (!deliveries_) {
    CYR_TRY(deliveries_, store::Deliveries::open(service_.store()));
  }
  return success();
}

bool Delivery::is_duplicate(const store::DeliveryKey& key) {
  if (key.id.empty()) {
    return false;
  }
  if (const auto opened = open_deliveries(); !opened) {
    log(LogLevel::error, "duplicates are not seen: {}", opened.error().text());
    return false;
  }
  for (const auto& earlier : delivered_) {  // in this transaction
    if (earlier.key.to == key.to) {
      return true;
    }
  }
  const auto found = deliveries_->find(key);
  return found && *found;
}

void Delivery::log_delivered(const Recipient& recipient) const {
  log(LogLevel::info, "Delivered: {} to mailbox: {}",
      reader_->message_id().empty() ? "<nomsgid>" : reader_->message_id(), recipient.entry.name);
}

Result<std::string> Delivery::append(const Recipient& recipient, std::string_view session_id) {
  const std::int64_t now = std::time(nullptr);
  CYR_TRY(const auto edit, store::MailboxEdit::open(service_.store(), recipient.entry, *locks_, now));
  const store::DeliveryKey key{reader_->message_id(), store::delivery_target(recipient.entry),
                               reader_->date()};
  const bool suppresses = store::suppresses_duplicates(service_.config(), edit->index());
  if (suppresses && is_duplicate(key)) {
    log(LogLevel::info, "dupelim: eliminated duplicate message to {} id {} date {} (delivery)", key.to,
        key.id, key.date);
    return success_reply(session_id);
  }
  if (suppresses && !key.id.empty()) {
    CYR_TRY(const auto before, store::delivered_before(service_.store(), *edit, *staged_, trace_size_, now));
    if (before) {
      log(LogLevel::info, "dupelim: eliminated duplicate message to {} id {} date {} (delivery)", key.to,
          key.id, key.date);
      delivered_.push_back({key, *before});
      return success_reply(session_id);
    }
  }
  const bool strict = service_.config().is_on(Option::lmtp_strict_quota);
  const auto size = static_cast<std::int64_t>(staged_->size());
  if (!recipient.ignore_quota) {
    CYR_TRY(const auto over, edit->over_quota(strict ? store::QuotaDemand{size, 1, -1, -1}
                                                     : store::QuotaDemand{0, 0, -1, -1}));
    if (over) {
      return over_quota(service_.config().is_on(Option::lmtp_over_quota_perm_failure), session_id);
    }
  }
  CYR_TRY(const std::uint32_t uid, edit->append(*staged_, {}));
  CYR_CHECK(edit->commit());
  delivered_.push_back({key, uid});
  log_delivered(recipient);
  return success_reply(session_id);
}

std::string Delivery::deliver(const Recipient& recipient, std::string_view session_id) {
  if (too_large_) {
    return fmt::format("552 5.2.3 Message size ({}) exceeds fixed maximum message size ({})\r\n", written_,
                       limit_);
  }
  if (auto sealed = seal(); !sealed) {
    log(LogLevel::error, "delivery to {} failed: {}", recipient.entry.name, sealed.error().text());
    return trouble(sealed.error());
  }
  if (staged_->fault() != store::MessageFault::none) {
    return bad_message(staged_->fault());
  }
  auto reply = append(recipient, session_id);
  if (!reply) {
    log(LogLevel::error, "delivery to {} failed: {}", recipient.entry.name, reply.error().text());
    return trouble(reply.error());
  }
  return std::move(*reply);
}

void Delivery::finish() {
  if (delivered_.empty()) {
    return;
  }
  const auto mark = [this]() -> Status {
    CYR_CHECK(open_deliveries());
    return deliveries_->mark(delivered_, std::time(nullptr));
  };
  if (const auto marked = mark(); !marked) {
    log(LogLevel::error, "deliveries are not remembered: {}", marked.error().text());
    deliveries_.reset();  // another one may work
  }
}

}  // namespace cyr::lmtpd
