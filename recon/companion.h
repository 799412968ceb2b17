// What unexpunge, ipurge and cyr_expire do the same way: the block that describes a message,
// intervals of time, the warning about conversations databases.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "format/cli/printer.h"
#include "format/store/mailbox_edit.h"

namespace cyr::recon {

// "UID: 3", then its dates, size and addresses indented by a TAB, and an empty line. `expunged` adds when it
// was.
[[nodiscard]] std::string message_block(store::MailboxEdit& mailbox, const mailbox::IndexRecord& record,
                                        bool expunged);
// The same as one JSON object.
[[nodiscard]] cli::JsonLine message_json(store::MailboxEdit& mailbox, const mailbox::IndexRecord& record,
                                         bool expunged);

// Users whose conversations database does not know of the changes of this run.
class ConversationWarnings {
 public:
  void note(const store::MailboxEdit& mailbox);
  // One line for each user on stderr: what to run.
  void print(std::string_view program) const;

 private:
  std::set<std::string> users_;
};

// A number with at most one suffix out of `units` ("dhms"), where `units` begins with the default; fractions
// allowed. Seconds; nothing for anything else, negative numbers included.
[[nodiscard]] std::optional<std::int64_t> parse_interval(std::string_view text, std::string_view units);

}  // namespace cyr::recon
