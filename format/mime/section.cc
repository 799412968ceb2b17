// Reading SECTION. The item comes from disk: every count is checked against the bytes that are left, and the
// nesting against what a parsed message can have.
#include "format/mime/section.h"

#include <fmt/format.h>

#include "format/mime/message.h"

namespace cyr::mime {

namespace {

// A message in a message takes two levels of nodes at most.
constexpr unsigned kMaxNodeDepth = 2 * kMaxNesting + 2;
constexpr std::uint32_t kFirstNamedVersion = 4;
constexpr std::uint32_t kFirstGuidVersion = 5;
constexpr std::uint32_t kFirstSizeVersion = 8;

class SectionReader {
 public:
  SectionReader(Bytes item, unsigned version) : in_(item), version_(version) {}

  Status read(SectionNode& node, unsigned depth) {
    const std::uint64_t start = in_.offset();
    const std::uint32_t count = in_.u32();
    CYR_CHECK(in_.check("SECTION item"));
    if (count == 0) {
      return success();
    }
    if (count == 1 || depth > kMaxNodeDepth) {
      return corrupt(count == 1 ? "SECTION node with one part, expected 0 or at least 2"
                                : fmt::format("SECTION nodes nested deeper than {}", kMaxNodeDepth),
                     start);
    }
    if (count > in_.remaining() / smallest_part()) {
      return corrupt(fmt::format("SECTION node claims {} parts, {} bytes are left", count, in_.remaining()),
                     start);
    }
    node.parts.resize(count);
    for (SectionPart& part : node.parts) {
      CYR_CHECK(read_part(part));
    }
    node.children.resize(count - 1);
    for (SectionNode& child : node.children) {
      CYR_CHECK(read(child, depth + 1));
    }
    return success();
  }

  [[nodiscard]] Status at_end() const {
    return in_.remaining() == 0 ? success()
                                : Status(corrupt("SECTION item goes on behind its last node", in_.offset()));
  }

 private:
  [[nodiscard]] std::uint64_t smallest_part() const {
    constexpr std::uint64_t places_and_word = 20;
    return places_and_word + (version_ >= kFirstGuidVersion ? sizeof(Guid) : 0) +
           (version_ >= kFirstSizeVersion ? 8 : 0);
  }

  Status read_part(SectionPart& part) {
    part.header_offset = in_.u32();
    part.header_size = in_.u32();
    part.content_offset = in_.u32();
    part.content_size = in_.u32();
    read_charset(part);
    if (version_ >= kFirstGuidVersion) {
      const Bytes raw = in_.bytes(sizeof(Guid));
      std::copy(raw.begin(), raw.end(), part.guid.emplace().raw.begin());
    }
    if (version_ >= kFirstSizeVersion) {
      part.decoded_size = in_.u32();
      part.content_lines = in_.u32();
    }
    return in_.check("SECTION item");
  }

  void read_charset(SectionPart& part) {
    const std::uint32_t word = in_.u32();
    part.encoding = static_cast<std::uint16_t>(word);
    if (version_ < kFirstNamedVersion) {
      // 2.5 writes the marker of the later form.
      part.has_no_charset_word = word == section_no_charset_half || word == section_none_marker;
      part.charset_index = static_cast<std::uint16_t>(word >> 16);
    } else if (word == section_none_marker) {
      part.has_no_charset_word = true;
    } else {
      const std::string_view field = in_.text(word >> 16);
      part.charset = field.substr(0, field.find('\0'));
    }
    if (part.has_no_charset_word) {
      part.encoding = 0;
    }
  }

  Cursor in_;
  unsigned version_;
};

}  // namespace

Result<SectionNode> decode_section(Bytes item, unsigned cache_version) {
  SectionReader reader(item, cache_version);
  SectionNode root;
  CYR_CHECK(reader.read(root, 0));
  CYR_CHECK(reader.at_end());
  return root;
}

}  // namespace cyr::mime
