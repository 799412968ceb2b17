// -q and -c: the index against the message files.
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "format/base/text.h"
#include "format/mailbox/index_layout.h"
#include "format/mime/summary.h"
#include "recon/mbexamine_report.h"

namespace cyr::mbexamine {
namespace {

using mailbox::CacheItem;
using mailbox::IndexRecord;

// RFC 5322, local zone: "Sun, 05 Sep 2004 00:00:00 +0000".
std::string mail_date(std::uint64_t seconds) {
  const auto when = static_cast<std::time_t>(seconds);
  std::tm parts{};
  std::array<char, 64> text{};
  if (localtime_r(&when, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S %z", &parts) == 0) {
    return "?";
  }
  return text.data();
}

// What -c compares and shows of one side.
struct Side {
  std::string guid;
  std::string size;
  std::string date;
  std::string from;
  std::string subject;
};

// Columns are 50 bytes wide (bytes, not characters); a longer value is shown whole.
std::string column_text(const std::string& value) {
  constexpr std::size_t kWidth = 50;
  return value + std::string(kWidth - std::min(kWidth, value.size()), ' ');
}

void put_line(std::string_view label, const std::string& left, const std::optional<std::string>& right) {
  put(fmt::format("   {}: {}", label, column_text(left)));
  if (right) {
    put('\t' + column_text(*right));
  }
  put("\n");
}

Side index_side(ExaminedMailbox& mailbox, const IndexRecord& record) {
  Side side{record.guid.hex(), std::to_string(record.size), mail_date(record.sentdate), {}, {}};
  if (const auto items = mailbox.cached_items(record); items) {
    side.from = items->item(CacheItem::from);
    side.subject = items->item(CacheItem::subject);
  }
  return side;
}

// An empty file is no message (as reconstruct sees it).
std::optional<Side> file_side(const ExaminedMailbox& mailbox, std::string_view file) {
  if (file.empty()) {
    return {};
  }
  const mime::MessageSummary summary = mime::summarise(file, 0, mailbox.parse_options());
  const std::string with_start = std::string(mailbox::kCacheStart, '\0') + summary.cache_record;
  Side side{summary.guid.hex(),
            std::to_string(summary.size),
            mail_date(summary.date_is_usable ? summary.sentdate : 0),
            {},
            {}};
  if (const auto items = mailbox::cache_record_at(as_bytes(with_start), mailbox::kCacheStart); items) {
    side.from = as_text(items->item(CacheItem::from));
    side.subject = as_text(items->item(CacheItem::subject));
  }
  return side;
}

// True when the message is as the index says.
bool compare(ExaminedMailbox& mailbox, const IndexRecord& record) {
  const auto file = mailbox.message(record);
  const bool exists = file.has_value() || file.error().code != Errc::not_found;
  std::optional<Side> right;
  if (file) {
    right = file_side(mailbox, file->text());
    if (right && right->guid == record.guid.hex() && file->bytes().size() == record.size) {
      return true;
    }
  }
  const Side left = index_side(mailbox, record);
  put(fmt::format("  UID: {:08}\n", record.uid));
  const auto column = [&](std::string Side::*member) {
    return right ? std::optional((*right).*member) : std::nullopt;
  };
  put_line("GUID", left.guid,
           right || !exists ? column(&Side::guid) : std::optional<std::string>("Failed to parse file"));
  put_line("Size", left.size, column(&Side::size));
  put_line("Date", left.date, column(&Side::date));
  put_line("From", left.from, column(&Side::from));
  put_line("Subj", left.subject, column(&Side::subject));
  put("\n");
  return false;
}

}  // namespace

Outcome check_quota(ExaminedMailbox& mailbox, const Options& options) {
  put(fmt::format("Examining {}...", mailbox.external_name()));
  if (!mailbox.index()) {
    put("  cyrus.index cannot be read\n");
    return Outcome::damaged;
  }
  Outcome outcome = mailbox.damage().empty() ? Outcome::fine : Outcome::damaged;
  std::uint64_t total = 0;
  ExaminedMessage message;
  for (;;) {
    const auto more = mailbox.next(message);
    if (!more || !*more) {
      break;
    }
    const IndexRecord& record = message.entry.record;
    if (message.expunged()) {
      continue;
    }
    total += record.size;
    const auto file = mailbox.message(record);
    if (file && file->bytes().size() == record.size) {
      continue;
    }
    outcome = Outcome::damaged;
    if (file) {
      put(fmt::format("  Message {} has INCORRECT size in index record\n", record.uid));
    } else if (!options.classic) {
      put(fmt::format("  Message {} cannot be read: {}\n", record.uid, printable(file.error().text())));
    }
    if (options.classic) {
      return outcome;  // 3.6.1 looks no further
    }
  }
  const bool correct = total == mailbox.index()->quota_mailbox_used;
  put(correct ? "  Mailbox has CORRECT total quota usage\n" : "  Mailbox has INCORRECT total quota usage\n");
  return correct && mailbox.damage().empty() ? outcome : Outcome::damaged;
}

Outcome check_files(ExaminedMailbox& mailbox, const Options& options) {
  put(fmt::format("Examining {}...\n", mailbox.external_name()));
  put(fmt::format(" Mailbox Header Info:\n  Path to mailbox: {}\n\n", mailbox.files().data.string()));
  if (!mailbox.index()) {
    put("cyrus.index cannot be read\n");
    return Outcome::damaged;
  }
  if (!mailbox::has_guid(mailbox.record_layout())) {
    put("Mailbox version is too old for comparison\n");
    return Outcome::damaged;
  }
  put(fmt::format("{:<56}\t{}\n", " Index Record Info:", "Message File Info:"));
  Outcome outcome = mailbox.damage().empty() ? Outcome::fine : Outcome::damaged;
  ExaminedMessage message;
  for (;;) {
    const auto more = mailbox.next(message);
    if (!more || !*more) {
      break;
    }
    // The files of expunged messages are there until they are unlinked, so they are compared too.
    Options which = options;
    which.all = options.all || !message.entry.record.has(mailbox::flag::unlinked);
    if (options.classic) {
      which = {};
      which.all = true;  // 3.6.1 compares all, whatever -u and -s say
    }
    if (wanted(message, which) && !compare(mailbox, message.entry.record)) {
      outcome = Outcome::damaged;
    }
  }
  return outcome;
}

}  // namespace cyr::mbexamine
