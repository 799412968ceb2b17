// deliver: hands the message on standard input to lmtpd, for programs that do not speak LMTP (server.md 4).
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "format/wire/connection.h"

namespace {

using namespace cyr;

constexpr int exit_no_user = 67;
constexpr std::size_t longest_reply = 4096;

struct Arguments {
  cli::CommonOptions common;
  std::string mailbox;
  std::string poster;
  std::string return_path;
  bool ignore_quota = false;
  bool pass_through = false;
  std::vector<std::string> users;
};

Result<int> connect_to(const std::string& path) {
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return make_error(Errc::config, "lmtpsocket is longer than a socket's name can be").at(path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd == -1) {
    return system_error(errno, "cannot make a socket");
  }
  if (::connect(fd, reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) {  // NOLINT
    Error error = system_error(errno, "cannot connect to lmtpd", path)
                      .with_hint(
                          "is master running? lmtpsocket in "
                          "imapd.conf has to be what lmtpd "
                          "listens on in cyrus.conf");
    ::close(fd);
    return error;
  }
  return fd;
}

class Client {
 public:
  explicit Client(int fd) : connection_(fd, fd) { connection_.set_timeout(std::chrono::minutes(10)); }

  // The last line of the reply.
  Result<std::string> reply() {
    while (true) {
      CYR_TRY(std::string line, connection_.read_line(longest_reply));
      if (line.size() < 4 || line[3] != '-') {
        return line;
      }
    }
  }
  Result<std::string> command(const std::string& text) {
    connection_.write(text + "\r\n");
    return reply();
  }
  // Standard input with its line ends made CRLF and its dots doubled.
  Status send_message() {
    std::array<char, 65536> buffer{};
    bool line_start = true;
    char last = '\n';
    while (true) {
      const ::ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
      if (count == -1 && errno == EINTR) {
        continue;
      }
      if (count == -1) {
        return system_error(errno, "cannot read the message");
      }
      if (count == 0) {
        break;
      }
      std::string out;
      for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(count))) {
        if (line_start && c == '.') {
          out += '.';
        }
        if (c == '\n' && last != '\r') {
          out += '\r';
        }
        out += c;
        line_start = c == '\n';
        last = c;
      }
      connection_.write(out);
      CYR_CHECK(connection_.flush());
    }
    connection_.write(line_start ? ".\r\n" : "\r\n.\r\n");
    return connection_.flush();
  }

 private:
  wire::Connection connection_;
};

// sysexits of an LMTP reply.
int status_of(std::string_view reply) {
  const char first = reply.empty() ? '4' : reply.front();
  if (first == '2') {
    return cli::exit_ok;
  }
  if (first == '4') {
    return cli::exit_temporary;
  }
  if (reply.find(" 5.1.1 ") != std::string_view::npos) {
    return exit_no_user;
  }
  return reply.find(" 5.7.1 ") != std::string_view::npos ? cli::exit_permission : cli::exit_unavailable;
}

// One that was refused for now makes the whole call one to repeat: duplicates are suppressed.
int worse(int a, int b) {
  if (a == cli::exit_temporary || b == cli::exit_ok) {
    return a;
  }
  return b == cli::exit_temporary || a == cli::exit_ok ? b : a;
}

std::vector<std::string> recipients_of(const Arguments& arguments) {
  const std::string detail = arguments.mailbox.empty() ? "" : "+" + arguments.mailbox;
  if (arguments.users.empty()) {
    return {detail};
  }
  std::vector<std::string> out;
  for (const auto& user : arguments.users) {
    const auto at = std::min(user.find('@'), user.size());
    out.push_back(user.substr(0, at) + detail + user.substr(at));
  }
  return out;
}

int report(const std::string& who, const std::string& reply) {
  const int status = status_of(reply);
  if (status != cli::exit_ok) {
    cli::print_error("deliver", make_error(Errc::invalid, who + ": " + printable(reply)));
  }
  return status;
}

Result<int> deliver(Client& client, const Arguments& arguments) {
  CYR_TRY(const std::string greeting, client.reply());
  CYR_TRY(const std::string hello, client.command("LHLO localhost"));
  std::string mail = fmt::format("MAIL FROM:<{}>", arguments.return_path);
  mail += arguments.poster.empty() ? "" : " AUTH=" + arguments.poster;
  CYR_TRY(const std::string taken, client.command(mail));
  for (const std::string& reply : {greeting, hello, taken}) {
    if (const int status = status_of(reply); status != cli::exit_ok) {
      return report("lmtpd", reply);
    }
  }
  int status = cli::exit_ok;
  std::vector<std::string> accepted;
  for (const auto& recipient : recipients_of(arguments)) {
    const char* const quota = arguments.ignore_quota ? " IGNOREQUOTA" : "";
    CYR_TRY(const std::string reply, client.command(fmt::format("RCPT TO:<{}>{}", recipient, quota)));
    if (reply.front() == '2') {
      accepted.push_back(recipient);
    }
    status = worse(status, report(recipient, reply));
  }
  if (accepted.empty()) {
    return status;
  }
  CYR_TRY(const std::string go, client.command("DATA"));
  if (go.substr(0, 3) != "354") {
    return report("lmtpd", go);
  }
  CYR_CHECK(client.send_message());
  for (const auto& recipient : accepted) {
    CYR_TRY(const std::string reply, client.reply());
    status = worse(status, report(recipient, reply));
  }
  (void)client.command("QUIT");
  return status;
}

// -l: an MTA speaks LMTP itself, on standard input and output.
Result<int> pass_through(int fd) {
  std::array<::pollfd, 2> list{{{STDIN_FILENO, POLLIN, 0}, {fd, POLLIN, 0}}};
  std::array<char, 65536> buffer{};
  const auto copy = [&buffer](int from, int to) {
    const ::ssize_t count = ::read(from, buffer.data(), buffer.size());
    for (::ssize_t at = 0; at < count;) {
      const ::ssize_t written = ::write(to, buffer.data() + at, static_cast<std::size_t>(count - at));
      if (written <= 0) {
        return false;
      }
      at += written;
    }
    return count > 0;
  };
  while (::poll(list.data(), list.size(), -1) > 0) {
    if (list[1].revents != 0 && !copy(fd, STDOUT_FILENO)) {
      break;
    }
    if (list[0].revents != 0 && !copy(STDIN_FILENO, fd)) {
      ::shutdown(fd, SHUT_WR);
      list[0].fd = -1;
    }
  }
  ::close(fd);
  return 0;
}

Result<int> run(const Arguments& arguments) {
  if (arguments.users.empty() && arguments.mailbox.empty() && !arguments.pass_through) {
    return make_error(Errc::invalid, "nobody to deliver to")
        .with_hint("name a user, or a shared mailbox with -m");
  }
  const conf::LoadRequest request{.ident = "deliver", .prefix = conf::prefix_from_environment()};
  CYR_TRY(const auto config, conf::Config::load(posix_io(), arguments.common.config_file, request));
  const auto fd = connect_to(std::string(config.text(conf::Option::lmtpsocket)));
  if (!fd) {  // whatever the reason: an MTA that gets another status sends the mail back
    cli::print_error("deliver", fd.error());
    return static_cast<int>(cli::exit_temporary);
  }
  if (arguments.pass_through) {
    return pass_through(*fd);
  }
  Client client(*fd);
  auto status = deliver(client, arguments);
  if (!status && status.error().code == Errc::io) {  // the MTA shall try again
    cli::print_error("deliver", status.error());
    return static_cast<int>(cli::exit_temporary);
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("deliver the message on standard input", "deliver");
  Arguments arguments;
  cli::add_common_options(app, arguments.common, {.json = false});
  app.add_option("-m", arguments.mailbox, "below the user's INBOX; without a user: a shared mailbox");
  app.add_option("-a", arguments.poster, "who posts, for the rights of shared mailboxes");
  app.add_option("-r,-f", arguments.return_path, "the sender's address");
  app.add_flag("-q", arguments.ignore_quota, "also over quota");
  app.add_flag("-l", arguments.pass_through, "speak LMTP on standard input and output");
  app.add_option("user", arguments.users, "who gets it");
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const int status = cli::run_program("deliver", [&] { return run(arguments); });
  return status == cli::exit_failed ? static_cast<int>(cli::exit_temporary) : status;
}
