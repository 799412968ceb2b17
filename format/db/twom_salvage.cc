// Which records of a damaged twom file are live. Simpler than in twoskip: REPLACE and DELETE name their
// victim, and what is on the list once stays there until its key has a later version (format/doc/twom.md).
#include <algorithm>
#include <map>
#include <set>

#include "format/db/twom_scan.h"

namespace cyr::db {

namespace {

using twom::RecordType;
using twom::Scanned;

class TwomSalvage {
 public:
  TwomSalvage(const SalvageSource& source, SalvageReport& report)
      : file_(source.file), options_(source.options), report_(report), scan_(source.file, report) {}

  void run() {
    report_.order = Order::raw;
    const auto header = twom::Scan::header(file_);
    report_.header_rebuilt = !header;
    if (header) {
      end_ = header->current_size;
      sorted_end_ = header->repack_size;
      report_.expected = header->num_records;
      dirty_ = header->is_dirty();
    }
    scan_.run(header ? header->checksum() : twom::Scan::find_kind(file_),
              header && !dirty_ ? end_ : last_byte());
    if (!header) {
      settle_end();
    }
    drop_damage_behind_the_end();
    if (end_ > file_.size()) {
      add_region(file_.size(), end_ - file_.size(), "cut off");
    }
    if (header && header->checksum() != twom::Checksum::xxh3) {
      report_.notes.emplace_back(
          "this file has no checksums that can be checked: flipped bits cannot be seen");
    }
    index();
    reach();
    collect();
    name_regions();
  }

 private:
  [[nodiscard]] const std::vector<Scanned>& items() const { return scan_.items(); }
  [[nodiscard]] bool committed(const Scanned& item) const { return item.record.offset < end_; }

  // The file is longer than what is in it, by zeros.
  [[nodiscard]] std::uint64_t last_byte() const {
    std::uint64_t end = file_.size() / 8 * 8;
    while (end > twom::first_record && load_le<std::uint64_t>(file_.data() + end - 8) == 0) {
      end -= 8;
    }
    // Records end in zeros: a marker's second checksum, or padding.
    return std::min<std::uint64_t>(file_.size(), end + 8 * 8);
  }

  // Without a header: after the last COMMIT nothing is committed, unless that COMMIT may be what is lost.
  void settle_end() {
    std::uint64_t after_commit = 0;
    for (const Scanned& item : items()) {
      after_commit = item.record.type == RecordType::commit ? item.record.end() : after_commit;
    }
    const bool lost_behind = std::any_of(
        report_.damaged.begin(), report_.damaged.end(),
        [&](const DamagedRegion& region) { return region.offset >= after_commit && region.what != "zeros"; });
    end_ = after_commit == 0 || lost_behind ? file_.size() : after_commit;
    dirty_ = true;
  }

  void drop_damage_behind_the_end() {
    std::erase_if(report_.damaged, [&](const DamagedRegion& region) {
      return region.offset >= end_ ||
             (region.what == "zeros" && region.offset + region.length >= last_byte() && !report_.expected);
    });
  }

  void add_region(std::uint64_t offset, std::uint64_t length, const char* what) {
    DamagedRegion region;
    region.offset = offset;
    region.length = length;
    region.what = what;
    report_.damaged.push_back(std::move(region));
  }

  void index() {
    for (std::size_t i = 0; i < items().size(); ++i) {
      const Scanned& item = items()[i];
      if (!committed(item)) {
        continue;
      }
      at_.emplace(item.record.offset, i);
      if (item.record.ancestor != 0 && item.record.ancestor < item.record.offset) {
        named_by_.emplace(item.record.ancestor, i);
      }
      if (twom::has_content(item.record.type) && item.whole_tail && !item.record.key.empty()) {
        const auto [latest, fresh] = latest_.insert_or_assign(item.record.key, i);
        report_.superseded += fresh ? 0 : 1;
      }
    }
    last_damage_ = 0;
    for (const DamagedRegion& region : report_.damaged) {
      last_damage_ = std::max(last_damage_, region.offset + region.length);
    }
  }

  // What the DUMMY leads to, on any level, is on the list as it is now.
  void reach() {
    std::vector<std::uint64_t> next = {twom::dummy_offset};
    std::set<std::uint64_t> seen = {twom::dummy_offset};
    while (!next.empty()) {
      const std::uint64_t offset = next.back();
      next.pop_back();
      const auto found = at_.find(offset);
      if (found == at_.end()) {
        continue;
      }
      const Scanned& item = items()[found->second];
      for (unsigned level = 0; level < item.record.level; ++level) {
        std::uint64_t to = item.record.next(level, dirty_ ? end_ : ~std::uint64_t{0});
        if (to == 0 || to >= end_) {
          continue;
        }
        to = level == 0 ? through_delete(item, to) : to;
        if (to != 0 && seen.insert(to).second) {
          next.push_back(to);
        }
      }
    }
  }

  // The record that level 0 means by `to`; 0 when it cannot be read.
  std::uint64_t through_delete(const Scanned& from, std::uint64_t to) {
    const auto found = at_.find(to);
    if (found == at_.end()) {
      LostRecord lost;
      lost.offset = to;
      if (from.record.offset != twom::dummy_offset && from.whole_tail) {
        lost.key_before = std::string(from.record.key);
      }
      report_.lost.push_back(std::move(lost));
      return 0;
    }
    const Scanned& item = items()[found->second];
    if (item.record.type == RecordType::erased) {
      return item.record.ancestor;
    }
    certain_.insert(to);
    return to;
  }

  // The last record that names it as its ancestor; items().size() when there is none.
  [[nodiscard]] std::size_t namer_of(std::uint64_t offset) const {
    const auto [from, to] = named_by_.equal_range(offset);
    return from == to ? items().size() : std::prev(to)->second;
  }

  void collect() {
    for (const auto& [key, latest] : latest_) {
      judge(items()[latest]);
    }
    for (const Scanned& item : items()) {
      if (!committed(item) && dirty_) {
        collect_uncommitted(item);
      }
    }
  }

  void judge(const Scanned& item) {
    SalvagedRecord record{item.record.key, item.record.value, item.record.offset, 0};
    if (item.repaired) {
      record.set(Mark::repaired_bit);
    }
    if (!certain_.contains(item.record.offset)) {
      // Through what names it, to the end of that chain: each is later than the one before.
      bool erased = false;
      std::uint64_t proof = 0;
      bool newer_lost = false;
      for (std::size_t i = namer_of(item.record.offset); i < items().size();
           i = namer_of(items()[i].record.offset)) {
        erased = items()[i].record.type == RecordType::erased;
        proof = items()[i].record.offset;
        newer_lost = newer_lost || !erased;  // a REPLACE whose key or value is damaged
      }
      if (erased) {
        report_.dropped.push_back({item.record.key, item.record.offset, DroppedRecord::Proof::erased, proof});
        return;
      }
      if (newer_lost) {
        record.set(Mark::older_version);
      } else if (last_damage_ > item.record.offset) {
        record.set(
            Mark::maybe_deleted);  // by a DELETE, or replaced by a record, that stood in what is damaged
      }
    }
    report_.records.push_back(record);
  }

  void collect_uncommitted(const Scanned& item) {
    if (!item.whole_tail || item.record.type == RecordType::commit) {
      return;
    }
    SalvagedRecord record{item.record.key, item.record.value, item.record.offset, 0};
    record.set(Mark::uncommitted);
    if (options_.include_uncommitted && twom::has_content(item.record.type)) {
      // The last one of a key wins, and over the committed one: the first of equal keys is kept.
      report_.records.insert(report_.records.begin(), record);
    } else {
      report_.left_out.push_back(
          {record.key, record.value, record.offset,
           item.record.type == RecordType::erased ? "uncommitted DELETE" : "uncommitted"});
    }
  }

  // In the part that the last repack wrote offsets ascend with keys.
  void name_regions() {
    for (DamagedRegion& region : report_.damaged) {
      if (region.offset >= sorted_end_) {
        continue;
      }
      for (const Scanned& item : items()) {
        const bool named =
            twom::has_content(item.record.type) && item.whole_tail && item.record.offset < sorted_end_;
        if (named && item.record.end() <= region.offset) {
          region.key_before = std::string(item.record.key);
        } else if (named && item.record.offset >= region.offset + region.length) {
          region.key_after = std::string(item.record.key);
          break;
        }
      }
    }
  }

  Bytes file_;
  const SalvageOptions& options_;
  SalvageReport& report_;
  twom::Scan scan_;
  std::uint64_t end_ = 0;  // of what is committed
  std::uint64_t sorted_end_ = 0;
  bool dirty_ = false;  // there may be pointers of a transaction that did not end
  std::uint64_t last_damage_ = 0;
  std::map<std::uint64_t, std::size_t> at_;             // committed items by offset
  std::multimap<std::uint64_t, std::size_t> named_by_;  // by ancestor
  std::map<std::string_view, std::size_t> latest_;      // of each key: the last whole record
  std::set<std::uint64_t> certain_;                     // records that a pointer of the present list leads to
};

}  // namespace

Status salvage_twom(const SalvageSource& source, SalvageReport& report) {
  TwomSalvage(source, report).run();
  return success();
}

}  // namespace cyr::db
