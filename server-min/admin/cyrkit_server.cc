// cyrkit-server: a mail server of one's own in a folder of one's own, without root: makes configuration,
// certificate and store, adds users, and runs master.
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <iostream>

#include "format/base/file.h"
#include "format/base/text.h"
#include "format/cli/app.h"
#include "format/store/store.h"
#include "format/wire/sasl.h"
#include "format/wire/tls.h"
#include "server-min/session/identity.h"

namespace {

using namespace cyr;

constexpr int certificate_days = 825;  // what clients accept at most
constexpr std::string_view admin_name = "admin";

struct Ports {
  int imap = 11143;
  int imaps = 11993;
  int pop3 = 11110;
  int pop3s = 11995;
  int lmtp = 11024;
};

struct Arguments {
  std::string directory;
  std::string user;
  std::string password;
  bool password_stdin = false;
  int base_port = 11000;
};

[[nodiscard]] Ports ports_from(int base) {
  return {base + 143, base + 993, base + 110, base + 995, base + 24};
}

fs::path program_directory() {
  const auto self = posix_io().read_link("/proc/self/exe");
  return self ? fs::path(*self).parent_path() : fs::path("/usr/bin");
}

// master and the services: beside this program in the build tree, in libexec when installed.
fs::path find_service(const std::string& name) {
  const fs::path own = program_directory();
  for (const fs::path& directory : {own, own.parent_path() / "libexec"}) {
    if (::access((directory / name).c_str(), X_OK) == 0) {
      return directory / name;
    }
  }
  return own / name;
}

Status write_new(const fs::path& path, std::string_view text, ::mode_t mode) {
  CYR_TRY(AtomicFile file, AtomicFile::create(posix_io(), path, mode));
  CYR_CHECK(file.write(text));
  return file.commit();
}

std::string imapd_conf(const fs::path& top) {
  const std::string d = top.string();
  return fmt::format(
      "# Written by cyrkit-server init. See imapd.conf(5).\n"
      "configdirectory: {0}/config\npartition-default: {0}/spool\nsievedir: {0}/sieve\n"
      "servername: localhost\nadmins: {1}\n"
      "# Passwords: cyrkit-server add-user DIR NAME\n"
      "sasl_pwcheck_method: auxprop\nsasl_auxprop_plugin: sasldb\nsasl_sasldb_path: {0}/passwords.db\n"
      "sasl_mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 EXTERNAL\n"
      "# Everything listens on loopback only\nallowplaintext: yes\n"
      "tls_server_cert: {0}/cert.pem\ntls_server_key: {0}/key.pem\n"
      "lmtpsocket: {0}/config/socket/lmtp\n"
      "# An INBOX is made at the first login, and for the first message\n"
      "autocreate_quota: 0\nautocreate_post: yes\n"
      "autocreate_inbox_folders: Drafts|Sent|Trash\nautocreate_subscribe_folders: Drafts|Sent|Trash\n"
      "unixhierarchysep: yes\naltnamespace: yes\nvirtdomains: off\nstatuscache: on\n",
      d, admin_name);
}

std::string cyrus_conf(const fs::path& top, const Ports& ports) {
  const std::string conf = (top / "imapd.conf").string();
  return fmt::format(
      "# Written by cyrkit-server init. See cyrus.conf(5).\n"
      "START {{\n  recover cmd=\"ctl_cyrusdb -C {0} -r\"\n}}\n"
      "SERVICES {{\n"
      "  imap     cmd=\"imapd -C {0}\"    listen=\"127.0.0.1:{1}\" prefork=0\n"
      "  imaps    cmd=\"imapd -s -C {0}\" listen=\"127.0.0.1:{2}\" prefork=0\n"
      "  pop3     cmd=\"pop3d -C {0}\"    listen=\"127.0.0.1:{3}\" prefork=0\n"
      "  pop3s    cmd=\"pop3d -s -C {0}\" listen=\"127.0.0.1:{4}\" prefork=0\n"
      "  lmtp     cmd=\"lmtpd -a -C {0}\" listen=\"127.0.0.1:{5}\" prefork=0\n"
      "  lmtpunix cmd=\"lmtpd -C {0}\"    listen=\"{6}/config/socket/lmtp\" prefork=0\n"
      "}}\n"
      "EVENTS {{\n  checkpoint cmd=\"ctl_cyrusdb -C {0} -c\" period=30\n"
      "  expire     cmd=\"cyr_expire -C {0} -E 3 -X 7 -D 7\" at=0400\n}}\n",
      conf, ports.imap, ports.imaps, ports.pop3, ports.pop3s, ports.lmtp, top.string());
}

Result<std::shared_ptr<const conf::Config>> load(const fs::path& top) {
  auto config = conf::Config::load(posix_io(), top / "imapd.conf", {.ident = "cyrkit-server"});
  if (!config) {
    return std::move(config).error().with_hint("make the server first: cyrkit-server init " + top.string());
  }
  return std::make_shared<const conf::Config>(std::move(*config));
}

// From the terminal, without showing it; or the first line of standard input.
Result<std::string> read_password(const std::string& user) {
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  ::termios before{};
  if (terminal) {
    fmt::print(stderr, "Password for {}: ", printable(user));
    ::tcgetattr(STDIN_FILENO, &before);
    ::termios silent = before;
    silent.c_lflag &= ~static_cast<::tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
    fmt::print(stderr, "\n");
  }
  if (line.empty()) {
    return make_error(Errc::invalid, "an empty password is none");
  }
  return line;
}

Status add_user(const fs::path& top, const Arguments& arguments) {
  CYR_TRY(const auto config, load(top));
  CYR_TRY(const auto ns, names::Namespace::from_config(*config));
  CYR_TRY(const std::string user, session::canonical_user(arguments.user, *config, ns));
  std::string password = arguments.password;
  if (password.empty()) {
    CYR_TRY(password, read_password(user));
  }
  CYR_TRY(const auto library, wire::SaslLibrary::start(config));
  wire::SaslServerSettings settings;
  settings.service = "imap";
  settings.server_name = config->text(conf::Option::servername);
  settings.plaintext = true;
  settings.canonicalize = [](std::string_view name, std::string_view) {
    return Result<std::string>(std::string(name));
  };
  settings.authorize = [](std::string_view, std::string_view) { return success(); };
  CYR_TRY(auto sasl, wire::SaslServer::create(std::move(settings)));
  return sasl.set_password(user, password);
}

Status init(const fs::path& top, const Arguments& arguments) {
  Io& io = posix_io();
  CYR_TRY(const bool there, io.exists(top / "imapd.conf"));
  if (there) {
    return make_error(Errc::exists, "there is a server already")
        .at(top)
        .with_hint("start it: cyrkit-server start " + top.string() + "; or name another folder");
  }
  for (const char* directory : {"config", "config/socket", "config/proc", "config/lock", "config/log",
                                "config/msg", "config/db", "config/user", "config/quota", "spool", "sieve"}) {
    CYR_CHECK(io.make_directories(top / directory, 0700));
  }
  CYR_TRY(const auto certificate,
          wire::make_self_signed({"localhost", "127.0.0.1", "::1"}, certificate_days));
  CYR_CHECK(write_new(top / "key.pem", certificate.key, 0600));
  CYR_CHECK(write_new(top / "cert.pem", certificate.certificate, 0644));
  CYR_CHECK(write_new(top / "cyrus.conf", cyrus_conf(top, ports_from(arguments.base_port)), 0600));
  CYR_CHECK(write_new(top / "imapd.conf", imapd_conf(top), 0600));
  CYR_TRY(const auto config, load(top));
  CYR_TRY(const auto store, store::Store::open(io, config));
  CYR_TRY(const bool made, store->make_mailbox_list());
  (void)made;
  return success();
}

void explain(const fs::path& top, const Arguments& arguments) {
  const Ports ports = ports_from(arguments.base_port);
  const std::string d = top.string();
  const std::string bin = program_directory().string();
  const std::string user = arguments.user.empty() ? "NAME" : arguments.user;
  fmt::print(
      "The server is in {0}.\n\n"
      "Mail program:  IMAP 127.0.0.1 port {1} (STARTTLS) or {2} (TLS), POP3 {3} or {4}; user {5}\n"
      "               certificate to trust: {0}/cert.pem\n"
      "Test message:  printf 'Subject: hello\\n\\nhello\\n' | {6}/deliver -C {0}/imapd.conf {5}\n"
      "MTA:           LMTP to 127.0.0.1 port {7}, or to the socket {0}/config/socket/lmtp\n"
      "Administrator: {6}/cyradm --user {8} --port {1} 127.0.0.1\n"
      "More users:    {6}/cyrkit-server add-user {0} NAME\n"
      "Start, stop:   {6}/cyrkit-server start {0}; Ctrl-C ends all of it\n",
      d, ports.imap, ports.imaps, ports.pop3, ports.pop3s, user, bin, ports.lmtp, admin_name);
}

// Replaces this process by master in the foreground.
Result<int> start(const fs::path& top) {
  CYR_TRY(const auto config, load(top));
  const std::string master = find_service("master").string();
  const std::string conf = (top / "imapd.conf").string();
  const std::string services = (top / "cyrus.conf").string();
  std::fflush(nullptr);
  ::execl(master.c_str(), "master", "-C", conf.c_str(), "-M", services.c_str(), "-p",
          (top / "master.pid").c_str(), "-D", "-L", "-", nullptr);
  return system_error(errno, "cannot execute", master);
}

Result<int> serve(const fs::path& top, Arguments arguments) {
  CYR_TRY(const bool there, posix_io().exists(top / "imapd.conf"));
  if (!there) {
    CYR_CHECK(init(top, arguments));
    if (arguments.user.empty()) {
      const char* login = ::getlogin();  // NOLINT(concurrency-mt-unsafe)
      arguments.user = login != nullptr ? login : "me";
    }
    CYR_CHECK(add_user(top, arguments));
    Arguments admin = arguments;
    admin.user = admin_name;
    if (arguments.password.empty()) {
      fmt::print(stderr, "And for the administrator:\n");
    }
    CYR_CHECK(add_user(top, admin));
  }
  explain(top, arguments);
  return start(top);
}

fs::path absolute(const std::string& directory) {
  if (!directory.empty() && directory.front() == '/') {
    return directory;
  }
  std::array<char, 4096> here{};
  const char* const cwd = ::getcwd(here.data(), here.size());
  return fs::path(cwd != nullptr ? cwd : "/") / directory;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("a mail server in a folder, without root", "cyrkit-server");
  app.require_subcommand(1);
  Arguments arguments;
  const auto with_directory = [&](CLI::App* command) {
    command->add_option("directory", arguments.directory, "the server's folder")->required();
    return command;
  };
  const auto with_user = [&](CLI::App* command, bool required) {
    command->add_option("user", arguments.user, "the user's name")->required(required);
    command->add_flag("--password-stdin", arguments.password_stdin,
                      "the password is the first line of standard input");
  };
  auto* const make =
      with_directory(app.add_subcommand("init", "make configuration, certificate and an empty store"));
  make->add_option("--base-port", arguments.base_port, "IMAP is at this + 143 (11000)")
      ->check(CLI::Range(1024, 64000));
  auto* const add = with_directory(app.add_subcommand("add-user", "add a user, or give one a new password"));
  with_user(add, true);
  auto* const run = with_directory(app.add_subcommand("start", "run it in the foreground"));
  auto* const all = with_directory(app.add_subcommand("serve", "make it if it is not there, then run it"));
  with_user(all, false);
  all->add_option("--base-port", arguments.base_port, "IMAP is at this + 143 (11000)")
      ->check(CLI::Range(1024, 64000));
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("cyrkit-server", [&]() -> Result<int> {
    const fs::path top = absolute(arguments.directory);
    if (arguments.password_stdin) {
      CYR_TRY(arguments.password, read_password(arguments.user));
    }
    if (make->parsed()) {
      CYR_CHECK(init(top, arguments));
      explain(top, arguments);
      return 0;
    }
    if (add->parsed()) {
      CYR_CHECK(add_user(top, arguments));
      return 0;
    }
    return run->parsed() ? start(top) : serve(top, std::move(arguments));
  });
}
