// Field tables: an on-disk structure is declared once, as rows, and reader, writer, dump and documentation
// walk the same rows.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include "format/base/bytes.h"

namespace cyr {

// One field of a structure S whose layout depends on a version number. A field that moved has two rows.
template <class S>
struct Field {
  std::string_view name;
  std::uint16_t offset;  // bytes from the start of the structure
  std::uint8_t since;    // first and last version with the field at this offset
  std::uint8_t until;
  std::variant<std::uint32_t S::*, std::uint64_t S::*> member;
  // Bytes on disk: 4 or 8. A u64 member may be 4 on disk in old versions.
  std::uint8_t width;

  [[nodiscard]] constexpr bool in(unsigned version) const { return version >= since && version <= until; }
};

// True if every field of `version` lies inside `size` bytes and no two overlap.
template <class S, std::size_t N>
[[nodiscard]] constexpr bool fields_fit(const std::array<Field<S>, N>& fields, unsigned version,
                                        std::size_t size) {
  for (std::size_t i = 0; i < N; ++i) {
    if (!fields[i].in(version)) {
      continue;
    }
    if (fields[i].offset + fields[i].width > size) {
      return false;
    }
    for (std::size_t j = i + 1; j < N; ++j) {
      if (fields[j].in(version) && fields[i].offset < fields[j].offset + fields[j].width &&
          fields[j].offset < fields[i].offset + fields[i].width) {
        return false;
      }
    }
  }
  return true;
}

// Copies every field of `version` from `from` into `out`; fields beyond its end keep their value. `fields` is
// an array or span of Field<S>.
template <class Rows, class S>
void load_fields(const Rows& fields, unsigned version, Bytes from, S& out, ByteOrder order = ByteOrder::big) {
  const bool little = order == ByteOrder::little;
  for (const Field<S>& field : fields) {
    if (!field.in(version) || field.offset + std::size_t{field.width} > from.size()) {
      continue;
    }
    const std::byte* at = from.data() + field.offset;
    const std::uint64_t value = field.width == 8
                                    ? (little ? load_le<std::uint64_t>(at) : load_be<std::uint64_t>(at))
                                    : (little ? load_le<std::uint32_t>(at) : load_be<std::uint32_t>(at));
    std::visit(
        [&](auto member) {
          out.*member = static_cast<std::remove_reference_t<decltype(out.*member)>>(value);
        },
        field.member);
  }
}

// Writes every field of `version` that lies within `to`; the bytes between fields stay as they are.
// Errc::invalid for a value that is wider than its field: nothing is ever truncated silently.
template <class Rows, class S>
[[nodiscard]] Status store_fields(const Rows& fields, unsigned version, const S& in, MutableBytes to,
                                  ByteOrder order = ByteOrder::big) {
  const auto store = [order](std::byte* at, auto number) {
    order == ByteOrder::little ? store_le(at, number) : store_be(at, number);
  };
  for (const Field<S>& field : fields) {
    if (!field.in(version) || field.offset + std::size_t{field.width} > to.size()) {
      continue;
    }
    std::byte* at = to.data() + field.offset;
    const auto value =
        std::visit([&](auto member) { return static_cast<std::uint64_t>(in.*member); }, field.member);
    if (field.width == 8) {
      store(at, value);
    } else if (value <= std::numeric_limits<std::uint32_t>::max()) {
      store(at, static_cast<std::uint32_t>(value));
    } else {
      return make_error(Errc::invalid, std::string(field.name) + " " + std::to_string(value) +
                                           " does not fit into the 4 bytes it has in version " +
                                           std::to_string(version));
    }
  }
  return success();
}

}  // namespace cyr
