#include "cyradm/options.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "format/base/text.h"
#include "format/cli/app.h"

namespace cyr::cyradm {
namespace {

std::string environment(const char* name) { return environment_variable(name).value_or(""); }

std::string login_name() {
  for (const char* name : {"USER", "LOGNAME"}) {
    if (const std::string value = environment(name); !value.empty()) {
      return value;
    }
  }
  const ::passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_name : "";
}

// What the command line says, before it is made sense of.
struct Raw {
  std::vector<std::string> words;  // server and port
  std::string server;
  std::string port;
  std::string user;
  std::optional<std::string> tls_key;
  std::string ca_file;
  std::string ca_directory;
  std::optional<std::string> password;
  std::string local;
  std::string root;
  bool rc = true;
  bool no_tls = false;
  bool require_tls = false;
  bool tls = false;
  bool insecure = false;
  bool keep_going = false;
  bool strict = false;
  bool utf7 = false;
  bool undo = false;
  bool compat = false;
  unsigned timeout = 0;
};

void add_stock_options(CLI::App& app, ProgramOptions& out, Raw& raw) {
  app.add_option("-u,--user", raw.user, "who logs in; $USER by default")->type_name("NAME");
  app.add_option("-z,--authz", out.imap.authorization, "as whom to act")->type_name("NAME");
  app.add_option("-a,--auth", out.imap.mechanisms, "SASL mechanism, or several in one word")
      ->type_name("MECHANISM");
  app.add_option("-w,--password", raw.password)->group("");  // refused, with a word why
  app.add_option("-s,--server", raw.server, "HOST, HOST:PORT or the path of a socket")->type_name("SERVER");
  app.add_option("-p,--port", raw.port, "143 by default")->type_name("PORT");
  app.add_flag("-r,--rc,!--norc", raw.rc, "run the commands of the two rc files first (default), or do not");
  app.add_option("-S,--systemrc", out.system_rc, "commands for everybody")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--userrc", out.user_rc, "own commands; ~/.cyradmrc.pl by default")->type_name("FILE");
  app.add_option("-t,--tlskey", raw.tls_key, "client certificate and key, PEM; empty: none")
      ->expected(0, 1)
      ->type_name("FILE");
  app.add_flag("--notls", raw.no_tls, "no TLS, even when the server offers it");
  app.add_option("--cafile", raw.ca_file, "certificates to trust")->type_name("FILE");
  app.add_option("--capath,--cadir", raw.ca_directory, "directory of certificates to trust")
      ->type_name("DIR");
  app.add_option("server", raw.words, "server and port")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_own_options(CLI::App& app, ProgramOptions& out, Raw& raw) {
  app.add_flag("--tls", raw.tls, "TLS from the start (port 993 by default)");
  app.add_flag("--require-tls", raw.require_tls, "give up when the server does not offer STARTTLS");
  app.add_flag("--insecure", raw.insecure, "trust any certificate");
  app.add_flag("--allow-plaintext", out.imap.allow_plaintext,
               "send the password over an open line if need be");
  app.add_option("--password-file", out.password.file, "its first line is the password")->type_name("FILE");
  app.add_option("--password-command", out.password.command, "a program that prints the password")
      ->type_name("COMMAND");
  app.add_option("--netrc", out.password.netrc_file, "a file like ~/.netrc, which is looked into anyhow")
      ->type_name("FILE");
  app.add_option("--timeout", raw.timeout, "seconds to wait for an answer; 1800 by default")->type_name("N");
  app.add_option("--local", raw.local, "work on the files of a store, without a server")->type_name("CONF");
  app.add_option("--root", raw.root, "the same, with the store's paths below DIR")->type_name("DIR");
  app.add_option("-e,--execute", out.commands, "run COMMAND; may be repeated")
      ->type_name("COMMAND")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);  // the server may follow
  app.add_option("-f,--file", out.script, "run the commands in FILE")->type_name("FILE");
  app.add_flag("-k,--keep-going", raw.keep_going, "a script goes on after a command that failed");
  app.add_flag("--strict", raw.strict, "a script stops at the first one that failed (default)");
  app.add_flag("-n,--dry-run", out.settings.dry_run, "say what would be changed, and change nothing");
  app.add_flag("-y,--yes", out.settings.yes, "ask nothing");
  app.add_flag("--json", out.settings.json, "listings as JSON, one object a line");
  app.add_flag("--undo", raw.undo, "say how to take changes back; a person is told anyhow");
  app.add_flag("--echo", out.shell.echo, "print the prompt and each command of a script");
  app.add_flag("--utf7", raw.utf7, "show mailbox names as they are, not decoded, on a terminal");
  app.add_flag("--compat-exit", raw.compat, "go on, messages and exit status as cyradm of Cyrus IMAP");
}

// Long options may be cut short as long as it is clear which one is meant.
std::vector<std::string> completed(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    names.insert(names.end(), option->get_lnames().begin(), option->get_lnames().end());
  }
  std::vector<std::string> out;
  bool over = false;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    over = over || word == "--";
    if (!over && word.starts_with("--")) {
      const auto equals = std::min(word.find('='), word.size());
      const std::string typed = word.substr(2, equals - 2);
      std::vector<std::string> fits;
      std::copy_if(names.begin(), names.end(), std::back_inserter(fits),
                   [&typed](const std::string& name) { return name.starts_with(typed); });
      const bool exact = std::find(fits.begin(), fits.end(), typed) != fits.end();
      if (!exact && fits.size() == 1) {
        word = "--" + fits[0] + word.substr(equals);
      }
    }
    out.push_back(std::move(word));
  }
  return out;
}

Error usage(std::string what) { return make_error(Errc::invalid, std::move(what)); }

Status settle_server(const Raw& raw, ProgramOptions& out) {
  if (raw.words.size() > 2) {
    return usage("there is one server and one port");
  }
  if (!raw.server.empty() && !raw.words.empty()) {
    return usage("may not specify server both with --server and bare arg");
  }
  out.server = raw.words.empty() ? raw.server : raw.words[0];
  std::string port = raw.words.size() == 2 ? raw.words[1] : raw.port;
  if (port.empty()) {
    port = raw.tls ? "993" : "143";
  }
  if (const auto number = parse_number<std::uint16_t>(port); !number || *number == 0) {
    return usage("port " + port + ": not a number of a port");
  }
  out.imap.port = port;
  return success();
}

Status settle(const Raw& raw, ProgramOptions& out) {
  if (raw.password) {
    return Error(usage("a password on the command line can be read by every user of this machine"))
        .with_hint(
            "--password-file FILE, --netrc FILE, --password-command COMMAND, or none of them to be asked");
  }
  CYR_CHECK(settle_server(raw, out));
  if (raw.no_tls && (raw.tls || raw.require_tls)) {
    return usage("--notls and --tls exclude each other");
  }
  out.imap.tls = raw.no_tls        ? TlsUse::never
                 : raw.tls         ? TlsUse::from_start
                 : raw.require_tls ? TlsUse::required
                                   : TlsUse::when_offered;
  out.imap.tls_options.verify = !raw.insecure;
  out.imap.tls_options.ca_file = raw.ca_file;
  out.imap.tls_options.ca_directory = raw.ca_directory;
  out.imap.tls_options.certificate = raw.tls_key.value_or("");
  out.imap.user_named = !raw.user.empty();
  out.imap.user = raw.user.empty() ? login_name() : raw.user;
  if (raw.timeout > 0) {
    out.imap.timeout = std::chrono::seconds(raw.timeout);
  }
  out.read_rc = raw.rc;
  if (out.user_rc.empty() && !environment("HOME").empty()) {
    out.user_rc = environment("HOME") + "/.cyradmrc.pl";
  }
  if (!raw.local.empty() || !raw.root.empty()) {
    out.local.emplace();
    out.local->config_file = raw.local.empty() ? out.local->config_file : raw.local;
    out.local->root = raw.root;
    out.local->user = raw.user;
    out.local->read_only = out.settings.dry_run;
    if (!out.server.empty()) {
      return usage("--local needs no server");
    }
  }
  out.settings.compat = raw.compat;
  out.settings.interactive = out.commands.empty() && out.script.empty() && ::isatty(STDIN_FILENO) == 1;
  out.settings.undo_hints = raw.undo || out.settings.interactive;
  out.settings.utf8_names = !raw.utf7 && ::isatty(STDOUT_FILENO) == 1;
  out.shell.stop_at_failure = !raw.keep_going && !raw.compat;
  out.shell.echo = out.shell.echo && !out.settings.interactive;
  return success();
}

}  // namespace

ParsedOptions parse_options(int argc, char** argv) {
  ParsedOptions out;
  Raw raw;
  CLI::App app("administration shell for Cyrus IMAP servers and stores", "cyradm");
  app.set_help_flag("-h,--help", "print this and exit");
  app.set_version_flag("-v,--version", "cyradm (cyrkit) " CYRKIT_VERSION, "print the version and exit");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_stock_options(app, out.options, raw);
  add_own_options(app, out.options, raw);
  auto words = completed(app, argc, argv);
  std::vector<char*> pointers = {argv[0]};
  for (auto& word : words) {
    pointers.push_back(word.data());
  }
  out.exit_status = cli::parse_command_line(app, static_cast<int>(pointers.size()), pointers.data());
  if (!out.exit_status) {
    if (const auto settled = settle(raw, out.options); !settled) {
      cli::print_error("cyradm", settled.error());
      out.exit_status = cli::exit_usage;
    }
  }
  return out;
}

}  // namespace cyr::cyradm
