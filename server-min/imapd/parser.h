// The bytes of one IMAP command as its arguments (RFC 3501 9, RFC 7888, RFC 3516): atoms, strings, literals,
// lists, sequence sets. A handler pulls arguments one after the other; a literal is asked for and read when
// the handler comes to it, so that APPEND can stream it and a command that is refused before its literal
// never receives it.
//
// Every argument is bounded (ParserLimits); no input makes the parser keep more than `total` bytes. A syntax
// error is Errc::invalid and its `what` is the text of the BAD answer; Errc::cancelled: the client went away.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/bytes.h"
#include "format/text/sequence_set.h"

namespace cyr::imapd {

// Where commands come from: a connection, or bytes in a test.
class CommandSource {
 public:
  CommandSource() = default;
  CommandSource(const CommandSource&) = delete;
  CommandSource& operator=(const CommandSource&) = delete;
  virtual ~CommandSource() = default;

  // The next line without its line end. Errc::cancelled at the end of the input; Errc::invalid for a line of
  // more than `max` bytes, the rest of which has been skipped.
  virtual Result<std::string> line(std::size_t max) = 0;
  using Take = std::function<Status(Bytes piece)>;
  // Exactly `size` bytes, handed on in pieces. An error of `take` does not stop the reading; it is returned
  // at the end.
  virtual Status literal(std::uint64_t size, const Take& take) = 0;
  // Sends "+ TEXT" and everything before it, now.
  virtual Status go_ahead(std::string_view text) = 0;
};

struct ParserLimits {
  std::size_t line = std::size_t{64} << 10;              // one line, bytes
  std::size_t word = std::size_t{128} << 10;             // imapd.conf maxword, maxquoted
  std::size_t literal = std::size_t{128} << 10;          // a literal that is an argument (maxliteral)
  std::size_t total = std::size_t{4} << 20;              // all arguments of a command (maxargssize)
  std::uint64_t message = (std::uint64_t{1} << 32) - 1;  // a literal that is a message
  bool literal_minus = false;                            // LITERAL-: {n+} only up to 4096
};

struct LiteralStart {
  std::uint64_t size = 0;
  bool synchronizing = true;
  bool binary = false;  // ~{n}: may hold NUL
};

class CommandParser {
 public:
  CommandParser(CommandSource& source, const ParserLimits& limits) : source_(source), limits_(limits) {}

  // The first line of the next command.
  Status begin();
  // Reads over what is left of the command, with the literals that a client sends unasked.
  Status finish();
  // "Append": what the messages call the command.
  void set_command(std::string name) { command_ = std::move(name); }
  [[nodiscard]] const std::string& command() const { return command_; }

  [[nodiscard]] bool at_end() const { return at_ == line_.size(); }
  // The next byte; NUL at the end of the line.
  [[nodiscard]] char peek() const { return at_end() ? '\0' : line_[at_]; }
  [[nodiscard]] bool accept(char c);
  // The word `text` in any case, if it comes next and a delimiter follows.
  [[nodiscard]] bool accept_word(std::string_view text);
  // The rest of the line, not taken.
  [[nodiscard]] std::string_view rest() const { return std::string_view(line_).substr(at_); }

  Status space();              // one blank before a required argument
  Status end();                // nothing may follow
  Status expect(char c);       // else BAD "Missing required argument ..." at the end, "Invalid arguments"
  Result<std::string> tag();   // the first word of a command; empty when it cannot be one
  Result<std::string> atom();  // at least one ATOM-CHAR
  // Up to a blank, a bracket of any kind or the end; may be empty: attribute and key names.
  std::string word();
  // The rest of the line as it is, taken.
  std::string take_rest();
  Result<std::string> astring();
  Result<std::string> string();                  // quoted or literal
  Result<std::optional<std::string>> nstring();  // NIL, or an astring
  Result<std::string> list_pattern();            // astring with % and *
  Result<std::string> flag();                    // \Seen, keyword
  Result<std::uint64_t> number(std::uint64_t max = UINT64_MAX);
  // The text of a sequence set, or "$"; not yet checked against a mailbox.
  Result<std::string> sequence();
  // Items between '(' and ')', separated by one blank each. `item` takes one.
  Status list(const std::function<Status()>& item);
  // The same, and there has to be one.
  Status filled_list(const std::function<Status()>& item);

  // "{n}", "{n+}" or "~{n}" at the end of the line, taken.
  Result<LiteralStart> literal_start();
  // The bytes of a literal whose start was taken (asks for it when that is due), then the line after it.
  Status read_literal(const LiteralStart& start, const CommandSource::Take& take);
  // A literal was taken that nobody wants: reads over it when the client sends it anyway.
  Status skip_literal(const LiteralStart& start);
  [[nodiscard]] const ParserLimits& limits() const { return limits_; }
  void set_limits(const ParserLimits& limits) { limits_ = limits; }
  [[nodiscard]] CommandSource& source() { return source_; }

 private:
  Status rest_of_list(const std::function<Status()>& item);
  Result<std::string> quoted();
  Result<std::string> literal();
  Status count(std::size_t bytes);
  Status next_line();

  CommandSource& source_;
  ParserLimits limits_;
  std::string line_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;  // bytes of arguments so far
  std::string command_;
};

// BAD with this text.
[[nodiscard]] Error bad_argument(std::string text);
// A byte that an atom may hold (RFC 3501 9), and one of a list pattern's atom.
[[nodiscard]] bool is_atom_char(char c);

// A set as a client wrote it. Unlike text::SequenceSet it keeps `*`, which only means something when the
// mailbox is known. Errc::invalid for anything but RFC 3501's sequence-set; 0 is kept and matches nothing.
struct SequenceRange {
  std::optional<std::uint32_t> first;  // nothing: *
  std::optional<std::uint32_t> last;
};
Result<std::vector<SequenceRange>> parse_sequence(std::string_view text);
// The numbers it means where `star` is the largest one in use (0: nothing is there).
[[nodiscard]] text::SequenceSet resolve_sequence(const std::vector<SequenceRange>& ranges,
                                                 std::uint32_t star);

}  // namespace cyr::imapd
