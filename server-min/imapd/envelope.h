// What SORT and THREAD need of a message's ENVELOPE, read back from its cache item (RFC 3501 7.4.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::imapd {

struct EnvelopeAddress {
  std::string name, mailbox, host;  // empty: NIL
};
struct EnvelopeView {
  std::string subject;
  std::optional<EnvelopeAddress> from, to, cc;  // the first one
  std::string in_reply_to, message_id;
};
// What of it is wanted; the rest stays empty.
struct EnvelopeFields {
  bool subject = false, from = false, to = false, cc = false, ids = false;
};
inline constexpr EnvelopeFields all_envelope_fields{true, true, true, true, true};
// Errc::corrupt for a text that is no envelope. It is read as far as the last field that is wanted.
Result<EnvelopeView> read_envelope(std::string_view text, const EnvelopeFields& wanted = all_envelope_fields);

// The subject without "Re:", "[list]", "(fwd)" and the like (RFC 5256 2.1), in upper case; `is_reply`:
// something of that kind was there. `subject` is decoded UTF-8.
struct BaseSubject {
  std::string text;
  bool is_reply = false;
};
[[nodiscard]] BaseSubject base_subject(std::string_view subject);
// The message ids "<...>" of a References or In-Reply-To field, normalised, without the brackets.
[[nodiscard]] std::string normal_message_id(std::string_view id);

}  // namespace cyr::imapd
