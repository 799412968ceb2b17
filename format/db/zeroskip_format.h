// zeroskip: the marker file, data file names, headers and records as bytes (format/doc/zeroskip.md). The
// library changed its layout without changing its version number: both that are known are taken. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/base/bytes.h"

namespace cyr::db::zeroskip {

inline constexpr std::string_view marker_name = ".zsdb";
inline constexpr std::size_t header_size = 40;  // of a data file, bytes

// `.zsdb`: which data files belong to the database.
struct Marker {
  std::string uuid;  // 36 characters
};
// The CRC of the newer layout is checked.
[[nodiscard]] Result<Marker> decode_marker(Bytes file);

// zeroskip-UUID-INDEX, or zeroskip-UUID-START-END of a packed file.
struct FileName {
  std::uint32_t start = 0;
  std::uint32_t end = 0;  // = start in one that is not packed
  bool packed = false;
};
[[nodiscard]] std::optional<FileName> parse_name(std::string_view name, std::string_view uuid);

// Signature, version and CRC of a data file's header.
[[nodiscard]] Status check_header(Bytes file);

enum class RecordKind : std::uint8_t { entry, erased, commit };

struct Record {
  RecordKind kind = RecordKind::commit;
  std::string_view key;
  std::string_view value;
  std::uint64_t end = 0;  // offset of what follows
  bool last = false;      // the COMMIT that closes a file
};

// Errc::corrupt; `cut`: only because the file ends within the record.
[[nodiscard]] Result<Record> decode_record(Bytes file, std::uint64_t offset, bool& cut);

}  // namespace cyr::db::zeroskip
