// The batch mode of cyr_dbtool: BEGIN COMMIT ABORT SHOW GET SET DELETE, arguments as IMAP astrings
// (cyrusdb.md 12.1).
#include <cstdio>

#include "format/base/text.h"
#include "format/text/imap_string.h"
#include "quotatool/cyr_dbtool_actions.h"

namespace cyr::quotatool {

namespace {

constexpr std::uint64_t max_command = std::uint64_t{1} << 30;  // bytes, literals included

// The size that a line announces for a literal after it: "... {5+}" or "... {5}".
std::optional<std::uint64_t> announced_literal(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) {
    line.remove_suffix(1);
  }
  const std::size_t open = line.rfind('{');
  if (open == std::string_view::npos || !line.ends_with('}')) {
    return {};
  }
  std::string_view digits = line.substr(open + 1, line.size() - open - 2);
  if (digits.ends_with('+')) {
    digits.remove_suffix(1);
  }
  return parse_number<std::uint64_t>(digits);
}

// Commands from standard input, each with the literals that belong to it.
class CommandReader {
 public:
  // Nothing at the end of the input.
  Result<std::optional<std::string>> next() {
    std::string command;
    std::size_t line_start = 0;
    while (true) {
      if (!read_line(command) && command.size() == line_start) {
        return command.empty() ? std::optional<std::string>() : std::optional(command);
      }
      const auto literal = announced_literal(std::string_view(command).substr(line_start));
      if (!literal) {
        return std::optional(command);
      }
      if (*literal > max_command || command.size() + *literal > max_command) {
        return make_error(Errc::invalid, "a command of more than 1 GiB");
      }
      for (std::uint64_t i = 0; i < *literal; ++i) {
        const int c = std::getc(stdin);
        if (c == EOF) {
          return make_error(Errc::invalid, "the input ends inside a literal");
        }
        command += static_cast<char>(c);
      }
      line_start = command.size();
    }
  }
  [[nodiscard]] std::uint64_t line() const { return line_; }

 private:
  bool read_line(std::string& out) {
    bool any = false;
    for (int c = std::getc(stdin); c != EOF && out.size() < max_command; c = std::getc(stdin)) {
      any = true;
      out += static_cast<char>(c);
      if (c == '\n') {
        break;
      }
    }
    line_ += any ? 1 : 0;
    return any;
  }
  std::uint64_t line_ = 0;
};

class Batch {
 public:
  explicit Batch(db::Database& database) : database_(database) {}

  // One command; its name goes to `name` for messages.
  Status run(std::string_view command, std::string& name) {
    text::StringReader in(command);
    CYR_TRY(name, in.astring());
    std::vector<std::string> words;
    while (in.accept(' ')) {
      CYR_TRY(words.emplace_back(), in.astring());
    }
    in.accept('\r');
    in.accept('\n');
    if (!in.at_end()) {
      return syntax();
    }
    return dispatch(name, words);
  }

 private:
  static Error syntax() { return make_error(Errc::invalid, "Syntax error in parameters"); }

  Status dispatch(std::string_view name, const std::vector<std::string>& words) {
    if (name == "SHOW" && words.size() <= 1) {
      return database_.for_each(words.empty() ? "" : words[0], print);
    }
    if (name == "GET" && words.size() == 1) {
      CYR_TRY(const auto value, database_.get(words[0]));
      return value ? status(print(words[0], *value)) : success();
    }
    if (name == "SET" && words.size() == 2) {
      return transaction_ ? transaction_->put(words[0], words[1]) : database_.put(words[0], words[1]);
    }
    if (name == "DELETE" && words.size() == 1) {
      return transaction_ ? transaction_->erase(words[0]) : database_.erase(words[0]);
    }
    if (name == "BEGIN" && words.empty()) {
      return begin();
    }
    if ((name == "COMMIT" || name == "ABORT") && words.empty()) {
      return end(name == "COMMIT");
    }
    const bool known = name == "SHOW" || name == "GET" || name == "SET" || name == "DELETE" ||
                       name == "BEGIN" || name == "COMMIT" || name == "ABORT";
    // The words of the real program, which has no better ones; scripts look for them.
    return known ? syntax() : make_error(Errc::not_found, "Mailbox does not exist");
  }

  static Result<db::Visit> print(std::string_view key, std::string_view value) {
    std::string line;
    append(line, key);
    line += ' ';
    append(line, value);
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
    return db::Visit::go_on;
  }
  static void append(std::string& line, std::string_view text) {
    text::append_astring(line, text, text::LiteralForm::synchronizing);
  }
  static Status status(const Result<db::Visit>& result) {
    return result ? success() : Status(result.error());
  }

  Status begin() {
    if (transaction_) {
      return make_error(Errc::locked, "Mailbox is locked");
    }
    CYR_TRY(transaction_, database_.begin());
    return success();
  }
  Status end(bool keep) {
    if (!transaction_) {
      return make_error(Errc::not_found, "Item does not exist");
    }
    Status done = keep ? transaction_->commit() : transaction_->abort();
    transaction_.reset();
    return done;
  }

  db::Database& database_;
  std::unique_ptr<db::Transaction> transaction_;  // undone when the input ends without COMMIT
};

bool is_blank_line(std::string_view command) { return command == "\n" || command == "\r\n"; }

}  // namespace

Result<int> run_batch(const ActionContext& in) {
  CommandReader reader;
  Batch batch(*in.database);
  while (true) {
    auto command = reader.next();
    if (command && !*command) {
      return 0;
    }
    if (command && is_blank_line(**command)) {
      continue;
    }
    std::string name;
    const Status done = command ? batch.run(**command, name) : Status(command.error());
    if (!done) {
      std::fflush(stdout);
      std::fprintf(stderr, "FAILED: line %llu at cmd %s with error %s\n",
                   static_cast<unsigned long long>(reader.line()), printable(name).c_str(),
                   printable(done.error().text()).c_str());
      return in.status(cli::exit_failed);
    }
  }
}

}  // namespace cyr::quotatool
