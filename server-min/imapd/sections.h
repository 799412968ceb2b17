// The parts of a message that FETCH BODY[...] and BINARY[...] name (RFC 3501 6.4.5, RFC 3516), found through
// the SECTION item of its cache record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/mime/section.h"

namespace cyr::imapd {

enum class SectionText : std::uint8_t { all, header, header_fields, header_fields_not, mime, text };

// "1.2.HEADER.FIELDS (Date)".
struct SectionSpec {
  std::vector<std::uint32_t> numbers = {};
  SectionText text = SectionText::all;
  std::vector<std::string> fields = {};
  [[nodiscard]] bool is_header_only() const {
    return numbers.empty() && (text == SectionText::header || text == SectionText::header_fields ||
                               text == SectionText::header_fields_not);
  }
};
// As it stands between the brackets of an answer.
[[nodiscard]] std::string print_section(const SectionSpec& spec);

// What the message has there; nothing (NIL) for a part that it does not have. Header fields are copied into
// `scratch`. Places in a SECTION item that lie outside the message are cut to it.
[[nodiscard]] std::optional<std::string_view> find_section(const SectionSpec& spec,
                                                           const mime::SectionNode& root,
                                                           std::string_view message, std::string& scratch);

// The entity that a list of part numbers names; nullptr for none, and for the whole message.
[[nodiscard]] const mime::SectionPart* find_part(const std::vector<std::uint32_t>& numbers,
                                                 const mime::SectionNode& root);
// Its content with the transfer encoding removed; Errc::unsupported for an encoding that is not known.
Result<std::string> decode_part(const mime::SectionPart& part, std::string_view message);
[[nodiscard]] std::string_view content_of(const mime::SectionPart& part, std::string_view message);
[[nodiscard]] std::string_view header_of(const mime::SectionPart& part, std::string_view message);

// The fields of a header block whose names are in `names` (or, with `exclude`, are not), with their
// continuation lines and an empty line at the end.
[[nodiscard]] std::string filter_header(std::string_view header, const std::vector<std::string>& names,
                                        bool exclude);
// Calls `visit` with name and whole text (line end included) of each field of a header block.
template <class Visit>
void for_each_field(std::string_view header, const Visit& visit);
// The value of the first field of this name, unfolded; nothing when there is none.
[[nodiscard]] std::optional<std::string> header_value(std::string_view header, std::string_view name);

template <class Visit>
void for_each_field(std::string_view header, const Visit& visit) {
  std::size_t start = 0;
  while (start < header.size() && header[start] != '\r' && header[start] != '\n') {
    std::size_t end = start;
    do {
      end = header.find('\n', end);
      end = end == std::string_view::npos ? header.size() : end + 1;
    } while (end < header.size() && (header[end] == ' ' || header[end] == '\t'));
    const std::string_view field = header.substr(start, end - start);
    std::string_view name = field.substr(0, field.find(':'));
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) {
      name.remove_suffix(1);
    }
    visit(name, field);
    start = end;
  }
}

}  // namespace cyr::imapd
