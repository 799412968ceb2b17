// What a FETCH asks for (RFC 3501 6.4.5, 3516, 7162, 8474, 8514), parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server-min/imapd/parser.h"
#include "server-min/imapd/sections.h"

namespace cyr::imapd {

enum class FetchItem : std::uint8_t {
  flags,
  uid,
  digest_sha1,
  internaldate,
  modseq,
  emailid,
  threadid,
  savedate,
  rfc822_size,
  envelope,
  bodystructure,
  body,
  rfc822_header,
  rfc822_text,
  rfc822,
};

enum class BodyForm : std::uint8_t { body, binary, binary_size };

// BODY[section]<start.count>, BINARY[...], BINARY.SIZE[...].
struct BodyRequest {
  BodyForm form = BodyForm::body;
  SectionSpec section;
  std::optional<std::uint64_t> start = {};
  std::uint64_t count = 0;
};

struct FetchRequest {
  std::uint32_t items = 0;  // bit set of FetchItem
  std::vector<BodyRequest> bodies;
  bool set_seen = false;  // something was asked for without PEEK

  [[nodiscard]] bool has(FetchItem item) const { return ((items >> static_cast<unsigned>(item)) & 1U) != 0; }
  void add(FetchItem item) { items |= 1U << static_cast<unsigned>(item); }
};

// The items: a macro, one item, or a list. BAD "Invalid Fetch attribute FOO".
Result<FetchRequest> parse_fetch(CommandParser& parser);

}  // namespace cyr::imapd
