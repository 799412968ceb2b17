// cyradm: the administration shell (cyradm.8, tools.md 2).
#include <unistd.h>

#include <csignal>

#include "cyradm/completion.h"
#include "cyradm/imap_backend.h"
#include "cyradm/interrupt.h"
#include "cyradm/line_editor.h"
#include "cyradm/line_source.h"
#include "cyradm/options.h"
#include "cyradm/shell.h"
#include "format/base/io.h"
#include "format/base/text.h"
#include "format/cli/common.h"

namespace {

using namespace cyr;
using namespace cyr::cyradm;

constexpr int password_attempts = 3;

// Connects to servers for a session, with the program's options.
class Connecting {
 public:
  Connecting(const ProgramOptions& options, Session& session, int wake_fd)
      : options_(options), session_(session), wake_fd_(wake_fd) {}

  Result<std::unique_ptr<Backend>> operator()(const std::string& server, bool log_in) const {
    const bool ask_again = options_.settings.interactive && password_is_asked(options_.password);
    for (int attempt = 1;; ++attempt) {
      bool reached_login = false;
      auto backend = ImapBackend::connect(settings_for(server), log_in, reached_login);
      if (backend) {
        return backend;
      }
      Error error = std::move(backend).error();
      if (!reached_login) {
        return error.code == Errc::cancelled ? error : prefixed(std::move(error), "cannot connect to server");
      }
      if (error.code == Errc::permission && error.hint.empty()) {
        session_.print_error("Login failed: " + error.text());
        if (ask_again && attempt < password_attempts) {
          continue;
        }
      }
      return error.code == Errc::cancelled ? error : prefixed(std::move(error), refusal());
    }
  }

 private:
  [[nodiscard]] std::string refusal() const {
    const std::string& mechanism = options_.imap.mechanisms;
    return "cannot authenticate to server" + (mechanism.empty() ? "" : " with " + mechanism) + " as " +
           options_.imap.user;
  }

  [[nodiscard]] ImapSettings settings_for(const std::string& server) const {
    ImapSettings settings = options_.imap;
    settings.server = server;
    settings.wake_fd = wake_fd_;
    settings.password = [this](const std::string& host, const std::string& user) {
      return find_password(options_.password, host, user);
    };
    settings.alert = [this](const std::string& text) { session_.print_error("server: " + text); };
    return settings;
  }

  const ProgramOptions& options_;
  Session& session_;
  int wake_fd_;
};

bool ask_on_terminal(const std::string& question) {
  const std::string text = printable(question) + " [y/N] ";
  (void)!::write(STDOUT_FILENO, text.data(), text.size());
  std::string answer;
  char c = '\0';
  while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
    answer.push_back(c);
  }
  return equal_ignoring_case(answer, "y") || equal_ignoring_case(answer, "yes");
}

// The rc files hold commands; one that fails is told and does not end the program.
bool run_rc_files(Session& session, const ProgramOptions& options) {
  ShellOptions how = options.shell;
  how.stop_at_failure = false;
  Shell shell(session, how);
  for (const std::string& file : {options.system_rc, options.user_rc}) {
    const auto info =
        file.empty() ? Result<FileInfo>(make_error(Errc::not_found, "")) : posix_io().stat(file);
    if (!info || info->kind != FileKind::regular) {
      continue;
    }
    auto source = TextSource::from_file(file, OpenQuotes::end_at_line);
    if (!source) {
      session.print_error("cyradm: " + source.error().text());
    } else if (!shell.run(**source)) {
      return false;
    }
  }
  return true;
}

void run_interactive(Session& session, Shell& shell, Interrupt& interrupt) {
  const std::string home = environment_variable("HOME").value_or("");
  Completer completer(session);
  LineEditor editor(
      completer, interrupt,
      environment_variable("CYRADM_HISTORY").value_or(home.empty() ? "" : home + "/.cyradm_history"));
  TerminalSource source(editor);
  shell.run(source);
}

Status run_commands(Session& session, Shell& shell, const ProgramOptions& options,
                    std::optional<Interrupt>& interrupt) {
  for (const auto& command : options.commands) {
    TextSource source("-e", command, OpenQuotes::need_more);
    if (!shell.run(source) && (session.exit_requested() || options.shell.stop_at_failure)) {
      return success();
    }
  }
  if (!options.script.empty()) {
    CYR_TRY(const auto source, TextSource::from_file(options.script, OpenQuotes::need_more));
    shell.run(*source);
  } else if (options.commands.empty() && interrupt) {
    run_interactive(session, shell, *interrupt);
  } else if (options.commands.empty()) {
    StreamSource source(STDIN_FILENO);
    shell.run(source);
  }
  return success();
}

Status open_first(Session& session, const ProgramOptions& options) {
  if (options.local) {
#ifdef CYRADM_LOCAL
    CYR_TRY(auto backend, open_local_backend(*options.local));
    session.set_backend(std::move(backend));
    return success();
#else
    return make_error(Errc::unsupported, "built without --local");
#endif
  }
  return options.server.empty() ? success() : session.connect(options.server, true);
}

Result<int> run(const ProgramOptions& options) {
  std::optional<Interrupt> interrupt;
  if (options.settings.interactive) {
    CYR_TRY(auto installed, Interrupt::install());
    interrupt.emplace(std::move(installed));
  }
  (void)std::signal(SIGPIPE, SIG_IGN);  // writes report it
  Session session(options.settings);
  session.set_question(&ask_on_terminal);
  if (!options.local) {
    session.set_connector(Connecting(options, session, interrupt ? interrupt->fd() : -1));
  }
  if (auto opened = open_first(session, options); !opened) {
    cli::print_error("cyradm", opened.error());
    return options.local ? exit_status(opened.error()) : cli::exit_failed;
  }
  Shell shell(session, options.shell);
  if (!options.read_rc || run_rc_files(session, options)) {
    CYR_CHECK(run_commands(session, shell, options, interrupt));
  }
  return shell.exit_status();
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = cyr::cyradm::parse_options(argc, argv);
  if (parsed.exit_status) {
    return *parsed.exit_status;
  }
  return cli::run_program("cyradm", [&parsed] { return run(parsed.options); });
}
