// The annotations that Cyrus knows of servers and mailboxes, one row each: who may set them, what they may
// hold, and where they are kept (RFC 5464, RFC 6154; store.md 6.7).
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "format/base/error.h"

namespace cyr::store {

enum class MetadataPlace : std::uint8_t {
  database,  // annotations.db; shown as shared and as private, whichever of the two can be set
  option,    // a bit of the index header's options
  date,      // pop3_show_after of the index header
  file,      // conf/msg/NAME
  computed,  // read only
};
enum class MetadataType : std::uint8_t { string, boolean, number, special_use };

struct MetadataRow {
  std::string_view entry;  // "/comment"
  MetadataType type = MetadataType::string;
  MetadataPlace place = MetadataPlace::database;
  bool shared = true;
  bool priv = false;
  std::uint32_t option = 0;  // MetadataPlace::option
};

[[nodiscard]] std::span<const MetadataRow> mailbox_metadata_rows();
[[nodiscard]] std::span<const MetadataRow> server_metadata_rows();

// The row of an entry. One that is not in the table is free for all with annotation_allow_undefined, except
// below Cyrus's own prefix; nothing: it cannot be set.
[[nodiscard]] std::optional<MetadataRow> metadata_row(std::span<const MetadataRow> rows,
                                                      std::string_view entry, bool allow_undefined);

// Refusal::annotation_value for a value of another type.
[[nodiscard]] Status check_metadata_value(const MetadataRow& row, std::string_view value);

}  // namespace cyr::store
