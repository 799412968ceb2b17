// A line of the shell, and the files that import and the login read: any bytes give a value or an error; a
// word that is quoted comes back.
#include <cstdint>
#include <cstdlib>

#include "cyradm/commands/command.h"
#include "cyradm/commands/import_file.h"
#include "cyradm/password.h"
#include "cyradm/shell_parser.h"
#include "format/base/bytes.h"

namespace {

using namespace cyr::cyradm;

std::optional<std::string> variable(std::string_view name) {
  return name.size() % 2 == 0 ? std::optional<std::string>(name) : std::nullopt;
}

void check_round_trip(const std::vector<std::string>& words) {
  const auto again = parse_line(quote_words(words), &variable);
  if (!again || again->commands.size() != 1 || again->commands[0].words != words) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cyr::as_text(std::as_bytes(std::span(data, size)));
  for (const auto quotes : {OpenQuotes::need_more, OpenQuotes::end_at_line}) {
    const auto line = parse_line(text, &variable, quotes);
    if (!line) {
      continue;
    }
    for (const auto& command : line->commands) {
      if (command.words.empty()) {
        continue;
      }
      check_round_trip(command.words);
      if (const Command* known = find_command(command.words[0])) {
        (void)parse_arguments(*known, {command.words.begin() + 1, command.words.end()});
      }
    }
  }
  (void)parse_import(text);
  (void)netrc_password(text, "mail.example.org", "admin");
  return 0;
}
