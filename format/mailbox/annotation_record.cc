#include "format/mailbox/annotation_record.h"

#include <fmt/core.h>

#include <limits>

#include "format/base/text.h"

namespace cyr::mailbox {
namespace {

constexpr std::uint64_t kModseqAndFlags = 8 + 1;

constexpr std::size_t word_size(AnnotationLayout layout) {
  return layout == AnnotationLayout::words32 ? 4 : 8;
}

// A `long` of the host that wrote the value, filled from a network-order number.
std::uint64_t read_word(Cursor& cursor, AnnotationLayout layout, bool& fits) {
  if (layout == AnnotationLayout::words64_big) {
    return cursor.u64();
  }
  const std::uint64_t word = cursor.u32();
  if (layout == AnnotationLayout::words64_little) {
    fits = cursor.u32() == 0 && fits;
  }
  return word;
}

void write_word(Buffer& out, std::uint64_t word, AnnotationLayout layout) {
  if (layout == AnnotationLayout::words64_big) {
    append_be(out, word);
    return;
  }
  append_be(out, static_cast<std::uint32_t>(word));
  if (layout == AnnotationLayout::words64_little) {
    append_be(out, std::uint32_t{0});
  }
}

void append_text(Buffer& out, std::string_view text) {
  const Bytes bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
  out.push_back(std::byte{0});
}

// The value read with one word layout; nothing unless every byte has its place.
std::optional<AnnotationValue> read_as(Bytes value, AnnotationLayout layout) {
  AnnotationValue out;
  out.layout = layout;
  Cursor cursor(value);
  bool fits = true;
  const std::uint64_t length = read_word(cursor, layout, fits);
  out.value = std::string(cursor.text(length));
  fits = cursor.u8() == 0 && cursor.ok() && fits;
  if (!fits) {
    return {};
  }
  const std::string_view rest = as_text(value.subspan(static_cast<std::size_t>(cursor.offset())));
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) {
    return {};
  }
  out.content_type = std::string(rest.substr(0, end));
  cursor.skip(end + 1);
  out.modified_since = read_word(cursor, layout, fits);
  out.has_modseq = cursor.remaining() == kModseqAndFlags;
  if (out.has_modseq) {
    out.modseq = cursor.u64();
    out.flags = cursor.u8();
  }
  return fits && cursor.ok() && cursor.remaining() == 0 ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

Result<AnnotationKey> decode_annotation_key(Bytes key) {
  const auto parts = split(as_text(key), '\0');
  constexpr std::size_t kParts = 4;  // the last is what follows the last NUL: nothing
  if (parts.size() != kParts || !parts.back().empty()) {
    return corrupt(
        fmt::format("annotation key has {} NULs, expected 3 with the last at its end", parts.size() - 1));
  }
  return AnnotationKey{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

Result<Buffer> encode_annotation_key(const AnnotationKey& key) {
  Buffer out;
  for (const std::string* part : {&key.where, &key.entry, &key.userid}) {
    if (part->find('\0') != std::string::npos) {
      return make_error(Errc::invalid,
                        fmt::format("annotation key part \"{}\" holds a NUL", printable(*part)));
    }
    append_text(out, *part);
  }
  return out;
}

std::optional<std::uint32_t> annotation_uid(const AnnotationKey& key) {
  return parse_number<std::uint32_t>(key.where);
}

Result<AnnotationValue> decode_annotation_value(Bytes value) {
  // An empty value reads alike in both 64-bit layouts; little-endian hosts are the rule.
  for (const AnnotationLayout layout :
       {AnnotationLayout::words64_little, AnnotationLayout::words64_big, AnnotationLayout::words32}) {
    if (auto out = read_as(value, layout); out) {
      return *std::move(out);
    }
  }
  return corrupt(fmt::format("annotation value of {} bytes fits no known layout", value.size()), 0);
}

Result<Buffer> encode_annotation_value(const AnnotationValue& value) {
  if (value.content_type.find('\0') != std::string::npos) {
    return make_error(Errc::invalid, "annotation content type holds a NUL");
  }
  if (value.layout != AnnotationLayout::words64_big &&
      (value.value.size() > std::numeric_limits<std::uint32_t>::max() ||
       value.modified_since > std::numeric_limits<std::uint32_t>::max())) {
    return make_error(Errc::invalid,
                      fmt::format("annotation value of {} bytes is too long", value.value.size()));
  }
  Buffer out;
  out.reserve(2 * word_size(value.layout) + value.value.size() + value.content_type.size() + 2 +
              kModseqAndFlags);
  write_word(out, value.value.size(), value.layout);
  append_text(out, value.value);
  append_text(out, value.content_type);
  write_word(out, value.modified_since, value.layout);
  if (value.has_modseq) {
    append_be(out, value.modseq);
    out.push_back(std::byte{value.flags});
  }
  return out;
}

}  // namespace cyr::mailbox
