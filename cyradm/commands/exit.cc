#include "cyradm/commands/all.h"
#include "cyradm/session.h"
#include "format/base/text.h"

namespace cyr::cyradm::commands {
namespace {

constexpr unsigned status_modulus = 256;

// The digits a word begins with, modulo 256; none is 0.
int status_of(const std::string& word) {
  unsigned status = 0;
  for (std::size_t i = 0; i < word.size() && is_digit(word[i]); ++i) {
    status = (status * 10 + static_cast<unsigned>(word[i] - '0')) % status_modulus;
  }
  return static_cast<int>(status);
}

Status run_exit(Session& session, const Arguments& arguments) {
  session.request_exit(arguments.operands.empty() ? std::nullopt
                                                  : std::optional<int>(status_of(arguments.operands[0])));
  return success();
}

}  // namespace

constexpr Command exit = {
    .name = "exit",
    .aliases = {"quit"},
    .synopsis = "[number]",
    .summary = "exit cyradm",
    .most = 1,
    .needs_server = false,
    .effect = Effect::shell,
    .details = "Without a number the status is 0, or 1 when a command of a script has failed.",
    .examples =
        "exit\n"
        "exit 3",
    .run = &run_exit,
};

}  // namespace cyr::cyradm::commands
