// The SECTION item: for every entity with parts a table of their places, in pre-order (mailbox.md 5.4).
#include <string>

#include "format/base/crc32.h"
#include "format/mime/cache_items.h"
#include "format/mime/section.h"

namespace cyr::mime {

namespace {

constexpr std::uint32_t kNoPlace = 0xFFFFFFFF;
constexpr std::size_t kNameAlignment = 4;

struct Place {
  std::uint32_t header_offset = 0;
  std::uint32_t header_size = 0;
  std::uint32_t content_offset = 0;
  std::uint32_t content_size = 0;
};

struct Content {
  Guid guid;
  std::uint32_t decoded_size = 0;
  std::uint32_t lines = 0;
};

class SectionWriter {
 public:
  SectionWriter(std::string& out, const CacheProfile& profile) : out_(out), profile_(profile) {}

  // The node of a body that holds the message `inner`.
  void message_node(const BodyPart& inner) {
    const bool has_parts = inner.is_multipart() && !inner.parts.empty();
    append_be<std::uint32_t>(out_, has_parts ? count_of(inner) : 2);
    part(place_of(inner), nullptr, content_of(inner));
    if (!has_parts) {
      if (inner.is_multipart()) {
        part(emptied(inner), nullptr, {});
      } else {
        part(place_of(inner), &inner, content_of(inner));
      }
      node(inner);
      return;
    }
    for (const BodyPart& child : inner.parts) {
      part(child.is_zero_part_multipart() ? emptied(child) : place_of(child), &child, content_of(child));
    }
    for (const BodyPart& child : inner.parts) {
      node(child);
    }
  }

 private:
  static std::uint32_t count_of(const BodyPart& multipart) {
    return static_cast<std::uint32_t>(multipart.parts.size()) + 1;
  }
  static Place place_of(const BodyPart& part) {
    return {part.header_offset, part.header_size, part.content_offset, part.content_size};
  }
  static Place emptied(const BodyPart& part) {
    return {part.header_offset, part.header_size, part.content_offset, 0};
  }

  [[nodiscard]] Content content_of(const BodyPart& part) const {
    return {profile_.guid_mixed_with_type ? mixed_guid(part) : part.guid, part.decoded_size,
            part.content_lines};
  }

  // Cache versions 5 and 6: the last word XOR the CRC32 of type, subtype and charset, in the byte order of
  // the host.
  static Guid mixed_guid(const BodyPart& part) {
    Guid guid = part.guid;
    if (guid.is_null()) {
      return guid;
    }
    const std::uint32_t mix = crc32(part.charset, crc32(part.subtype, crc32(part.type)));
    std::byte* const last = guid.raw.data() + guid.raw.size() - sizeof mix;
    store_be(last, swap_bytes(load_be<std::uint32_t>(last) ^ mix));
    return guid;
  }

  void node(const BodyPart& part_of) {
    if (part_of.contains_message) {
      message_node(part_of.parts.front());
    } else if (part_of.is_multipart() && !part_of.parts.empty()) {
      multipart_node(part_of);
    } else {
      append_be<std::uint32_t>(out_, 0);
    }
  }

  void multipart_node(const BodyPart& multipart) {
    append_be<std::uint32_t>(out_, count_of(multipart));
    part({0, kNoPlace, 0, kNoPlace}, nullptr, {});
    for (const BodyPart& child : multipart.parts) {
      if (child.is_zero_part_multipart()) {
        part(emptied(child), nullptr, content_of(child));
      } else {
        part(place_of(child), &child, content_of(child));
      }
    }
    for (const BodyPart& child : multipart.parts) {
      node(child);
    }
  }

  // `described` nullptr: the marker for no charset and no encoding.
  void part(const Place& place, const BodyPart* described, const Content& content) {
    append_be(out_, place.header_offset);
    append_be(out_, place.header_size);
    append_be(out_, place.content_offset);
    append_be(out_, place.content_size);
    charset_word(described);
    if (profile_.section_has_guid) {
      out_ += as_text(content.guid.raw);
    }
    if (profile_.section_has_decoded_size) {
      append_be(out_, content.decoded_size);
      append_be(out_, content.lines);
    }
  }

  void charset_word(const BodyPart* described) {
    if (described == nullptr) {
      append_be(out_, profile_.section == SectionForm::index ? section_no_charset_half : section_none_marker);
      return;
    }
    const auto encoding = static_cast<std::uint32_t>(described->encoding);
    switch (profile_.section) {
      case SectionForm::index:
        append_be(out_, std::uint32_t{described->charset_index} << 16 | encoding);
        break;
      case SectionForm::index_lost:
        append_be(out_, encoding);
        break;
      case SectionForm::name:
        name_word(described->charset, encoding);
        break;
    }
  }

  void name_word(NString charset, std::uint32_t encoding) {
    if (charset.empty()) {
      append_be(out_, encoding);
      return;
    }
    // 1 to 4 NULs, so that the name is also a C string.
    const auto field = static_cast<std::uint32_t>(round_up(charset.size() + 1, kNameAlignment));
    append_be(out_, field << 16 | encoding);
    out_ += charset;
    out_.append(field - charset.size(), '\0');
  }

  std::string& out_;
  const CacheProfile& profile_;
};

}  // namespace

void append_section(std::string& out, const BodyPart& message, const CacheProfile& profile) {
  SectionWriter(out, profile).message_node(message);
}

}  // namespace cyr::mime
