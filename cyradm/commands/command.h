// What a command is: one struct, from which the argument check, `help`, completion and the table in cyradm.8
// come. A new command is one file here and one row in registry.cc.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/base/error.h"

namespace cyr::cyradm {

class Session;

// What a word of the command line stands for; completion offers such words.
enum class Word : std::uint8_t {
  other,
  command,
  mailbox,  // or a pattern
  new_mailbox,
  identifier,
  rights,
  partition,
  special_use,
  resource,
  limit,
  metadata_key,
  server_key,
  entry,
  file,
};

struct Option {
  std::string_view name;  // without dashes
  std::optional<Word> value = {};
  std::string_view help = {};
};

// The words after the command's name, options taken out.
class Arguments {
 public:
  [[nodiscard]] bool has(std::string_view option) const;
  [[nodiscard]] std::optional<std::string> value(std::string_view option) const;

  std::vector<std::string> operands;
  std::vector<std::pair<std::string_view, std::string>> options;  // in the order given
};

// Marks a command in help and the manual page: where it comes from, and whether it changes the store.
enum class Effect : std::uint8_t { reads, changes, shell };

struct Command {
  std::string_view name;
  std::array<std::string_view, 2> aliases = {};  // empty: none
  std::string_view synopsis;                     // as `help` prints it
  std::string_view summary;
  // What messages call it, when that is not its name ("listaclmailbox").
  std::string_view message_name = {};
  // After "usage: "; empty: message name and synopsis. The second is for a wrong option, where that differs.
  std::string_view usage = {};
  std::string_view option_usage = {};
  std::span<const Option> options = {};
  std::size_t least = 0;  // operands
  std::size_t most = 0;
  // Kinds of the operands in order; the last `repeated` of them come again and again.
  std::span<const Word> words = {};
  std::size_t repeated = 0;
  bool needs_server = true;
  bool bare_errors = false;  // the stock shell prints the server's text alone
  Effect effect = Effect::reads;
  std::string_view details = {};   // more paragraphs for `help COMMAND` on a terminal and the manual page
  std::string_view examples = {};  // one a line
  Status (*run)(Session& session, const Arguments& arguments) = nullptr;

  [[nodiscard]] std::string_view printed_name() const { return message_name.empty() ? name : message_name; }
  [[nodiscard]] std::string usage_line(bool wrong_option = false) const;
  // The kind of operand number `index`, from 0.
  [[nodiscard]] Word word_at(std::size_t index) const;
};

inline constexpr std::size_t any_number = static_cast<std::size_t>(-1);

// Every command, sorted by name.
[[nodiscard]] std::span<const Command* const> all_commands();
// By its name or an alias, letter case and all; null when there is none.
[[nodiscard]] const Command* find_command(std::string_view word);

// Options, details and examples, as `help COMMAND` shows them to a person.
[[nodiscard]] std::string manual_text(const Command& command);

// Splits `words` (without the command's name) as the stock shell does: options before operands, `-pref` for
// any prefix of `-prefix`, `--prefix` in full or `--prefix=VALUE`, `--` ends them. Errc::invalid with the
// usage line.
Result<Arguments> parse_arguments(const Command& command, const std::vector<std::string>& words);

// The usage line of a command as an error.
[[nodiscard]] Error usage_error(const Command& command);

}  // namespace cyr::cyradm
