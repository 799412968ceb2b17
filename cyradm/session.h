// What a command works with: the backend, where to print, how to ask. One per program; commands hold nothing
// between runs but what is here.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cyradm/backend.h"
#include "cyradm/output.h"

namespace cyr::cyradm {

// From the command line, for the whole program.
struct Settings {
  bool json = false;         // --json: every listing as one JSON object a line
  bool dry_run = false;      // --dry-run: say what would be done
  bool undo_hints = false;   // say how to take a change back
  bool yes = false;          // --yes: ask nothing
  bool interactive = false;  // a person is typing
  bool utf8_names = false;   // show mailbox names decoded
  bool compat = false;       // --compat-exit: messages and exit status as the stock shell has them
};

// "SUBJECT: what was wrong", everything else about the error folded into its text.
[[nodiscard]] Error prefixed(Error error, const std::string& subject);

// Connects to a server as the program's options say, and logs in.
using Connector = std::function<Result<std::unique_ptr<Backend>>(const std::string& server, bool log_in)>;
// Asks on the terminal; true for yes.
using Question = std::function<bool(const std::string& question)>;

class Session {
 public:
  explicit Session(Settings settings) : settings_(settings) {}

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] bool json() const { return settings_.json || json_once_; }
  void set_json_once(bool on) { json_once_ = on; }

  // Errc::invalid "no connection to server".
  Result<Backend*> backend();
  [[nodiscard]] bool connected() const { return backend_ != nullptr; }
  void set_backend(std::unique_ptr<Backend> backend);
  void set_connector(Connector connector) { connector_ = std::move(connector); }
  Status connect(const std::string& server, bool log_in);
  // "mail.example.org" or "cyradm", for the prompt.
  [[nodiscard]] std::string prompt_name() const;

  [[nodiscard]] Output& out() { return streams_->at(1); }
  [[nodiscard]] Output& err() { return streams_->at(2); }
  [[nodiscard]] int input_fd() { return streams_->at(0).fd(); }
  [[nodiscard]] const Streams& streams() const { return *streams_; }
  Streams* exchange_streams(Streams* streams) { return std::exchange(streams_, streams); }
  void print_json(const nlohmann::ordered_json& object);

  void set_question(Question question) { question_ = std::move(question); }
  // True at once unless a person is typing who can be asked.
  [[nodiscard]] bool confirm(const std::string& question);

  // The mailbox a word names, as it goes to the backend: UTF-8 becomes modified UTF-7, anything else stays.
  [[nodiscard]] std::string mailbox_name(const std::string& word) const;
  // As a person reads it: decoded with utf8_names, control characters shown.
  [[nodiscard]] std::string shown_name(const std::string& mailbox) const;
  [[nodiscard]] static bool is_pattern(std::string_view word);
  // The mailboxes a pattern matches that can be changed, in the store's order: those that only hold others
  // are left out.
  Result<std::vector<std::string>> matching(const std::string& pattern);

  // `act` on the mailbox that `word` names, or on every match of a pattern with "VERB NAME...OK." lines; the
  // first error ends it. A person sees what will be touched first, and is asked.
  Status for_each_mailbox(const std::string& word, std::string_view verb,
                          const std::function<Status(const std::string& mailbox)>& act);

  // The command line that takes back what is about to be done; printed when hints are wanted.
  void undo_hint(const std::vector<std::string>& words);
  [[nodiscard]] bool wants_undo() const { return settings_.undo_hints && !settings_.dry_run; }

  // One line on standard error, after what is waiting for standard output.
  void print_error(std::string_view text);
  // A command that has printed its error itself returns reported(error), so that it is not printed again.
  Error reported(Error error);
  [[nodiscard]] bool take_reported() { return std::exchange(reported_, false); }

  // `exit` was given, with this status if any.
  void request_exit(std::optional<int> status) {
    exit_ = true;
    exit_status_ = status;
  }
  [[nodiscard]] bool exit_requested() const { return exit_; }
  // Nothing: none was named.
  [[nodiscard]] std::optional<int> exit_status() const { return exit_status_; }

  // Names seen in listings, for completion.
  void remember_identifier(const std::string& id);
  [[nodiscard]] const std::vector<std::string>& identifiers() const { return identifiers_; }

 private:
  Result<bool> confirm_matches(const std::vector<std::string>& matches, std::string_view verb);

  Settings settings_;
  std::unique_ptr<Backend> backend_;
  Connector connector_;
  Question question_;
  Streams own_streams_;
  Streams* streams_ = &own_streams_;
  bool json_once_ = false;
  bool reported_ = false;
  bool exit_ = false;
  std::optional<int> exit_status_;
  std::vector<std::string> identifiers_;
};

}  // namespace cyr::cyradm
