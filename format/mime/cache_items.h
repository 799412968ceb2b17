// The ten items of a cache record, each made from a parsed message; and the record: every item with its
// length word, padded to 4 bytes (mailbox.md 5.2-5.5). Format: format/doc/cache.md.
#pragma once

#include <string>

#include "format/mime/message.h"

namespace cyr::mime {

// IMAP text of an envelope and of body structures, as FETCH answers them.
void append_envelope(std::string& out, const Envelope& envelope);
enum class StructureForm : std::uint8_t { body, bodystructure };  // without and with the extension data
void append_structure(std::string& out, const BodyPart& part, StructureForm form,
                      const CacheProfile& profile);
// The binary SECTION item of a message.
void append_section(std::string& out, const BodyPart& message, const CacheProfile& profile);
// The HEADERS item: the cached fields of the message's own header.
void append_cached_headers(std::string& out, std::string_view message, const BodyPart& root,
                           const ParseOptions& options);
// FROM, TO, CC, BCC: the addresses in search form.
void append_search_addresses(std::string& out, const AddressList& addresses, const ParseOptions& options);
// SUBJECT: decoded, as an IMAP nstring.
void append_search_subject(std::string& out, NString subject, const ParseOptions& options);

// The whole record. All lengths are multiples of 4.
[[nodiscard]] std::string build_cache_record(const Message& message, const ParseOptions& options = {});

}  // namespace cyr::mime
