#include "cyradm/commands/all.h"
#include "cyradm/session.h"
#include "format/base/text.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 9> authenticate_options = {{
    {"mechanisms", Word::other, "SASL mechanisms to choose from"},
    {"minssf", Word::other, "least protection, in bits"},
    {"maxssf", Word::other, "most protection, in bits"},
    {"service", Word::other, "SASL service name"},
    {"tlskey", Word::file, "client certificate and key"},
    {"notls", {}, "do not start TLS"},
    {"cafile", Word::file, "certificates to trust"},
    {"cadir", Word::file, "directory of certificates to trust"},
    {"capath", Word::file, "the same"},
}};

Status read_number(const Arguments& arguments, std::string_view name, std::optional<unsigned>& out) {
  if (const auto word = arguments.value(name)) {
    out = parse_number<unsigned>(*word);
    if (!out) {
      return make_error(Errc::invalid, std::string(name) + ": " + *word + ": not a number");
    }
  }
  return success();
}

Status run_authenticate(Session& session, const Arguments& arguments) {
  CYR_TRY(auto* const store, session.backend());
  LoginOptions login;
  CYR_CHECK(read_number(arguments, "minssf", login.min_ssf));
  CYR_CHECK(read_number(arguments, "maxssf", login.max_ssf));
  login.mechanisms = arguments.value("mechanisms").value_or("");
  login.service = arguments.value("service").value_or("");
  login.key_file = arguments.value("tlskey").value_or("");
  login.ca_file = arguments.value("cafile").value_or("");
  login.ca_directory = arguments.value("capath").value_or(arguments.value("cadir").value_or(""));
  login.no_tls = arguments.has("notls");
  if (!arguments.operands.empty()) {
    login.user = arguments.operands[0];
  }
  if (auto done = store->authenticate(login); !done) {
    return prefixed(std::move(done).error(), "authentication to server " + store->name() + " failed");
  }
  return success();
}

}  // namespace

constexpr Command authenticate = {
    .name = "authenticate",
    .aliases = {"auth", "login"},
    .synopsis =
        "[-minssf N] [-maxssf N] [-mechanisms list] [-service name] [-tlskey keyfile] [-notls] "
        "[-cafile cacertfile] [-capath cacertdir] [user]",
    .summary = "authenticate to server",
    .usage =
        "authenticate [-minssf N] [-maxssf N] [-mechanisms STR]\n"
        "                    [-service name] [-tlskey keyfile] [-notls]\n"
        "                    [-cafile cacertfile] [-capath cacertdir]\n"
        "                    [user]",
    .options = authenticate_options,
    .most = 1,
    .effect = Effect::shell,
    .details =
        "Only once on a connection, after server -noauthenticate. The password comes from where the\n"
        "program's options say, or is asked for.",
    .examples =
        "server -noauthenticate mail.example.org\n"
        "auth -mechanisms SCRAM-SHA-256 admin",
    .run = &run_authenticate,
};

}  // namespace cyr::cyradm::commands
