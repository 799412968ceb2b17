// Which records of a damaged twoskip file are live: all that is whole (twoskip_scan.h), less what later
// versions, exact DELETEs and pointers prove to be dead (live_judge.h). format/doc/salvage.md tells why each
// step is sound.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "format/db/salvage_common.h"
#include "format/db/twoskip_scan.h"

namespace cyr::db {

namespace {

using twoskip::RecordType;
using twoskip::Scanned;

constexpr int most_hops = 4;  // DELETEs that may follow each other in the list; Cyrus leaves one

class TwoskipSalvage {
 public:
  TwoskipSalvage(const SalvageSource& source, SalvageReport& report)
      : file_(source.file), options_(source.options), report_(report), scan_(source.file, report) {}

  void run() {
    scan_.run();
    settle_end();
    report_.order = find_order();
    LiveJudge judge{KeyOrder(report_.order)};
    add_nodes(judge);
    replay(judge);
    judge.judge();
    collect(judge);
    sort_records(report_);
    report_losses(judge, report_);
    name_regions(judge, sorted_end_, report_);
  }

 private:
  using Items = std::vector<Scanned>;
  [[nodiscard]] const Items& items() const { return scan_.items(); }

  // ---- where the committed part ends ----

  void settle_end() {
    const auto header = scan_.header();
    report_.header_rebuilt = !header;
    if (!header) {
      end_ = end_without_header();
      return;
    }
    end_ = header->current_size;
    sorted_end_ = header->repack_size;
    report_.expected = header->num_records;
    unfinished_ = header->is_dirty() || end_ < file_.size();
    if (end_ > file_.size()) {
      DamagedRegion region;
      region.offset = file_.size();
      region.length = end_ - file_.size();
      region.what = "cut off";
      report_.damaged.push_back(std::move(region));
    }
  }

  // What follows the last COMMIT is of a transaction that was not finished, unless its COMMIT may be lost: in
  // damage, or cut off with the end of the file, to which a pointer leads.
  std::uint64_t end_without_header() {
    std::uint64_t committed = twoskip::first_record;
    bool any = false;
    for (const Scanned& item : items()) {
      any = any || item.record.type == RecordType::commit;
      committed = item.record.type == RecordType::commit ? item.record.end() : committed;
    }
    const bool tail = !items().empty() && items().back().record.offset >= committed &&
                      items().back().record.type != RecordType::dummy;
    const bool damaged_after =
        !report_.damaged.empty() && report_.damaged.back().offset + report_.damaged.back().length > committed;
    if (!tail || !any || damaged_after || points_beyond()) {
      return std::max<std::uint64_t>(file_.size(), committed);
    }
    unfinished_ = true;
    return committed;
  }

  [[nodiscard]] bool points_beyond() const {
    return std::any_of(items().begin(), items().end(), [&](const Scanned& item) {
      for (unsigned i = 0; item.sound_slots && i <= item.record.level; ++i) {
        if (item.record.slot(i) >= file_.size()) {
          return true;
        }
      }
      return false;
    });
  }

  // ---- pointers ----

  // The item at an offset; items().size() when there is none.
  [[nodiscard]] std::size_t find(std::uint64_t offset) const {
    const auto found = std::partition_point(items().begin(), items().end(),
                                            [&](const Scanned& item) { return item.record.offset < offset; });
    return found != items().end() && found->record.offset == offset
               ? static_cast<std::size_t>(found - items().begin())
               : items().size();
  }

  // The RECORD that a pointer leads to, through DELETEs; `passed`: the last DELETE on the way.
  [[nodiscard]] LiveJudge::Link resolve(std::uint64_t offset, std::uint64_t* passed = nullptr) const {
    for (int hop = 0; hop < most_hops && offset != 0; ++hop) {
      const std::size_t index = find(offset);
      if (index == items().size() || offset >= end_) {
        return LiveJudge::lost(offset);
      }
      const Scanned& item = items()[index];
      if (item.record.type == RecordType::record) {
        return node_of_[index];
      }
      if (item.record.type != RecordType::erased) {
        return LiveJudge::lost(offset);
      }
      if (passed != nullptr) {
        *passed = offset;
      }
      offset = item.record.slot(0);
    }
    return offset == 0 ? LiveJudge::end : LiveJudge::lost(offset);
  }

  // The keys themselves say in which order the list is.
  Order find_order() {
    number_nodes();
    OrderSet orders;
    for (const Scanned& item : items()) {
      if (item.record.type != RecordType::record || !item.whole_tail || !item.sound_slots) {
        continue;
      }
      for (unsigned i = 0; i <= item.record.level; ++i) {
        const LiveJudge::Link to = item.record.slot(i) == 0 ? LiveJudge::end : resolve(item.record.slot(i));
        if (LiveJudge::is_node(to) && items()[item_of_[to]].whole_tail) {
          orders.narrow(item.record.key, items()[item_of_[to]].record.key);
        }
      }
    }
    return orders.pick(options_.open.order.value_or(Order::raw));
  }

  void number_nodes() {
    node_of_.assign(items().size(), 0);
    item_of_.assign(1, 0);
    for (std::size_t i = 0; i < items().size(); ++i) {
      if (items()[i].record.type == RecordType::record && items()[i].record.offset < end_) {
        node_of_[i] = static_cast<std::uint32_t>(item_of_.size());
        item_of_.push_back(static_cast<std::uint32_t>(i));
      }
    }
  }

  void add_nodes(LiveJudge& judge) const {
    const bool dummy = !items().empty() && items().front().record.type == RecordType::dummy;
    LiveJudge::Node head;
    head.level = twoskip::max_level;
    head.sound_links = dummy && items().front().sound_slots;
    judge.add_node(head, head.sound_links
                             ? links_of(items().front())
                             : std::vector<LiveJudge::Link>(twoskip::max_level, LiveJudge::lost(0)));
    for (std::size_t i = 1; i < item_of_.size(); ++i) {
      const Scanned& item = items()[item_of_[i]];
      LiveJudge::Node node;
      node.offset = item.record.offset;
      node.key = item.record.key;
      node.level = static_cast<std::uint8_t>(item.record.level);
      node.readable = item.whole_tail && !item.record.key.empty();
      node.sound_links = item.sound_slots;
      judge.add_node(node, links_of(item));
    }
    for (std::size_t i = 0; i < item_of_.size(); ++i) {
      if (i > 0 || dummy) {
        add_old_links(judge, i, items()[item_of_[i]]);
      }
    }
    if (unfinished_) {
      judge.set_level0_only();
    }
    for (const DamagedRegion& region : report_.damaged) {
      judge.set_last_loss(region.offset + region.length);
    }
    judge.rank();
  }

  [[nodiscard]] std::vector<LiveJudge::Link> links_of(const Scanned& item) const {
    std::vector<LiveJudge::Link> links;
    for (unsigned level = 0; level < item.record.level; ++level) {
      links.push_back(resolve(item.record.next(level, unfinished_ ? end_ : ~std::uint64_t{0})));
    }
    return links;
  }

  // Both pointers of level 0 were right once; through a DELETE the moment is known to be later.
  void add_old_links(LiveJudge& judge, std::size_t node, const Scanned& item) const {
    if (!item.sound_slots || !item.whole_tail) {
      return;
    }
    for (unsigned slot = 0; slot < 2; ++slot) {
      const std::uint64_t target = item.record.slot(slot);
      std::uint64_t passed = target;
      if (target != 0 && target < end_) {
        const LiveJudge::Link to = resolve(target, &passed);
        judge.add_old_link(node, to, std::max({item.record.offset, target, passed}));
      }
    }
  }

  // ---- the log ----

  // A DELETE's victim is the greatest key below the record that it points to. For certain only while nothing
  // before it is damaged; later some key may be missing between.
  void replay(LiveJudge& judge) const {
    if (report_.damaged.empty() &&
        std::all_of(items().begin(), items().end(), [](const Scanned& item) { return item.whole_tail; })) {
      return;  // the list is whole, and says it all
    }
    const std::uint64_t first_damage = first_loss();
    std::set<std::uint32_t> present;                         // ranks
    std::vector<std::uint32_t> latest(item_of_.size() + 1);  // node by rank
    for (std::size_t i = 0; i < items().size() && items()[i].record.offset < end_; ++i) {
      const Scanned& item = items()[i];
      if (item.record.type == RecordType::record && node_of_[i] != 0 && judge.node(node_of_[i]).readable) {
        const std::uint32_t rank = judge.rank_of(node_of_[i]);
        present.insert(rank);
        latest[rank] = node_of_[i];
      } else if (item.record.type == RecordType::erased) {
        const LiveJudge::Link after = resolve(item.record.slot(0));
        if (LiveJudge::is_lost(after) || (LiveJudge::is_node(after) && !judge.node(after).readable)) {
          continue;
        }
        auto victim = after == LiveJudge::end ? present.end() : present.lower_bound(judge.rank_of(after));
        if (victim == present.begin()) {
          continue;
        }
        --victim;
        LiveJudge::Node& node = judge.node(latest[*victim]);
        (item.record.offset < first_damage ? node.erased_by : node.suspect) = item.record.offset;
        present.erase(victim);
      }
    }
  }

  [[nodiscard]] std::uint64_t first_loss() const {
    std::uint64_t first = report_.damaged.empty() ? end_ : report_.damaged.front().offset;
    for (const Scanned& item : items()) {
      if (!item.whole_tail) {
        return std::min(first, item.record.offset);
      }
    }
    return first;
  }

  // ---- the report ----

  void collect(const LiveJudge& judge) {
    for (std::size_t i = 1; i < item_of_.size(); ++i) {
      if (judge.node(i).readable) {
        report_node(judge, i, record_of(items()[item_of_[i]]), report_);
      }
    }
    UncommittedTail tail(options_.include_uncommitted, report_);
    for (const Scanned& item : items()) {
      if (item.record.offset < end_ || item.record.type == RecordType::commit || !item.whole_tail) {
        continue;
      }
      tail.add(record_of(item), item.record.type != RecordType::record);
    }
    tail.finish();
  }

  static SalvagedRecord record_of(const Scanned& item) {
    return {item.record.key, item.record.value, item.record.offset, item.marks};
  }

  Bytes file_;
  const SalvageOptions& options_;
  SalvageReport& report_;
  twoskip::Scan scan_;
  std::uint64_t end_ = 0;               // of what is committed
  std::uint64_t sorted_end_ = 0;        // below it, offsets ascend with keys
  bool unfinished_ = false;             // there are pointers of a transaction that did not end
  std::vector<std::uint32_t> node_of_;  // by item; 0: no node
  std::vector<std::uint32_t> item_of_;  // by node; 0 for the head
};

}  // namespace

Status salvage_twoskip(const SalvageSource& source, SalvageReport& report) {
  TwoskipSalvage(source, report).run();
  return success();
}

}  // namespace cyr::db
