// What the releases of Cyrus do differently when they read a message and write its cache record, one row per
// release series. Two releases may share a cache version and still differ (2.2 and 2.3; 2.4 and 2.5), so the
// row is chosen by release when it is known and by cache version otherwise. Format: format/doc/cache.md.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "format/text/rfc2047.h"
#include "format/text/search_form.h"

namespace cyr::mime {

enum class Series : std::uint8_t { v2_1, v2_2, v2_3, v2_4, v2_5, v3_0, v3_2, v3_4, v3_6, v3_12 };

// How a repeated header field of a message counts.
enum class Repeated : std::uint8_t {
  first_wins,  // addresses of all fields add up; of the others the first counts
  last_wins,
};

// The word of a SECTION part that names charset and encoding.
enum class SectionForm : std::uint8_t {
  index,       // u16 charset index, u16 encoding (cache version 0-3)
  index_lost,  // the same with the index always 0 (2.5)
  name,        // u16 length of the name field, u16 encoding, name, GUID, [decoded size, lines] (4 and later)
};

struct CacheProfile {
  Series series;
  std::string_view releases;  // "3.6-3.10"
  std::uint16_t cache_version;

  // Reading a message.
  Repeated repeated;
  bool boundary_limit;             // boundary_limit is obeyed
  bool global_is_message;          // MESSAGE/GLOBAL is parsed like MESSAGE/RFC822
  bool extended_boundary;          // BOUNDARY* counts as BOUNDARY
  bool short_content_wraps;        // a content of 1 octet before a boundary becomes 2^32 - 1
  bool encoded_content_type;       // a Content-Type that starts with an encoded word is decoded first
  bool bad_type_is_octet_stream;   // a Content-Type that does not parse is application/octet-stream
  bool free_parameter_values;      // unquoted parameter values may hold anything up to ';'
  bool unclosed_quote_is_kept;     // in a phrase
  bool semicolon_ends_open_group;  // ';' after a domain ends a group (even outside one)
  bool at_sign_in_domain;          // a@b@c has the domain b@c
  bool eight_bit_domain;           // bytes >= 0x80 belong to a domain
  bool pad_resets_base64;          // '=' drops pending bits
  bool empty_decodes_to_raw;       // content that decodes to nothing counts undecoded

  // Dates.
  std::uint8_t sentdate_hour;  // local hour of sentdate: 12 or 0
  bool bad_date_is_delivery;  // sentdate without a usable Date: the time of delivery, else its local midnight
  bool negative_dates;        // dates before 1970 are stored modulo 2^32, not refused
  bool size_is_parsed;        // size = header_size + content_size, not the file's

  // Writing.
  SectionForm section;
  bool section_has_guid;          // cache version >= 5
  bool guid_mixed_with_type;      // cache versions 5 and 6
  bool section_has_decoded_size;  // cache version >= 8
  bool message_has_encoding;      // MESSAGE parts have their transfer encoding (13)
  bool location_in_structure;     // BODYSTRUCTURE has the location
  bool names_are_quoted;          // display names in FROM, TO, CC, BCC
  text::CharsetRules charsets;    // known names, and how a part's charset is written
  text::HeaderDecoding header_decoding;
  text::SearchForm search_form;
};

// One row per Series, oldest first.
[[nodiscard]] std::span<const CacheProfile> cache_profiles();
[[nodiscard]] const CacheProfile& cache_profile(Series series);
// The series of a release "major.minor": 3.8 is like 3.6, development lines like the release after them.
// Releases before 2.1 and after 3.12 get the nearest row.
[[nodiscard]] const CacheProfile& cache_profile_for_release(unsigned major, unsigned minor);
// The newest series that writes this cache version; nullptr if no release does.
[[nodiscard]] const CacheProfile* cache_profile_for_version(unsigned cache_version);

}  // namespace cyr::mime
