// Reads a SECTION item back into the tree of the message's parts (mailbox.md 5.4), for dumps and for fetching
// a part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/base/bytes.h"
#include "format/base/digest.h"

namespace cyr::mime {

// Words in the place of the charset: of the entity itself, in the forms with and without a charset index.
inline constexpr std::uint32_t section_no_charset_half = 0xFFFF0000;
inline constexpr std::uint32_t section_none_marker = 0x0000FFFF;

// Numbers are as stored: file offsets and bytes. Nothing says that they lie inside the message file; a user
// must check.
struct SectionPart {
  std::uint32_t header_offset = 0;
  std::uint32_t header_size = 0;
  std::uint32_t content_offset = 0;
  std::uint32_t content_size = 0;
  std::uint16_t charset_index = 0;             // cache version <= 3
  std::uint16_t encoding = 0;                  // 0 none, 1 quoted-printable, 2 base64, 255 unknown
  bool has_no_charset_word = false;            // the marker of part 0
  std::string charset;                         // cache version >= 4
  std::optional<Guid> guid;                    // cache version >= 5
  std::optional<std::uint32_t> decoded_size;   // cache version >= 8
  std::optional<std::uint32_t> content_lines;  // likewise
};

// parts is empty for a leaf; else parts[0] is the entity itself and children[i] the node of parts[i + 1].
struct SectionNode {
  std::vector<SectionPart> parts;
  std::vector<SectionNode> children;
};

// corrupt, with the offset inside the item: it is cut short, goes on behind the last node, has a node of one
// part, or is nested deeper than any message that parse_message() gives.
Result<SectionNode> decode_section(Bytes item, unsigned cache_version);

}  // namespace cyr::mime
