// The recursive reader behind parse_message(). State: the place in the message and the stack of pending
// boundaries; the rules, quirks included, are those of mailbox.md 5.6. Recursion is bounded by kMaxNesting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/mime/arena.h"
#include "format/mime/message.h"

namespace cyr::mime {

class MessageParser {
 public:
  MessageParser(Message& message, const ParseOptions& options);
  void run();

 private:
  enum class DefaultType : std::uint8_t { text, message };
  struct Nesting {
    unsigned entities = 0;
    unsigned messages = 0;
  };

  void entity(BodyPart& part, DefaultType default_type, bool is_message, Nesting nesting);
  // True if a boundary ended the entity inside its header.
  bool header(BodyPart& part, DefaultType default_type, bool is_message);
  void fields(BodyPart& part, std::string_view block, bool is_message);
  void field(BodyPart& part, std::string_view block, std::size_t start);
  void set_type(BodyPart& part, std::string_view rest);
  void set_disposition(BodyPart& part, std::string_view rest);
  void set_default_type(BodyPart& part, DefaultType default_type);

  void leaf(BodyPart& part);
  void multipart(BodyPart& part, std::string_view boundary, Nesting nesting);
  void contained_message(BodyPart& part, Nesting nesting, bool ended);
  void preamble_and_parts(BodyPart& part, BodyPart& preamble, Nesting nesting);

  // True if `line` is a boundary; pops what its closing delimiter ends.
  bool is_boundary(std::string_view line);
  // The boundary of a multipart; NIL if it has none.
  NString boundary_of(const BodyPart& part);
  void set_charset(BodyPart& part);
  void digest_content(BodyPart& part);
  [[nodiscard]] std::string_view content_of(const BodyPart& part) const;
  [[nodiscard]] std::string_view line_at(std::size_t place) const;

  Message& message_;
  Message::Arena& arena_;
  std::string_view text_;
  const ParseOptions& options_;
  const CacheProfile& profile_;
  std::size_t at_ = 0;
  std::vector<std::string_view> boundaries_;
  std::string decoded_;  // scratch
};

}  // namespace cyr::mime
