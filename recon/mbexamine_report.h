// The outputs of mbexamine. One Report per run; a mailbox is shown by one call.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

#include "recon/mbexamine_mailbox.h"

namespace cyr::mbexamine {

struct Options {
  std::optional<std::uint32_t> uid;       // -u
  std::optional<std::uint32_t> sequence;  // -s
  bool all = false;                       // expunged records too, and where each record lies
  bool classic = false;                   // text as 3.6.1 prints it, byte for byte
};

enum class Outcome : std::uint8_t { fine, damaged, not_found };  // not_found: the message asked for

// The full dump as text.
Outcome show_text(ExaminedMailbox& mailbox, const Options& options);
// The same as JSON lines: one of type "mailbox", then one of type "message" for each record.
Outcome show_json(ExaminedMailbox& mailbox, const Options& options);
// -q: sizes of the message files against the index, and their sum against the header.
Outcome check_quota(ExaminedMailbox& mailbox, const Options& options);
// -c: index records against the message files, in two columns; only messages that differ.
Outcome check_files(ExaminedMailbox& mailbox, const Options& options);

// Does the dump of `message` belong to what was asked for?
[[nodiscard]] bool wanted(const ExaminedMessage& message, const Options& options);

inline void put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace cyr::mbexamine
