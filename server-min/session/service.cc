// The command line of a service, its start, and its end.
#include "server-min/session/service.h"

#include <fmt/format.h>
#include <netdb.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/common.h"
#include "server-min/session/session.h"
#include "server-min/session/signals.h"
#include "server-min/session/worker.h"
#include "server-min/session/worker_template.h"

namespace cyr::session {
namespace {

constexpr std::string_view common_letters = "C:U:T:DXV";

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value != nullptr ? value : "";
}

struct Given {
  std::string config_file = "/etc/imapd.conf";
  WorkerLimits limits;
  bool standard_io = false;
  bool debug = false;
  bool version = false;
  bool tls_first = false;
};

Error usage(std::string what, const ServiceDefinition& definition) {
  return make_error(Errc::invalid, std::move(what))
      .with_hint(fmt::format("usage: {} [-C file] [-U uses] [-T seconds] [-D] [-X] [-V]{}",
                             definition.program,
                             definition.letters.empty() ? "" : " and its own options, see its manual page"));
}

Result<int> number(char letter, const std::string& value, const ServiceDefinition& definition) {
  const auto parsed = parse_number<int>(value);
  if (!parsed || *parsed < 0) {
    return usage(fmt::format("-{} takes a number, not '{}'", letter, printable(value)), definition);
  }
  return *parsed;
}

Status take_option(char letter, const std::string& value, const ServiceDefinition& definition, Given& given) {
  switch (letter) {
    case 'C':
      given.config_file = value;
      break;
    case 'U': {
      CYR_TRY(given.limits.uses, number(letter, value, definition));
      break;
    }
    case 'T': {
      CYR_TRY(given.limits.idle_seconds, number(letter, value, definition));
      break;
    }
    case 'D':
      given.debug = true;
      break;
    case 'X':
      given.standard_io = true;
      break;
    case 'V':
      given.version = true;
      break;
    case 's':
      given.tls_first = true;
      break;
    default:
      return definition.option ? definition.option(letter, value) : success();
  }
  return success();
}

// Each option is a word of its own, its value the next one, as real Cyrus demands.
Result<Given> parse_options(int argc, char** argv, const ServiceDefinition& definition) {
  const std::string letters = std::string(common_letters) + std::string(definition.letters);
  Given given;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto at =
        word.size() == 2 && word[0] == '-' && word[1] != ':' ? letters.rfind(word[1]) : std::string::npos;
    if (word.size() > 2 && word[0] == '-') {
      return usage("options and arguments must be separated by white space: " + printable(word), definition);
    }
    if (at == std::string::npos) {
      return usage("what is '" + printable(word) + "'?", definition);
    }
    std::string value;
    if (at + 1 < letters.size() && letters[at + 1] == ':') {
      if (++i == argc) {
        return usage(fmt::format("-{} needs a value", word[1]), definition);
      }
      value = argv[i];
    }
    CYR_CHECK(take_option(word[1], value, definition, given));
  }
  return given;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

// debug_command: the first %s is the program, the first %d our process.
void run_debugger(const conf::Config& config, std::string_view program) {
  std::string command(config.text(conf::Option::debug_command));
  const auto replace = [&command](std::string_view mark, const std::string& text) {
    if (const auto at = command.find(mark); at != std::string::npos) {
      command.replace(at, mark.size(), text);
    }
  };
  replace("%s", std::string(program));
  replace("%d", std::to_string(::getpid()));
  if (!command.empty() && std::system(command.c_str()) != 0) {  // NOLINT: what the administrator asks for
    log(LogLevel::error, "debug_command '{}' failed", command);
  }
}

Result<int> run(int argc, char** argv, const ServiceDefinition& definition) {
  CYR_TRY(const Given given, parse_options(argc, argv, definition));
  if (given.version) {
    fmt::print("{} {}\n", definition.program, CYRKIT_VERSION);
    return 0;
  }
  std::string name = environment("CYRUS_SERVICE");
  if (name.empty()) {
    if (!given.standard_io) {
      return make_error(Errc::invalid, "this is a service, which master starts: CYRUS_SERVICE is not set")
          .with_hint("start master; or use -X to talk on standard input and output");
    }
    name = definition.protocol;
  }
  const conf::LoadRequest request{.ident = name, .prefix = conf::prefix_from_environment()};
  CYR_TRY(auto config, conf::Config::load(posix_io(), given.config_file, request));
  cli::open_log(config, name);
  if (!environment("CYRKIT_LOG_STDERR").empty()) {  // set by master -L -
    set_log_sink([name](LogLevel /*level*/, std::string_view line) {
      fmt::print(stderr, "{}[{}]: {}\n", name, ::getpid(), line);
    });
  }
  CYR_CHECK(cli::become_store_user(config));
  CYR_CHECK(cli::set_umask(config));
  if (given.debug) {
    run_debugger(config, definition.program);
  }
  for (const auto& warning : config.warnings()) {
    log(LogLevel::warning, "{}", warning);
  }
  auto shared = std::make_shared<const conf::Config>(std::move(config));
  CYR_CHECK(install_signals());
  CYR_TRY(auto service, Service::start(definition, std::move(shared), name, given.tls_first));
  if (definition.prepare) {
    CYR_CHECK(definition.prepare(*service));
  }
  if (given.standard_io) {
    serve_standard_io(*service);
    return 0;
  }
  if (is_template()) {
    CYR_CHECK(fork_workers(*service, argv[0]));
  }
  return serve_connections(*service, given.limits, argv[0]);
}

}  // namespace

Result<std::unique_ptr<Service>> Service::start(const ServiceDefinition& definition,
                                                std::shared_ptr<const conf::Config> config, std::string name,
                                                bool tls_first) {
  std::unique_ptr<Service> service(new Service);
  service->definition_ = definition;
  service->config_ = std::move(config);
  service->name_ = std::move(name);
  service->tls_first_ = tls_first;
  const conf::Config& options = *service->config_;
  if (const auto mupdate = options.text(conf::Option::mupdate_server); !mupdate.empty()) {
    return make_error(Errc::config,
                      "mupdate_server is set, and this server does not know the mupdate protocol");
  }
  service->server_name_ = options.text(conf::Option::servername);
  if (service->server_name_.empty()) {
    service->server_name_ = host_name();
  }
  CYR_TRY(service->store_, store::Store::open(posix_io(), service->config_));
  service->store_->may_lack_quotas(true);
  CYR_TRY(const bool new_list, service->store_->make_mailbox_list());
  if (new_list) {
    log(LogLevel::notice, "{}: made a new, empty mailbox list; for mailboxes on the disk: reconstruct -m",
        service->store_->paths().mailboxes_db().string());
  }
  CYR_TRY(service->sasl_, wire::SaslLibrary::start(service->config_));
  auto tls = wire::TlsContext::server(options);
  if (tls) {
    service->tls_ = std::move(*tls);
  } else if (tls.error().code != Errc::not_found) {
    log(LogLevel::error, "TLS is not available: {}", tls.error().text());
  }
  if (tls_first && !service->tls_) {
    return std::move(tls).error();
  }
  return service;
}

int run_service(int argc, char** argv, const ServiceDefinition& definition) {
  return cli::run_program(definition.program, [&]() -> Result<int> {
    auto status = run(argc, argv, definition);
    if (!status) {
      log(LogLevel::error, "{}", status.error().text());
    }
    return status;
  });
}

}  // namespace cyr::session
