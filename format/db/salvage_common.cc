#include "format/db/salvage_common.h"

#include <algorithm>

namespace cyr::db {

namespace {

// The first record whose key is greater than that of a node (the head: the first of all).
std::optional<std::string> key_after(const LiveJudge& judge, std::uint32_t node,
                                     const SalvageReport& report) {
  const auto found =
      node == 0 ? report.records.begin()
                : std::partition_point(report.records.begin(), report.records.end(),
                                       [&](const SalvagedRecord& record) {
                                         return !judge.order().less(judge.node(node).key, record.key);
                                       });
  return found == report.records.end() ? std::nullopt : std::optional(std::string(found->key));
}

std::optional<std::string> key_of(const LiveJudge& judge, std::uint32_t node) {
  return node == 0 ? std::nullopt : std::optional(std::string(judge.node(node).key));
}

// The narrowest range that holds all losses in the region; `report.lost` is sorted.
void name_by_losses(const SalvageReport& report, const KeyOrder& order, DamagedRegion& region) {
  const std::uint64_t end = region.offset + region.length;
  bool any = false;
  auto at = std::partition_point(report.lost.begin(), report.lost.end(),
                                 [&](const LostRecord& lost) { return lost.offset < region.offset; });
  for (; at != report.lost.end() && at->offset < end; ++at) {
    const LostRecord& lost = *at;
    if (!any || !lost.key_before || (region.key_before && order.less(*lost.key_before, *region.key_before))) {
      region.key_before = lost.key_before;
    }
    if (!any || !lost.key_after || (region.key_after && order.less(*region.key_after, *lost.key_after))) {
      region.key_after = lost.key_after;
    }
    any = true;
  }
}

void name_by_place(const LiveJudge& judge, DamagedRegion& region) {
  std::size_t low = 1;
  std::size_t high = judge.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (judge.node(middle).offset < region.offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low > 1) {
    region.key_before = std::string(judge.node(low - 1).key);
  }
  if (low < judge.size()) {
    region.key_after = std::string(judge.node(low).key);
  }
}

}  // namespace

void report_losses(const LiveJudge& judge, SalvageReport& report) {
  for (const LiveJudge::Lost& loss : judge.losses()) {
    report.lost.push_back(
        {loss.offset, {}, key_of(judge, loss.before), key_after(judge, loss.before, report)});
  }
  for (const std::uint32_t index : judge.unreadable()) {
    const LiveJudge::Node& node = judge.node(index);
    if (index == 0) {
      continue;  // the head of the list holds no record
    }
    report.lost.push_back({node.offset, std::string(node.key), {}, {}});
  }
  std::sort(report.lost.begin(), report.lost.end(),
            [](const auto& a, const auto& b) { return a.offset < b.offset; });
}

void name_regions(const LiveJudge& judge, std::uint64_t sorted_end, SalvageReport& report) {
  for (DamagedRegion& region : report.damaged) {
    if (region.offset < sorted_end) {
      name_by_place(judge, region);
    } else {
      name_by_losses(report, judge.order(), region);
    }
  }
}

void report_node(const LiveJudge& judge, std::size_t node, SalvagedRecord record, SalvageReport& report) {
  using Verdict = LiveJudge::Verdict;
  const LiveJudge::Finding& finding = judge.finding(node);
  switch (finding.verdict) {
    case Verdict::superseded:
      ++report.superseded;
      return;
    case Verdict::dead:
      report.dropped.push_back(
          {record.key, record.offset,
           finding.by_delete ? DroppedRecord::Proof::erased : DroppedRecord::Proof::unlinked, finding.proof});
      return;
    case Verdict::older:
      record.set(Mark::older_version);
      break;
    case Verdict::kept:
      if (finding.doubtful) {
        record.set(Mark::maybe_deleted);
      }
      break;
    case Verdict::live:
      break;
  }
  report.records.push_back(record);
}

void UncommittedTail::add(SalvagedRecord record, bool is_delete) {
  record.set(Mark::uncommitted);
  if (wanted_ && !is_delete) {
    records_.push_back(record);
  } else {
    report_.left_out.push_back(
        {record.key, record.value, record.offset, is_delete ? "uncommitted DELETE" : "uncommitted"});
  }
}

// The last one of a key wins, and over the committed one: the first of equal keys is kept (sort_records).
void UncommittedTail::finish() {
  report_.records.insert(report_.records.begin(), records_.rbegin(), records_.rend());
}

}  // namespace cyr::db
