// Conversion of header and records between minor versions. What is lost and what moves into annotations is
// one table row per field; the versions that have a field come from the layout tables.
#include "format/mailbox/convert.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "format/base/text.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index_layout.h"

namespace cyr::mailbox {
namespace {

constexpr unsigned kFirstSelfContained = 12;  // \Seen, EXPUNGED and the CRCs live in the record from here on

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  return parse_number<std::uint64_t>(text);
}
// 1 to 16 digits: releases through 3.12 write them without padding and then fail to read what they wrote.
std::optional<std::uint64_t> parse_cid(std::string_view text) {
  return parse_number<std::uint64_t>(text, 16);
}
std::string print_decimal(std::uint64_t value) { return std::to_string(value); }
// Padded, so that stock Cyrus reads it back (it insists on 16 digits).
std::string print_cid(std::uint64_t value) { return fmt::format("{:016x}", value); }

// A field that older versions keep as an annotation of the message.
struct Carried {
  std::string_view entry;  // below kVendorPrefix
  std::uint64_t IndexRecord::*member;
  std::string (*print)(std::uint64_t value);
  std::optional<std::uint64_t> (*parse)(std::string_view text);
};
constexpr auto kCarried = std::to_array<Carried>({
    {"thrid", &IndexRecord::cid, print_cid, parse_cid},
    {"savedate", &IndexRecord::savedate, print_decimal, parse_decimal},
    {"createdmodseq", &IndexRecord::createdmodseq, print_decimal, parse_decimal},
    {"basethrid", &IndexRecord::basecid, print_cid, parse_cid},
});
constexpr std::string_view kNanosecondEntry = "internaldate.nsec";

const CarriedAnnotation* find(const std::vector<CarriedAnnotation>& annotations, std::string_view entry) {
  const auto found =
      std::find_if(annotations.begin(), annotations.end(), [&](const CarriedAnnotation& annotation) {
        return annotation.entry == std::string(kVendorPrefix) + std::string(entry);
      });
  return found == annotations.end() ? nullptr : &*found;
}

class RecordConverter {
 public:
  RecordConverter(const IndexRecord& record, unsigned from, unsigned to,
                  const std::vector<CarriedAnnotation>& annotations)
      : from_(from), to_(to), annotations_(annotations) {
    out_.record = record;
  }

  RecordConversion run() {
    for (const Carried& carried : kCarried) {
      move_carried(carried);
    }
    move_nanoseconds();
    move_guid();
    move_counters();
    move_self_contained();
    drop_wide_values();
    return std::move(out_);
  }

 private:
  IndexRecord& record() { return out_.record; }
  void lose(std::string_view what, std::string value) { out_.losses.push_back({what, std::move(value)}); }
  void write(std::string_view entry, std::string value) {
    out_.store.push_back({record().uid, std::string(kVendorPrefix) + std::string(entry), std::move(value)});
  }

  void move_carried(const Carried& carried) {
    std::uint64_t& value = record().*carried.member;
    const bool had = stored_in(from_, carried.member);
    const bool has = stored_in(to_, carried.member);
    if (had && !has) {
      if (value != 0) {
        write(carried.entry, carried.print(value));
        if (carried.member == &IndexRecord::basecid) {
          record().system_flags |= flag::split_conversation;  // says that there is such an annotation
        }
      }
      value = 0;
    } else if (!had && has) {
      const CarriedAnnotation* annotation = find(annotations_, carried.entry);
      const auto parsed = annotation != nullptr ? carried.parse(annotation->value) : std::nullopt;
      value = parsed.value_or(0);
      if (annotation != nullptr) {
        out_.taken.push_back(annotation->entry);
      }
      if (annotation != nullptr && !parsed) {
        lose("unreadable annotation", fmt::format("{} {}", carried.entry, printable(annotation->value)));
      }
    }
  }

  void move_nanoseconds() {
    if (has_nanoseconds(from_) && !has_nanoseconds(to_)) {
      if (record().internaldate_nsec != 0) {
        write(kNanosecondEntry, std::to_string(record().internaldate_nsec));
      }
      record().internaldate_nsec = 0;
    } else if (!has_nanoseconds(from_) && has_nanoseconds(to_)) {
      const CarriedAnnotation* annotation = find(annotations_, kNanosecondEntry);
      const auto parsed = annotation != nullptr ? parse_decimal(annotation->value) : std::nullopt;
      if (annotation != nullptr) {
        out_.taken.push_back(annotation->entry);
      }
      record().internaldate_nsec =
          parsed && *parsed <= max_nanosecond ? static_cast<std::uint32_t>(*parsed) : 0;
    }
  }

  void move_guid() {
    if (!has_guid(to_)) {
      record().guid = {};  // derived from the message
    } else if (!has_guid(from_)) {
      record().guid = {};
      out_.needs_parse = true;
    }
    // The 12-byte uuid is no hash of the message; only its own versions have a use for it.
    if (!has_uuid(to_)) {
      if (record().uuid != std::array<std::byte, 12>{}) {
        lose("replication UUID", "");
      }
      record().uuid = {};
    }
  }

  void move_counters() {
    if (has_modseq(from_) && !has_modseq(to_)) {
      if (record().modseq > 1) {
        lose("modseq", std::to_string(record().modseq));
      }
      record().modseq = 0;
    } else if (!has_modseq(from_) && has_modseq(to_)) {
      record().modseq = 1;  // as 2.3 does; 0 would lie below every client's knowledge
    }
    const bool had_lines = stored_in(from_, &IndexRecord::content_lines);
    const bool has_lines = stored_in(to_, &IndexRecord::content_lines);
    if (!has_lines) {
      record().content_lines = 0;
    } else if (!had_lines) {
      record().content_lines = to_ < kFirstSelfContained ? kContentLinesUnknown : 0;
    }
    if (!stored_in(to_, &IndexRecord::cache_version)) {
      out_.needs_parse = out_.needs_parse || record().cache_version != 0;
      record().cache_version = 0;
    }
  }

  // Across v12: flags that only exist above it, dates and CRCs that must be made.
  void move_self_contained() {
    const bool above = from_ >= kFirstSelfContained;
    const bool to_above = to_ >= kFirstSelfContained;
    if (above == to_above) {
      return;
    }
    if (to_above) {
      record().content_offset = 0;
      record().gmtime = 0;
      record().cache_crc = 0;
      out_.needs_parse = true;
      return;
    }
    record().content_offset = record().header_size;
    record().gmtime = 0;
    record().cache_crc = 0;
    out_.expunged_cannot_stay = record().has(flag::expunged);
    // The other bits of later releases mean nothing to earlier ones and do no harm there.
    record().system_flags &= ~(flag::seen | flag::expunged | flag::unlinked | flag::needs_cleanup);
  }

  // v20 holds more than the others can.
  void drop_wide_values() {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
    if (has_nanoseconds(to_)) {
      return;
    }
    if (record().size > kMax) {
      lose("size above 4 GiB", std::to_string(record().size));
      record().size = kMax;
    }
    for (const auto member : {&IndexRecord::internaldate, &IndexRecord::sentdate, &IndexRecord::gmtime,
                              &IndexRecord::last_updated, &IndexRecord::savedate}) {
      if (record().*member > kMax) {
        lose("time after 2106", std::to_string(record().*member));
        record().*member = kMax;
      }
    }
  }

  unsigned from_;
  unsigned to_;
  const std::vector<CarriedAnnotation>& annotations_;
  RecordConversion out_;
};

// Header fields that are gone for good when a version does not store them; counters that are recomputed are
// not here.
struct LostField {
  std::string_view name;
  std::variant<std::uint32_t IndexHeader::*, std::uint64_t IndexHeader::*> member;
};
constexpr auto kLost = std::to_array<LostField>({
    {"highestmodseq", &IndexHeader::highestmodseq},
    {"deletedmodseq", &IndexHeader::deletedmodseq},
    {"createdmodseq", &IndexHeader::createdmodseq},
    {"changes_epoch", &IndexHeader::changes_epoch},
    {"pop3_show_after", &IndexHeader::pop3_show_after},
});

// Every field that the version does not have.
void clear_unstored(IndexHeader& header, unsigned version) {
  for (const auto& field : index_header_fields()) {
    if (!stored_in(version, field.member)) {
      std::visit([&header](auto member) { header.*member = 0; }, field.member);
    }
  }
}

}  // namespace

RecordConversion convert_record(const IndexRecord& record, unsigned from, unsigned to,
                                const std::vector<CarriedAnnotation>& annotations) {
  return RecordConverter(record, from, to, annotations).run();
}

HeaderConversion convert_header(const IndexHeader& header, unsigned to) {
  HeaderConversion out;
  out.header = header;
  apply_read_defaults(out.header);
  out.header.raw.clear();
  const unsigned from = header.minor_version;
  for (const LostField& lost : kLost) {
    std::visit(
        [&](auto member) {
          if (stored_in(from, member) && !stored_in(to, member)) {
            if (out.header.*member > 1) {
              out.losses.push_back({lost.name, std::to_string(out.header.*member)});
            }
          }
        },
        lost.member);
  }
  // Before v8 the word holds POP3_NEW_UIDL and nothing else; CONDSTORE is of 2.3 alone.
  const std::uint32_t keeps = !stored_in(to, &IndexHeader::options) ? 0
                              : !has_modseq(to)                     ? option::pop3_new_uidl
                              : to >= kFirstSelfContained           ? ~option::imap_condstore
                                                                    : ~0U;
  constexpr std::uint32_t kPassing =
      option::imap_condstore | option::needs_unlink | option::needs_repack | option::deleted;
  if ((out.header.options & ~keeps & ~kPassing) != 0) {
    out.losses.push_back({"mailbox options", join(option_names(out.header.options & ~keeps), " ")});
  }
  out.header.options &= keeps;
  if (to < kFirstSelfContained) {
    out.header.options &= ~(option::needs_unlink | option::needs_repack);
  }
  clear_unstored(out.header, to);
  set_index_version(out.header, to);
  return out;
}

}  // namespace cyr::mailbox
