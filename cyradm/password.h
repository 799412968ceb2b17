// Where the password comes from: a file, a netrc file, a program, or the person at the terminal. Never the
// command line, which everybody on the machine can read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::cyradm {

struct PasswordOptions {
  std::string file;        // its first line
  std::string command;     // for /bin/sh; the first line of what it prints
  std::string netrc_file;  // "": ~/.netrc, if it is there, has an entry for us and nobody else can read it
};

// Errc::permission for a file that others can read, Errc::cancelled for Ctrl-C or Ctrl-D at the prompt,
// Errc::invalid when there is nobody to ask.
Result<std::string> find_password(const PasswordOptions& options, const std::string& host,
                                  const std::string& user);
// True when find_password would ask a person.
[[nodiscard]] bool password_is_asked(const PasswordOptions& options);

// Asks on /dev/tty, without showing what is typed.
Result<std::string> ask_password(const std::string& prompt);

// The password that a netrc file has for `user` on `host`: the first `machine` (or `default`) that fits; one
// without `login` fits every user. Errc::invalid with the line for what is no netrc file.
Result<std::optional<std::string>> netrc_password(std::string_view text, const std::string& host,
                                                  const std::string& user);

}  // namespace cyr::cyradm
