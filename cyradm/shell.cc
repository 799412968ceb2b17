#include "cyradm/shell.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "cyradm/external.h"
#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

constexpr std::string_view more_prompt = "> ";
constexpr std::size_t close_enough = 2;  // edits between a mistyped word and a command

bool is_comment(std::string_view line) {
  const auto first = line.find_first_not_of(" \t");
  return first != std::string_view::npos && line[first] == '#';
}

// Levenshtein's distance, one row at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// The command that a word which is none may be meant to be.
std::string_view nearest_command(std::string_view word) {
  std::string_view best;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const auto* command : all_commands()) {
    if (word.size() > 3 && command->name.starts_with(word)) {
      return command->name;
    }
    const std::size_t own = word.size() < 64 ? distance(word, command->name) : least;
    if (own < least) {
      least = own;
      best = command->name;
    }
  }
  return least <= close_enough && word.size() > close_enough + 1 ? best : std::string_view();
}

}  // namespace

bool Shell::run(LineSource& source) {
  std::string text;
  while (!session_.exit_requested()) {
    const std::string prompt = text.empty() ? session_.prompt_name() + "> " : std::string(more_prompt);
    if (options_.echo) {
      session_.out().write(prompt);
    }
    auto line = source.next(prompt);
    if (!line) {
      if (line.error().code == Errc::cancelled) {
        text.clear();
        continue;
      }
      session_.print_error("cyradm: " + line.error().text());
      failed_ = true;
      return false;
    }
    if (!*line && text.empty()) {
      (void)session_.out().flush();
      return true;
    }
    if (!*line) {
      session_.print_error("cyradm: " + source.place() + ": a quote is not closed");
      failed_ = true;
      return go_on_after(false);
    }
    if (options_.echo) {
      session_.out().print("{}\n", **line);
    }
    const bool inside = !text.empty();
    text += inside ? "\n" + **line : **line;
    if (inside && (*line)->find_first_of("\"'") == std::string::npos && text.size() < max_shell_line) {
      continue;  // no quote that could close the open one
    }
    const auto parsed = parse_line(text, environment_variable, source.quotes());
    if (parsed && parsed->open_quote && source.quotes() == OpenQuotes::need_more && !is_comment(text)) {
      continue;
    }
    const std::string whole = std::exchange(text, {});
    if (!whole.empty()) {
      source.remember(whole);
    }
    if (!run_line(whole, source.place(), source.quotes())) {
      return false;
    }
  }
  return false;
}

bool Shell::run_line(const std::string& text, const std::string& place, OpenQuotes quotes) {
  if (is_comment(text)) {
    return true;
  }
  const auto parsed = parse_line(text, environment_variable, quotes);
  if (!parsed) {
    session_.print_error(session_.settings().interactive || session_.settings().compat
                             ? parsed.error().text()
                             : "cyradm: " + place + ": " + parsed.error().text());
    failed_ = true;
    return go_on_after(false);
  }
  const Streams outer(session_.streams());
  for (const auto& command : parsed->commands) {
    if (!run_command(command, outer, place)) {
      failed_ = true;
      if (!go_on_after(false)) {
        return false;
      }
    }
    if (session_.exit_requested()) {
      return false;
    }
  }
  return true;
}

bool Shell::run_command(const SimpleCommand& command, const Streams& outer, const std::string& place) {
  const Command* known = command.words.empty() ? nullptr : find_command(command.words.front());
  if (known == nullptr && !command.words.empty()) {
    (void)session_.out().flush();
    const Status done = run_external(command);  // whose shell does the redirections
    if (!done) {
      tell(command, done.error(), place);
    }
    return done.has_value();
  }
  Streams streams(outer);
  Status done = success();
  for (const auto& redirect : command.redirects) {
    if (done) {
      done = streams.apply(redirect);
    }
  }
  Streams* const before = session_.exchange_streams(&streams);
  if (done && known != nullptr) {
    done = run_words(command);
  }
  session_.set_json_once(false);
  if (!done) {
    tell(command, done.error(), place);  // where its standard error goes
  }
  const Status flushed = streams.flush();
  session_.exchange_streams(before);
  if (done && !flushed) {
    tell(command, flushed.error(), place);
  }
  return done && flushed;
}

Status Shell::run_words(const SimpleCommand& command) {
  const Command& known = *find_command(command.words.front());
  CYR_TRY(const auto arguments, parse_arguments(known, {command.words.begin() + 1, command.words.end()}));
  if (known.needs_server) {
    CYR_CHECK(session_.backend());
  }
  return known.run(session_, arguments);
}

// The stock shell's words; a script that nobody watches also gets where it was and with what; a person the
// mailbox.
void Shell::tell(const SimpleCommand& command, const Error& error, const std::string& place) {
  const std::string reason = error.text();
  const Command* known = command.words.empty() ? nullptr : find_command(command.words.front());
  const bool usage = reason.starts_with("usage: ");
  const bool printed = session_.take_reported();
  std::string stock = reason;
  if (known != nullptr && !usage &&
      (!known->bare_errors || error.code == Errc::unsupported || reason == "no connection to server")) {
    stock = std::string(known->printed_name()) + ": " + reason;
  }
  if (session_.settings().interactive && known != nullptr && !usage && command.words.size() > 1) {
    const std::string& subject = command.words[1];
    const bool named = reason.find(subject) != std::string::npos || subject.starts_with('-');
    stock = std::string(known->printed_name()) + ": " + (named ? "" : subject + ": ") + reason;
  }
  if (!printed) {
    session_.print_error(stock);
  }
  if (known == nullptr && error.code == Errc::not_found && !command.words.empty() &&
      !session_.settings().compat) {
    if (const auto near = nearest_command(command.words.front()); !near.empty()) {
      session_.print_error("did you mean " + std::string(near) + "?");
    }
  }
  if (!session_.settings().interactive && !session_.settings().compat && !place.empty()) {
    std::string line = reason;
    std::replace(line.begin(), line.end(), '\n', ';');
    session_.print_error("cyradm: " + place + ": " + quote_words(command.words) + ": " + line);
  }
  if (!error.hint.empty()) {
    session_.print_error("hint: " + error.hint);
  }
}

int Shell::exit_status() const {
  if (session_.exit_requested() && session_.exit_status()) {
    return *session_.exit_status();
  }
  const bool counts = failed_ && !session_.settings().interactive && !session_.settings().compat;
  return counts ? 1 : 0;
}

}  // namespace cyr::cyradm
