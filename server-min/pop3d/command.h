// Commands of POP3 (RFC 1939, 2449, 2595, 5034) as text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::pop3d {

enum class Verb : std::uint8_t {
  user,
  pass,
  apop,
  auth,
  capa,
  stls,
  quit,
  stat,
  list,
  retr,
  dele,
  noop,
  rset,
  top,
  uidl,
  unknown,
};

struct Command {
  Verb verb = Verb::unknown;
  // After the verb and one space. PASS: all of it, spaces included; else without spaces at both ends.
  std::string argument;
};
[[nodiscard]] Command parse_command(std::string_view line);

enum class When : std::uint8_t { before_login, after_login };
[[nodiscard]] bool allowed(Verb verb, When when);

// What is wrong with the argument, as the answer has it ("Missing argument"); nothing when it fits the verb.
[[nodiscard]] std::optional<std::string_view> argument_error(const Command& command);

// A message number; nothing for what is none. Larger than any message: 0.
[[nodiscard]] std::optional<std::uint32_t> parse_message_number(std::string_view text);

// Two numbers of TOP. Errc::invalid with the words of the answer.
struct TopArguments {
  std::uint32_t message = 0;
  std::uint64_t lines = 0;
};
Result<TopArguments> parse_top(std::string_view argument);

}  // namespace cyr::pop3d
