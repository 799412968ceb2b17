// What Tab offers: commands, options, mailboxes (asked of the server, remembered for some seconds),
// identifiers, rights, partitions, resources and entries, by what the command says of its words. Knows
// nothing of readline.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cyradm/commands/command.h"
#include "cyradm/session.h"

namespace cyr::cyradm {

struct Candidates {
  std::vector<std::string> words;  // unquoted, sorted
  bool files = false;              // file names instead
  bool open_ended = false;         // no blank after the word: a mailbox that has others below it
};

class Completer {
 public:
  explicit Completer(Session& session) : session_(session) {}
  // `before`: the line up to the word; `word`: what of it is typed, unquoted.
  Candidates complete(std::string_view before, const std::string& word);

 private:
  using Clock = std::chrono::steady_clock;
  struct Level {
    std::vector<std::string> names;
    Clock::time_point asked;
  };

  Candidates candidates_for(Word kind, const std::string& word);
  Candidates mailboxes(const std::string& word);
  std::vector<std::string> identifiers(const std::string& word);
  const std::vector<std::string>& level(const std::string& pattern);

  Session& session_;
  std::map<std::string, Level> levels_;  // by pattern
};

}  // namespace cyr::cyradm
