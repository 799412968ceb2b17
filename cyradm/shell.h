// The loop: a line, its commands, their outcome. What a failure means (go on, stop, exit status) is decided
// here.
#pragma once

#include <string>
#include <vector>

#include "cyradm/commands/command.h"
#include "cyradm/line_source.h"
#include "cyradm/session.h"

namespace cyr::cyradm {

struct ShellOptions {
  bool stop_at_failure = true;  // of a script; a person goes on
  bool echo = false;            // print the prompt and each line, as the stock shell does for scripts
};

class Shell {
 public:
  Shell(Session& session, ShellOptions options) : session_(session), options_(options) {}

  // Runs `source` to its end, to `exit`, or to the first failure. False when nothing more should be run.
  bool run(LineSource& source);
  // One line; false as above.
  bool run_line(const std::string& text, const std::string& place, OpenQuotes quotes);
  [[nodiscard]] bool failed() const { return failed_; }
  // What the program ends with.
  [[nodiscard]] int exit_status() const;

 private:
  // False when it failed, which has been told then.
  bool run_command(const SimpleCommand& command, const Streams& outer, const std::string& place);
  Status run_words(const SimpleCommand& command);
  void tell(const SimpleCommand& command, const Error& error, const std::string& place);
  bool go_on_after(bool good) const {
    return good || session_.settings().interactive || !options_.stop_at_failure;
  }

  Session& session_;
  ShellOptions options_;
  bool failed_ = false;
};

}  // namespace cyr::cyradm
