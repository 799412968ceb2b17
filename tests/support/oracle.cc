#include "tests/support/oracle.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/filesystem/fstream.hpp>
#include <boost/filesystem/operations.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "format/base/io.h"

namespace cyr::test::oracle {
namespace {

// The user that the real programs run as when we are root; the wrapper says the same.
constexpr const char* unprivileged = "nobody";

bool is_root() { return ::geteuid() == 0; }

fs::path home() {
  const char* named = std::getenv("CYRKIT_ORACLE");
  return named != nullptr ? fs::path(named) : fs::path(CYRKIT_ORACLE_DEFAULT);
}

std::string wrapper() { return (home() / "run").string(); }

std::system_error failure(const char* what) { return {errno, std::generic_category(), what}; }

// True when everybody may enter every directory above `path`.
bool reachable_by_all(const fs::path& path) {
  for (fs::path at = fs::canonical(path); !at.empty(); at = at.parent_path()) {
    const auto info = posix_io().stat(at);
    if (!info || (info->mode & 0001U) == 0) {
      return false;
    }
  }
  return true;
}

void change_owner(const fs::path& top, ::uid_t uid, ::gid_t gid) {
  if (::lchown(top.c_str(), uid, gid) != 0) {
    throw failure("lchown");
  }
  for (const auto& entry : fs::recursive_directory_iterator(top)) {
    if (::lchown(entry.path().c_str(), uid, gid) != 0) {
      throw failure("lchown");
    }
  }
}

::sockaddr_in loopback(int port) {
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// The socket interface wants the generic address type.
const ::sockaddr* generic(const ::sockaddr_in& address) {
  return reinterpret_cast<const ::sockaddr*>(&address);  // NOLINT
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  ::socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, generic(address), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<::sockaddr*>(&address), &size) != 0) {  // NOLINT
    throw failure("no free port");
  }
  ::close(fd);
  return ntohs(address.sin_port);
}

// A connected socket, or -1.
int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  if (fd >= 0 && ::connect(fd, generic(address), sizeof address) != 0) {
    ::close(fd);
    return -1;
  }
  constexpr ::timeval patience{60, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

}  // namespace

std::string why_not() {
  if (!fs::exists(wrapper())) {
    return fmt::format("no real Cyrus in {} (scripts/fetch-oracle fetches it)", home().string());
  }
  const auto result = run("cyr_info", {"-C", (home() / "imapd.conf").string(), "version"});
  if (result.out.rfind("cyrus-imapd 3.6.1", 0) != 0) {
    return fmt::format("the real Cyrus in {} does not start: {}{}", home().string(), result.out, result.err);
  }
  return {};
}

bool available() { return why_not().empty(); }

int gate() {
  const std::string reason = why_not();
  if (reason.empty()) {
    return 0;
  }
  const char* required = std::getenv("CYRKIT_REQUIRE_ORACLE");
  const bool fatal = required != nullptr && *required != '\0';
  (void)std::fprintf(stderr, "%s: %s\n", fatal ? "failed" : "skipped", reason.c_str());
  constexpr int skip_return_code = 77;
  return fatal ? 1 : skip_return_code;
}

void hand_over(const TempStore& store) {
  if (!is_root()) {
    return;
  }
  const ::passwd* user = ::getpwnam(unprivileged);
  if (user == nullptr) {
    throw std::runtime_error("there is no user nobody");
  }
  change_owner(store.root(), user->pw_uid, user->pw_gid);
}

void take_back(const TempStore& store) {
  if (is_root()) {
    change_owner(store.root(), 0, 0);
  }
}

RunResult run(std::string_view program, std::vector<std::string> arguments, const RunOptions& options) {
  arguments.insert(arguments.begin(), {wrapper(), std::string(program)});
  return run_command(arguments, options);
}

RunResult run(std::string_view program, const TempStore& store, std::vector<std::string> arguments,
              const RunOptions& options) {
  arguments.insert(arguments.begin(), {"-C", store.conf()});
  return run(program, std::move(arguments), options);
}

Server::Server(const TempStore& store) : programs_((home() / "root/usr/lib/cyrus/bin").string()) {
  hand_over(store);
  if (is_root() && !reachable_by_all(programs_)) {
    // Root runs the test in a directory of its own; the services need one that they can enter.
    const std::vector<std::string> argv = {"cp", "-a", home().string(), (dir_ / "oracle").string()};
    if (const auto result = run_command(argv); result.status != 0) {
      throw std::runtime_error(describe(argv, result));
    }
    programs_ = (dir_ / "oracle/root/usr/lib/cyrus/bin").string();
  }
  imap_port_ = free_port();
  lmtp_port_ = free_port();
  write_service_file(store);
  start(store);
  try {
    wait_until_up();
  } catch (...) {
    stop();
    throw;
  }
}

Server::~Server() { stop(); }

// Every line names the configuration: the master does not hand its own on.
void Server::write_service_file(const TempStore& store) const {
  fs::ofstream out(dir_ / "cyrus.conf");
  out << fmt::format(
      "START {{\n  recover cmd=\"{0}/ctl_cyrusdb -C {1} -r\"\n}}\n"
      "SERVICES {{\n"
      "  imap cmd=\"{0}/imapd -C {1}\" listen=\"127.0.0.1:{2}\" proto=\"tcp4\" prefork=0\n"
      "  lmtp cmd=\"{0}/lmtpd -C {1} -a\" listen=\"127.0.0.1:{3}\" proto=\"tcp4\" prefork=0\n"
      "}}\nEVENTS {{\n}}\n",
      programs_, store.conf(), imap_port_, lmtp_port_);
}

void Server::start(const TempStore& store) {
  const fs::path oracle =
      fs::path(programs_).parent_path().parent_path().parent_path().parent_path().parent_path();
  const std::vector<std::string> argv = {
      (oracle / "run").string(), "master", "-C", store.conf(), "-M", (dir_ / "cyrus.conf").string(), "-p",
      (dir_ / "pid").string()};
  const std::string log = (dir_ / "log").string();
  pid_ = ::fork();
  if (pid_ < 0) {
    throw failure("fork");
  }
  if (pid_ > 0) {
    return;
  }
  ::setpgid(0, 0);
  if (std::freopen("/dev/null", "r", stdin) == nullptr || std::freopen(log.c_str(), "w", stdout) == nullptr) {
    ::_exit(126);
  }
  ::dup2(1, 2);
  std::vector<char*> raw;
  for (const auto& word : argv) {
    raw.push_back(
        const_cast<char*>(word.c_str()));  // NOLINT(cppcoreguidelines-pro-type-const-cast): execv's signature
  }
  raw.push_back(nullptr);
  ::execv(raw[0], raw.data());
  ::_exit(127);
}

void Server::wait_until_up() {
  constexpr int attempts = 300;
  for (int i = 0; i < attempts; ++i) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      break;
    }
    if (const int fd = connect_to(imap_port_); fd >= 0) {
      char first = 0;
      const bool greeted = ::recv(fd, &first, 1, 0) == 1;
      ::close(fd);
      if (greeted) {
        return;
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  throw std::runtime_error("the real Cyrus server did not come up: " + read_text(dir_ / "log"));
}

void Server::stop() {
  if (pid_ < 0) {
    return;
  }
  ::kill(pid_, SIGTERM);
  constexpr int attempts = 100;
  bool gone = false;
  for (int i = 0; i < attempts && !gone; ++i) {
    gone = ::waitpid(pid_, nullptr, WNOHANG) != 0;
    if (!gone) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  ::kill(-pid_, SIGKILL);  // services that are still there
  if (!gone) {
    ::waitpid(pid_, nullptr, 0);
  }
  pid_ = -1;
}

ImapClient::ImapClient(int port) : fd_(connect_to(port)) {
  if (fd_ < 0) {
    throw failure("connect");
  }
  read_response();
}

ImapClient::~ImapClient() { ::close(fd_); }

void ImapClient::fill() {
  std::array<char, 65536> chunk{};
  const ::ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
  if (got <= 0) {
    throw std::runtime_error("the server closed the connection or said nothing for a minute");
  }
  pending_.append(chunk.data(), static_cast<std::size_t>(got));
}

std::string ImapClient::read_line() {
  std::size_t end = 0;
  while ((end = pending_.find("\r\n")) == std::string::npos) {
    fill();
  }
  std::string line = pending_.substr(0, end);
  pending_.erase(0, end + 2);
  return line;
}

// A line, and as long as it ends in {N}, N bytes and the rest of the line after them.
std::string ImapClient::read_response() {
  std::string out = read_line();
  while (!out.empty() && out.back() == '}') {
    const auto open = out.rfind('{');
    const std::size_t size =
        open == std::string::npos ? 0 : std::strtoul(out.c_str() + open + 1, nullptr, 10);
    while (pending_.size() < size) {
      fill();
    }
    out.append("\r\n").append(pending_, 0, size);
    pending_.erase(0, size);
    out += read_line();
  }
  return out;
}

std::vector<std::string> ImapClient::command(std::string_view text) {
  const std::string tag = fmt::format("t{}", ++tag_);
  const std::string line = fmt::format("{} {}\r\n", tag, text);
  if (::send(fd_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<::ssize_t>(line.size())) {
    throw failure("send");
  }
  std::vector<std::string> out;
  do {
    out.push_back(read_response());
  } while (out.back().rfind(tag + " ", 0) != 0);
  return out;
}

std::vector<std::string> ImapClient::ok(std::string_view text) {
  auto out = command(text);
  const std::string last = out.back();
  out.pop_back();
  if (last.find(" OK") == std::string::npos || last.find(" OK") != last.find(' ')) {
    throw std::runtime_error(fmt::format("{}: {}", text, last));
  }
  return out;
}

void ImapClient::login(std::string_view user) { ok(fmt::format("LOGIN {} secret", quoted(user))); }

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out + "\"";
}

}  // namespace cyr::test::oracle
