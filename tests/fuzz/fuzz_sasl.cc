// What a client says in a SASL exchange, through the mechanisms of Cyrus SASL on an empty password database:
// the first line is the mechanism, the others are its responses in base64. Nobody may get in.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "format/wire/base64.h"
#include "format/wire/sasl.h"

namespace {

using namespace cyr;

constexpr std::string_view kConf =
    "configdirectory: /nonexistent\nsasl_pwcheck_method: auxprop\nsasl_auxprop_plugin: sasldb\n"
    "sasl_sasldb_path: /nonexistent/sasldb2\nsasl_mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1\n";
constexpr int kMostSteps = 16;

const wire::SaslLibrary& library() {
  // Never ended: the plug-ins that it would unload are named in what is left of their blocks (see below).
  static const auto* const started = new auto([] {
    auto config = conf::Config::parse(read_only_io(), kConf, "fuzz.conf", {.ident = "imap"});
    return config ? wire::SaslLibrary::start(std::make_shared<conf::Config>(std::move(*config)))
                  : Result<std::unique_ptr<wire::SaslLibrary>>(config.error());
  }());
  if (!*started) {
    std::abort();
  }
  return ***started;
}

std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void exchange(wire::SaslServer& server, std::string_view text) {
  const std::string mechanism(take_line(text));
  std::optional<std::string> initial;
  if (!text.empty()) {
    initial = wire::from_base64(take_line(text));
  }
  auto step = server.start(mechanism, initial);
  for (int i = 0; i < kMostSteps && step.state == wire::SaslStep::State::challenge; ++i) {
    (void)wire::to_base64(step.data);
    step = server.step(wire::from_base64(take_line(text)).value_or(""));
  }
  if (step.state == wire::SaslStep::State::done) {
    std::abort();
  }
}

}  // namespace

// Blocks that the mechanisms keep of a failed attempt are the library's own.
extern "C" const char* __lsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "leak:sasl2\nleak:libsasl\n";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)library();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto server = wire::SaslServer::create(
      {.service = "imap",
       .server_name = "mail.example.org",
       .local = "127.0.0.1;143",
       .remote = "127.0.0.1;40000",
       .plaintext = true,
       .canonicalize = [](std::string_view user, std::string_view) -> Result<std::string> {
         return std::string(user);
       },
       .authorize = [](std::string_view, std::string_view) { return success(); }});
  if (!server) {
    std::abort();
  }
  exchange(*server, text);
  const std::string user(take_line(text));
  if (server->check_password(user, take_line(text)).state == wire::SaslStep::State::done ||
      server->check_apop("<1.2@x>", text).state == wire::SaslStep::State::done) {
    std::abort();
  }
  return 0;
}
