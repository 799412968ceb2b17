#include "cyradm/commands/all.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> server_options = {{{"noauthenticate", {}, "do not log in"}}};

Status run_server(Session& session, const Arguments& arguments) {
  if (arguments.operands.empty()) {
    CYR_TRY(auto* const store, session.backend());
    session.out().print("{}\n", store->name());
    return success();
  }
  const std::string& server = arguments.operands[0];
  if (auto done = session.connect(server, !arguments.has("noauthenticate")); !done) {
    return prefixed(std::move(done).error(), server);
  }
  return success();
}

}  // namespace

constexpr Command server = {
    .name = "server",
    .aliases = {"servername", "connect"},
    .synopsis = "[-noauthenticate] [server]",
    .summary = "show current server or connect to server",
    .options = server_options,
    .most = 1,
    .needs_server = false,
    .effect = Effect::shell,
    .details = "A server is HOST or HOST:PORT, or the path of a socket.",
    .examples =
        "server\n"
        "server mail.example.org",
    .run = &run_server,
};

}  // namespace cyr::cyradm::commands
