// Taking an index to another minor version: pure functions on header and records (mailbox.md 11). What the
// target cannot hold comes back as a list of losses; values that Cyrus keeps as annotations then (thrid,
// savedate ...) are handed out to be written, and taken in when going up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/mailbox/index.h"

namespace cyr::mailbox {

// An annotation of one message that carries a field between versions; shared, under /vendor/cmu/cyrus-imapd/.
struct CarriedAnnotation {
  std::uint32_t uid = 0;
  std::string entry;
  std::string value;
};

// A fact that the target version has no place for, and that nothing else keeps: what can be derived from the
// message (GUID, line count) is none, nor what moves to an annotation or a seen database.
struct Loss {
  std::string_view what;  // "modseq"
  std::string value;      // "42"
};

struct RecordConversion {
  IndexRecord record;                    // for the target version; encode with its layout
  std::vector<CarriedAnnotation> store;  // write these (crossing down)
  std::vector<std::string> taken;        // entries whose value is in the record now: remove them
  std::vector<Loss> losses;
  bool needs_parse = false;           // fields must come from the message file (guid, cache_crc, gmtime ...)
  bool expunged_cannot_stay = false;  // EXPUNGED below v12: the record belongs into cyrus.expunge
};
// `annotations`: the message's carried annotations, used and to be removed when the target stores the field
// itself.
RecordConversion convert_record(const IndexRecord& record, unsigned from, unsigned to,
                                const std::vector<CarriedAnnotation>& annotations = {});

struct HeaderConversion {
  IndexHeader header;
  std::vector<Loss> losses;
};
// Fields that the target lacks are 0. Counts and CRCs are not recomputed here; use IndexTotals afterwards.
// recentuid and recenttime belong to the seen database below v12.
HeaderConversion convert_header(const IndexHeader& header, unsigned to);

}  // namespace cyr::mailbox
