#include "cyradm/commands/all.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

Status run_disconnect(Session& session, const Arguments& arguments) {
  (void)arguments;
  session.set_backend(nullptr);
  return success();
}

}  // namespace

constexpr Command disconnect = {
    .name = "disconnect",
    .aliases = {"disc"},
    .synopsis = "",
    .summary = "disconnect from current server",
    .effect = Effect::shell,
    .run = &run_disconnect,
};

}  // namespace cyr::cyradm::commands
