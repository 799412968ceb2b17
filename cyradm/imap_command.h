// A command line of IMAP, put together so that no argument can become anything but itself: atoms only where
// the characters allow it, else quoted, else a literal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cyr::cyradm {

class ImapCommand {
 public:
  // The command's name and fixed words, as they are.
  explicit ImapCommand(std::string_view words) { pieces_.emplace_back(words); }
  ImapCommand& words(std::string_view text);
  // Atom, quoted string or literal, after a blank unless a list has just been opened.
  ImapCommand& string(std::string_view text);
  // The same, but never an atom.
  ImapCommand& quoted(std::string_view text);
  ImapCommand& nil() { return words("NIL"); }
  ImapCommand& open();
  ImapCommand& close();

  // What to send, in pieces: each but the last ends with "{n}" CRLF and has to be answered by a continuation
  // first, unless the server takes "{n+}".
  [[nodiscard]] std::vector<std::string> pieces(bool literal_plus) const;
  // The command's first word, for messages.
  [[nodiscard]] std::string name() const;

 private:
  void space();
  void literal(std::string_view text);
  // Literals are kept apart from what stands around them: odd pieces are the literals' bytes.
  std::vector<std::string> pieces_;
};

}  // namespace cyr::cyradm
