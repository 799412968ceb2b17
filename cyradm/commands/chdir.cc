#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cyradm/commands/all.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Word, 1> chdir_words = {Word::file};

Status run_chdir(Session& session, const Arguments& arguments) {
  (void)session;
  const std::string& directory = arguments.operands[0];
  if (::chdir(directory.c_str()) != 0) {
    return make_error(Errc::io, directory + ": " + std::strerror(errno));
  }
  return success();
}

}  // namespace

constexpr Command chdir = {
    .name = "chdir",
    .aliases = {"cd"},
    .synopsis = "directory",
    .summary = "change current directory",
    .least = 1,
    .most = 1,
    .words = chdir_words,
    .needs_server = false,
    .effect = Effect::shell,
    .examples = "cd /var/tmp",
    .run = &run_chdir,
};

}  // namespace cyr::cyradm::commands
