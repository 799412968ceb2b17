// Commands of LMTP (RFC 2033, 5321) as text: verb, paths, parameters. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr::lmtpd {

enum class Verb : std::uint8_t { lhlo, mail, rcpt, data, rset, noop, vrfy, quit, auth, starttls, unknown };

struct Command {
  Verb verb = Verb::unknown;
  std::string argument;  // after the verb, without the space between
};
[[nodiscard]] Command parse_command(std::string_view line);

// local part and domain, quotes and source route taken off; `+` not looked at.
struct Address {
  std::string local;
  std::string domain;  // empty: none
  friend bool operator==(const Address&, const Address&) = default;
};

struct Parameter {
  std::string name;                  // upper case
  std::optional<std::string> value;  // after "="
};

struct PathArgument {
  bool null = false;  // <>
  std::string text;   // between < and >, as sent
  Address address;
  std::vector<Parameter> parameters;
};

// "FROM:<a@b> SIZE=3" with `keyword` "FROM:". A space after the colon is accepted (lmtp_strict_rfc2821 off
// accepts 8-bit bytes too). Errc::invalid for anything else; at most 64 parameters.
Result<PathArgument> parse_path(std::string_view argument, std::string_view keyword, bool strict);

// xtext of AUTH= (RFC 4954): "+41" is "A". Nothing for a bad escape.
[[nodiscard]] std::optional<std::string> decode_xtext(std::string_view text);

}  // namespace cyr::lmtpd
