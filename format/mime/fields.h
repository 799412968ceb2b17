// Values of single header fields: strings, Content-Type, Content-Disposition, Content-Language,
// Content-Transfer-Encoding (mailbox.md 5.6). Every function gets the rest of the header block from the value
// on: where a field ends depends on how it is read.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "format/mime/message.h"

namespace cyr::mime {

// The value of an unstructured field, unfolded. Never NIL.
std::string_view read_string_field(std::string_view rest, Message::Arena& arena);
// The extent of an address field: up to the end of its last line.
std::string_view address_field(std::string_view rest);
// The end of a field whose first byte is at `from`: the place of the LF (or of the CR before it), or the end
// of the block.
std::size_t field_end(std::string_view block, std::size_t from);

// Content-Transfer-Encoding in upper case; NIL if it does not parse.
NString read_encoding_field(std::string_view rest, Message::Arena& arena);

struct ContentType {
  std::string_view type;
  std::string_view subtype;
  std::vector<Parameter> parameters;
};
enum class TypeProblem : std::uint8_t { blank, malformed };
struct ContentTypeResult {
  std::optional<ContentType> type;
  TypeProblem problem = TypeProblem::blank;  // when there is no type
};
ContentTypeResult read_type_field(std::string_view rest, const ParseOptions& options, Message::Arena& arena);

struct Disposition {
  std::string_view name;
  std::vector<Parameter> parameters;
};
std::optional<Disposition> read_disposition_field(std::string_view rest, const ParseOptions& options,
                                                  Message::Arena& arena);
std::vector<std::string_view> read_language_field(std::string_view rest, Message::Arena& arena);

// BOUNDARY* in the extended form of RFC 2231: charset'language'text with %XX, as UTF-8; nothing if it is not
// of that form.
std::optional<std::string> decode_extended_value(std::string_view value, const text::CharsetRules& rules);

}  // namespace cyr::mime
