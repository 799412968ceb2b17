#include "cyradm/password.h"

#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "format/base/file.h"
#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

constexpr std::size_t longest_password = 4096;  // bytes
constexpr std::uint64_t largest_file = std::uint64_t{1} << 20;
constexpr ::mode_t of_others = 077;
constexpr char control_c = 3;
constexpr char control_d = 4;

std::string first_line(std::string_view text) {
  std::string line(text.substr(0, text.find('\n')));
  if (line.ends_with('\r')) {
    line.pop_back();
  }
  return line;
}

// The text of a file with secrets. A pipe ("<(pass show cyrus)") has no mode to speak of.
Result<std::string> read_secret_file(const std::string& path) {
  CYR_TRY(const File file, File::open(posix_io(), path));
  CYR_TRY(const auto info, file.info());
  if (info.kind != FileKind::regular) {
    std::string out;
    std::array<char, 1024> piece{};
    ::ssize_t count = 0;
    while (out.size() < longest_password && (count = ::read(file.fd(), piece.data(), piece.size())) > 0) {
      out.append(piece.data(), static_cast<std::size_t>(count));
    }
    return out;
  }
  if ((info.mode & of_others) != 0) {
    return make_error(Errc::permission, "others can read this file").at(path).with_hint("chmod 600 " + path);
  }
  if (info.size > largest_file) {
    return make_error(Errc::invalid, "too large to hold a password").at(path);
  }
  std::string out(static_cast<std::size_t>(info.size), '\0');
  CYR_CHECK(
      file.read_exactly(MutableBytes(reinterpret_cast<std::byte*>(out.data()), out.size()), 0));  // NOLINT
  return out;
}

Result<std::string> password_of_command(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "re"), &::pclose);
  if (pipe == nullptr) {
    return system_error(errno, "the password command");
  }
  std::string out;
  std::array<char, 1024> piece{};
  std::size_t count = 0;
  while (out.size() < longest_password &&
         (count = std::fread(piece.data(), 1, piece.size(), pipe.get())) > 0) {
    out.append(piece.data(), count);
  }
  out = first_line(out);
  if (out.empty()) {
    return make_error(Errc::invalid, "the password command printed nothing");
  }
  return out;
}

// Words of a netrc file: blanks part them, "..." holds them together, `macdef` goes on to an empty line.
class NetrcReader {
 public:
  explicit NetrcReader(std::string_view text) : text_(text) {}

  std::optional<std::string> next() {
    skip();
    if (at_ == text_.size()) {
      return {};
    }
    std::string out;
    const bool quoted = text_[at_] == '"';
    at_ += quoted ? 1 : 0;
    while (at_ < text_.size() && (quoted ? text_[at_] != '"' : !is_space(text_[at_]))) {
      if (text_[at_] == '\\' && quoted && at_ + 1 < text_.size()) {
        ++at_;
      }
      out.push_back(text_[at_++]);
    }
    at_ = std::min(at_ + (quoted ? 1U : 0U), text_.size());
    return out;
  }
  void skip_macro() {
    const auto end = text_.find("\n\n", at_);
    at_ = end == std::string_view::npos ? text_.size() : end;
  }

 private:
  void skip() {
    while (at_ < text_.size() && (is_space(text_[at_]) || text_[at_] == '#')) {
      at_ = text_[at_] == '#' ? std::min(text_.find('\n', at_), text_.size()) : at_ + 1;
    }
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

std::string default_netrc() {
  const char* home = std::getenv("HOME");
  return home != nullptr ? std::string(home) + "/.netrc" : std::string();
}

// Nothing when the file is not there, or not for us.
Result<std::optional<std::string>> from_netrc(const PasswordOptions& options, const std::string& host,
                                              const std::string& user) {
  const bool named = !options.netrc_file.empty();
  const std::string path = named ? options.netrc_file : default_netrc();
  if (path.empty()) {
    return std::optional<std::string>();
  }
  auto text = read_secret_file(path);
  if (!text) {
    if (!named) {
      return std::optional<std::string>();
    }
    return std::move(text).error();
  }
  CYR_TRY(auto password, netrc_password(*text, host, user));
  if (named && !password) {
    return make_error(Errc::not_found, "no password for " + user + " on " + host).at(path);
  }
  return password;
}

// The terminal, silent for as long as this lives.
class SilentTerminal {
 public:
  explicit SilentTerminal(int fd) : fd_(fd) {
    good_ = ::tcgetattr(fd, &before_) == 0;
    ::termios silent = before_;
    silent.c_lflag &= ~static_cast<::tcflag_t>(ECHO | ICANON | ISIG);
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    good_ = good_ && ::tcsetattr(fd, TCSAFLUSH, &silent) == 0;
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  ~SilentTerminal() {
    if (good_) {
      (void)::tcsetattr(fd_, TCSANOW, &before_);
    }
  }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool erases(char c) const {
    return c == '\x7f' || c == '\b' || static_cast<::cc_t>(c) == before_.c_cc[VERASE];
  }
  [[nodiscard]] bool kills(char c) const { return static_cast<::cc_t>(c) == before_.c_cc[VKILL]; }

 private:
  int fd_;
  ::termios before_{};
  bool good_ = false;
};

Result<std::string> read_silently(int fd, const std::string& prompt) {
  const SilentTerminal terminal(fd);
  if (!terminal.good()) {
    return make_error(Errc::invalid, "there is no terminal to ask for the password on");
  }
  (void)!::write(fd, prompt.data(), prompt.size());  // only now: what is typed before could be seen
  std::string out;
  char c = '\0';
  while (true) {
    const ::ssize_t count = ::read(fd, &c, 1);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0 || c == control_c || (c == control_d && out.empty())) {
      return make_error(Errc::cancelled, "no password was given");
    }
    if (c == '\n' || c == '\r') {
      return out;
    }
    if (terminal.kills(c)) {
      out.clear();
    } else if (terminal.erases(c)) {
      out.resize(out.empty() ? 0 : out.size() - 1);
    } else if (out.size() < longest_password) {
      out.push_back(c);
    }
  }
}

}  // namespace

Result<std::optional<std::string>> netrc_password(std::string_view text, const std::string& host,
                                                  const std::string& user) {
  NetrcReader reader(text);
  bool fits = false;  // the entry that we are in
  std::optional<std::string> password;
  while (auto word = reader.next()) {
    if (*word == "machine" || *word == "default") {
      if (fits && password) {
        break;
      }
      password.reset();
      const auto name = *word == "machine" ? reader.next() : std::nullopt;
      fits = *word == "default" || (name && equal_ignoring_case(*name, host));
    } else if (*word == "macdef") {
      reader.skip_macro();
    } else if (const auto value = reader.next(); *word == "login") {
      fits = fits && value && *value == user;
    } else if (*word == "password") {
      password = value;
    } else if (*word != "account" && *word != "port" && *word != "protocol") {
      return make_error(Errc::invalid, "\"" + printable(*word) + "\" has no meaning in a netrc file");
    }
  }
  return fits ? password : std::nullopt;
}

bool password_is_asked(const PasswordOptions& options) {
  return options.file.empty() && options.command.empty() && options.netrc_file.empty();
}

Result<std::string> ask_password(const std::string& prompt) {
  CYR_TRY(const File terminal, [] {
    auto opened = File::open(posix_io(), "/dev/tty", {.write = true});
    return opened ? std::move(opened)
                  : Result<File>(
                        make_error(Errc::invalid, "there is no terminal to ask for the password on")
                            .with_hint("--password-file FILE, --netrc FILE or --password-command COMMAND"));
  }());
  auto password = read_silently(terminal.fd(), prompt);
  (void)!::write(terminal.fd(), "\n", 1);
  return password;
}

Result<std::string> find_password(const PasswordOptions& options, const std::string& host,
                                  const std::string& user) {
  if (!options.command.empty()) {
    return password_of_command(options.command);
  }
  if (!options.file.empty()) {
    CYR_TRY(const std::string text, read_secret_file(options.file));
    const std::string password = first_line(text);
    if (password.empty()) {
      return make_error(Errc::invalid, "there is no password in its first line").at(options.file);
    }
    return password;
  }
  CYR_TRY(auto password, from_netrc(options, host, user));
  return password ? std::move(*password) : ask_password("Password: ");
}

}  // namespace cyr::cyradm
