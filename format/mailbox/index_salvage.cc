// What is left of a damaged index header. First the CRC is used as a locator: with 32 bits of check over at
// most 192 bytes, the one byte (of some 49,000 possible changes) that makes it right again is the damaged
// one, and a chance hit is 1 in 80,000. If more than a byte is wrong, the records speak: their size and CRCs
// give the layout, their UIDs and modseqs bounds for the counters.
#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>

#include "format/base/crc32.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"

namespace cyr::mailbox {
namespace {

constexpr std::uint32_t kMaxProbe = 4096;                        // records looked at per guess
constexpr std::uint64_t kEarliestTime = 631152000;               // 1990-01-01: no Cyrus before
constexpr std::uint64_t kLatestTime = 4102444800;                // 2100-01-01
constexpr std::uint64_t kModseqSlack = std::uint64_t{1} << 32U;  // a user's counter runs ahead of one mailbox
constexpr std::uint32_t kUidSlack = 1U << 24U;                   // UIDs given to messages that are gone again
constexpr std::uint32_t kKnownOptions =
    option::pop3_new_uidl | option::imap_condstore | option::imap_sharedseen | option::imap_duplicatedeliver |
    option::imap_has_alarms | option::needs_unlink | option::needs_repack | option::deleted;

// What the records look like if the file is of `version`.
struct Probe {
  const IndexVersion* version = nullptr;
  std::uint32_t whole = 0;  // records the file has room for
  std::uint32_t looked_at = 0;
  std::uint32_t good = 0;
  std::uint32_t last_good = 0;  // recno of the last good one
  std::uint32_t max_uid = 0;
  std::uint64_t max_modseq = 0;
};

bool believable(const IndexRecord& record, Bytes raw, unsigned layout) {
  if (record.uid == 0 || !record_crc_ok(raw, layout)) {
    return false;
  }
  // Without a CRC the fields must agree with each other.
  return has_record_crc(layout) ||
         (record.header_size <= record.size && record.cache_offset % 4 == 0 &&
          (!stored_in(layout, &IndexRecord::content_offset) || record.content_offset == record.header_size));
}

Probe probe(Bytes file, const IndexVersion& version) {
  Probe out;
  out.version = &version;
  if (file.size() < version.header_size) {
    return out;
  }
  const std::uint64_t whole = (file.size() - version.header_size) / version.record_size;
  out.whole =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(whole, std::numeric_limits<std::uint32_t>::max()));
  out.looked_at = std::min(out.whole, kMaxProbe);
  for (std::uint32_t i = 0; i < out.looked_at; ++i) {
    const Bytes raw =
        file.subspan(version.header_size + std::size_t{i} * version.record_size, version.record_size);
    const auto record = decode_index_record(raw, version.minor);
    if (record && believable(*record, raw, version.minor) && record->uid > out.max_uid) {
      ++out.good;
      out.last_good = i + 1;
      out.max_uid = record->uid;
      out.max_modseq = std::max(out.max_modseq, record->modseq);
    }
  }
  return out;
}

class IndexSalvage {
 public:
  explicit IndexSalvage(Bytes file) : file_(file) {}

  SalvagedIndexHeader run() {
    if (auto header = decode_index_header(file_); header) {
      out_.header = *std::move(header);
      out_.crc_ok = has_record_crc(out_.header.minor_version);
      accept(probe(file_, *index_version(record_layout(out_.header))));
      judge_fields();
      return std::move(out_);
    } else {
      out_.doubts.push_back(header.error().text());
    }
    if (!put_back_one_byte()) {
      guess_layout();
    }
    return std::move(out_);
  }

 private:
  // ---- One wrong byte in a header that has a CRC.

  bool put_back_one_byte() {
    std::optional<Buffer> found;
    for (const IndexVersion& version : index_versions()) {
      if (version.header_crc_at == 0 || file_.size() < version.header_size || !same_sizes(version)) {
        continue;
      }
      for (auto& candidate : repairs(version)) {
        if (found && *found != candidate) {
          return false;  // two answers are none
        }
        found = std::move(candidate);
      }
    }
    auto header = found ? decode_index_header(*found) : Result<IndexHeader>(corrupt("no answer"));
    if (!header) {
      return false;
    }
    for (std::size_t i = 0; i < found->size(); ++i) {
      if ((*found)[i] != file_[i]) {
        out_.doubts.push_back(
            fmt::format("byte {} of the header is {:02x}; with {:02x} the header CRC is right", i,
                        std::to_integer<unsigned>(file_[i]), std::to_integer<unsigned>((*found)[i])));
      }
    }
    out_.header = *std::move(header);
    accept(probe(file_, *index_version(record_layout(out_.header))));
    judge_fields();
    return true;
  }

  // At most one byte of minor_version, start_offset and record_size may differ from the version's.
  [[nodiscard]] bool same_sizes(const IndexVersion& version) const {
    Buffer right;
    append_be<std::uint32_t>(right, version.minor);
    append_be<std::uint32_t>(right, version.header_size);
    append_be<std::uint32_t>(right, version.record_size);
    int wrong = 0;
    for (std::size_t i = 0; i < right.size(); ++i) {
      wrong += right[i] != file_[8 + i] ? 1 : 0;
    }
    return wrong <= 1;
  }

  // Headers of the version that differ from the file's in one byte and have a right CRC.
  [[nodiscard]] std::vector<Buffer> repairs(const IndexVersion& version) const {
    const Bytes header = file_.first(version.header_size);
    const std::size_t crc_at = version.header_crc_at;
    Buffer work(header.begin(), header.end());
    std::vector<Buffer> found;
    for (std::size_t i = 0; i < crc_at; ++i) {
      const std::byte old = work[i];
      // CRC of the bytes before i is shared by all 255 changes; only the tail is run again.
      const std::uint32_t head = crc32(header.first(i));
      for (unsigned value = 0; value < 256; ++value) {
        work[i] = std::byte(value);
        if (work[i] != old &&
            crc32(Bytes(work).subspan(i, crc_at - i), head) == load_be<std::uint32_t>(&work[crc_at])) {
          found.push_back(work);
        }
      }
      work[i] = old;
    }
    const std::uint32_t right = crc32(header.first(crc_at));
    Buffer crc;
    append_be(crc, right);
    const auto wrong =
        std::inner_product(crc.begin(), crc.end(), header.begin() + static_cast<std::ptrdiff_t>(crc_at), 0,
                           std::plus<>(), std::not_equal_to<>());
    if (wrong == 1) {
      std::copy(crc.begin(), crc.end(), work.begin() + static_cast<std::ptrdiff_t>(crc_at));
      found.push_back(work);
    }
    return found;
  }

  // ---- More is wrong.

  void guess_layout() {
    Probe best;
    for (const IndexVersion& version : index_versions()) {
      const Probe here = probe(file_, version);
      if (best.version == nullptr || score(here) > score(best)) {
        best = here;
      }
    }
    const std::uint64_t best_score = score(best);
    if (best_score == 0) {
      out_.header = IndexHeader{};
      out_.header.minor_version = 0;
      out_.doubts.emplace_back("no index version fits the sizes or the records");
      return;
    }
    read_fields(*best.version);
    accept(best);
    judge_fields();
  }

  // Of octets that are something else, a few look like records without a CRC.
  [[nodiscard]] bool is_proven(const Probe& candidate) const {
    const IndexVersion& version = *candidate.version;
    const bool exact =
        file_.size() == version.header_size + std::uint64_t{candidate.whole} * version.record_size;
    return has_record_crc(version.minor) || word(8) == version.minor ||
           (2 * candidate.good > candidate.looked_at && (exact || candidate.good >= 8));
  }

  // Good records first (those with a CRC prove more), then agreement with the header's own words, then a file
  // that is exactly a header long.
  [[nodiscard]] std::uint64_t score(const Probe& candidate) const {
    const IndexVersion& version = *candidate.version;
    const std::uint64_t weight = has_record_crc(version.minor) ? 16 : 8;
    std::uint64_t points = is_proven(candidate) ? candidate.good * weight : 0;
    points += word(8) == version.minor ? 4 : 0;
    points += word(12) == version.header_size && word(16) == version.record_size ? 2 : 0;
    points += file_.size() == version.header_size ? 1 : 0;
    return file_.size() < version.header_size ? 0 : points;
  }
  [[nodiscard]] std::uint32_t word(std::size_t at) const {
    return file_.size() >= at + 4 ? load_be<std::uint32_t>(file_.data() + at) : 0;
  }

  // The fields as the version has them, whatever the file says about itself.
  void read_fields(const IndexVersion& version) {
    Buffer raw(file_.begin(), file_.begin() + version.header_size);
    store_be<std::uint32_t>(raw.data() + 8, version.minor);
    store_be<std::uint32_t>(raw.data() + 12, version.header_size);
    store_be<std::uint32_t>(raw.data() + 16, version.record_size);
    for (const std::size_t at : {std::size_t{8}, std::size_t{12}, std::size_t{16}}) {
      if (word(at) != load_be<std::uint32_t>(raw.data() + at)) {
        constexpr std::string_view kNames[] = {"minor_version", "start_offset", "record_size"};
        distrust(kNames[(at - 8) / 4],
                 fmt::format("is {}, the records are those of version {}", word(at), version.minor));
      }
    }
    if (auto header = decode_index_header_unchecked(raw); header) {
      out_.header = *std::move(header);
    }
  }

  void accept(const Probe& found) {
    found_ = found;
    out_.layout = found.version->minor;
    out_.readable_records = found.good;
    out_.whole_records = found.whole;
  }

  void distrust(std::string_view field, const std::string& why) {
    out_.doubtful_fields.emplace_back(field);
    out_.doubts.push_back(fmt::format("{} {}", field, why));
  }

  // ---- Are the values possible?

  void judge_fields() {
    IndexHeader& header = out_.header;
    if (header.num_records > found_.whole) {
      distrust("num_records",
               fmt::format("is {}, the file has room for {}", header.num_records, found_.whole));
      header.num_records = found_.whole;
    }
    if (found_.last_good > header.num_records && !out_.crc_ok) {
      distrust("num_records", fmt::format("is {}, record {} is whole", header.num_records, found_.last_good));
      header.num_records = found_.last_good;
    }
    if (header.last_uid < found_.max_uid || header.last_uid - found_.max_uid > kUidSlack) {
      distrust("last_uid", fmt::format("is {}, the highest UID is {}", header.last_uid, found_.max_uid));
      header.last_uid = found_.max_uid;
    }
    if (header.uidvalidity == 0) {
      distrust("uidvalidity", "is 0");
    }
    if (header.format > 1) {
      distrust("format", fmt::format("is {}", header.format));
      header.format = 0;
    }
    if ((header.options & ~kKnownOptions) != 0) {
      distrust("options", fmt::format("has unknown bits: {:08x}", header.options));
      header.options &= kKnownOptions;
    }
    judge_modseqs();
    judge_times();
  }

  void judge_modseqs() {
    IndexHeader& header = out_.header;
    if (has_modseq(header.minor_version) && (header.highestmodseq < found_.max_modseq ||
                                             header.highestmodseq - found_.max_modseq > kModseqSlack)) {
      distrust("highestmodseq", fmt::format("is {}, the highest of the records is {}", header.highestmodseq,
                                            found_.max_modseq));
      header.highestmodseq = std::max<std::uint64_t>(found_.max_modseq, 1);
    }
    if (header.deletedmodseq > header.highestmodseq) {
      distrust("deletedmodseq",
               fmt::format("is {}, highestmodseq is {}", header.deletedmodseq, header.highestmodseq));
      header.deletedmodseq = 0;
    }
    if (header.createdmodseq > header.highestmodseq) {
      distrust("createdmodseq",
               fmt::format("is {}, highestmodseq is {}", header.createdmodseq, header.highestmodseq));
      header.createdmodseq = 0;
    }
  }

  void judge_times() {
    using Time = std::uint64_t IndexHeader::*;
    const std::pair<std::string_view, Time> times[] = {{"last_appenddate", &IndexHeader::last_appenddate},
                                                       {"pop3_last_login", &IndexHeader::pop3_last_login},
                                                       {"first_expunged", &IndexHeader::first_expunged},
                                                       {"last_repack_time", &IndexHeader::last_repack_time},
                                                       {"recenttime", &IndexHeader::recenttime},
                                                       {"changes_epoch", &IndexHeader::changes_epoch}};
    for (const auto& [name, member] : times) {
      std::uint64_t& value = out_.header.*member;
      if (value != 0 && (value < kEarliestTime || value > kLatestTime)) {
        distrust(name, fmt::format("is {}, no time of a mail server", value));
        value = 0;
      }
    }
  }

  Bytes file_;
  Probe found_;
  SalvagedIndexHeader out_;
};

}  // namespace

SalvagedIndexHeader salvage_index_header(Bytes file) { return IndexSalvage(file).run(); }

}  // namespace cyr::mailbox
