// Which records of a damaged skiplist file are live: the log says it exactly where it is whole (a DELETE
// names its victim), pointers say it where the log is not (live_judge.h). format/doc/salvage.md tells why
// each step is sound.
#include <algorithm>
#include <array>
#include <bit>

#include "format/db/salvage_common.h"
#include "format/db/skiplist_scan.h"

namespace cyr::db {

namespace {

using skiplist::RecordType;
using skiplist::Scanned;

constexpr int most_hops = 1000;  // nodes of an unfinished transaction that are stepped over

class SkiplistSalvage {
 public:
  SkiplistSalvage(const SalvageSource& source, SalvageReport& report)
      : file_(source.file), options_(source.options), report_(report), scan_(source.file, report) {}

  void run() {
    const auto header = skiplist::decode_header(file_);
    report_.header_rebuilt = !header;
    scan_.run();
    settle_end(header ? header->logstart : 0);
    trim_padding(&skiplist::Node::key);
    trim_padding(&skiplist::Node::value);
    number_nodes();
    report_.order = find_order();
    KeyOrder order(report_.order);
    check_sorted_keys(order);
    LiveJudge judge(order);
    add_nodes(judge);
    read_log(judge);
    judge.judge();
    collect(judge);
    sort_records(report_);
    if (!report_.damaged.empty() || cut_) {
      report_losses(judge, report_);
    }
    name_regions(judge, log_start_, report_);
  }

 private:
  using Items = std::vector<Scanned>;
  [[nodiscard]] const Items& items() const { return scan_.items(); }
  [[nodiscard]] static bool is_node(const Scanned& item) {
    return item.type == RecordType::inorder || item.type == RecordType::add;
  }

  // ---- where sorted part and committed part end ----

  void settle_end(std::uint64_t log_start) {
    std::uint64_t last_sorted = skiplist::first_record;
    std::uint64_t committed = 0;
    for (const Scanned& item : items()) {
      last_sorted = item.type == RecordType::inorder ? item.end : last_sorted;
      committed = item.type == RecordType::commit ? item.end : committed;
    }
    log_start_ = std::max(last_sorted, log_start <= file_.size() ? log_start : 0);
    committed = std::max(committed, log_start_);
    cut_ = points_beyond();
    if (cut_) {
      DamagedRegion region;
      region.offset = file_.size();
      region.what = "cut off";
      report_.damaged.push_back(std::move(region));
    }
    for (const DamagedRegion& region : report_.damaged) {
      const std::uint64_t region_end = region.offset + region.length;
      last_loss_ = region_end > log_start_ || region.what == "cut off" ? region_end : last_loss_;
    }
    // What follows the last COMMIT is of a transaction that was not finished, unless its COMMIT may be lost.
    const bool tail =
        !items().empty() && items().back().offset >= committed && items().back().type != RecordType::dummy;
    unfinished_ = tail && last_loss_ <= committed;
    end_ = unfinished_ ? committed : file_.size();
  }

  // Pointers are written after what they lead to: one that leads behind the end shows that the end was cut
  // off.
  [[nodiscard]] bool points_beyond() const {
    return std::any_of(items().begin(), items().end(), [&](const Scanned& item) {
      for (unsigned level = 0; level < item.node.level; ++level) {
        if (const auto next = item.node.next(level);
            next >= file_.size() && next % 4 == 0 && next < beyond_limit()) {
          return true;
        }
      }
      return false;
    });
  }
  // A flipped high bit is no proof of a longer file: one that was cut to less than an eighth is not told from
  // it.
  [[nodiscard]] std::uint64_t beyond_limit() const { return 8 * std::uint64_t{file_.size()}; }

  // ---- pointers ----

  void number_nodes() {
    node_of_.assign(items().size(), 0);
    item_of_.assign(1, 0);
    for (std::size_t i = 0; i < items().size(); ++i) {
      if (is_node(items()[i]) && items()[i].offset < end_) {
        node_of_[i] = static_cast<std::uint32_t>(item_of_.size());
        item_of_.push_back(static_cast<std::uint32_t>(i));
      }
    }
  }

  // The committed node that a pointer leads to, through nodes of an unfinished transaction.
  [[nodiscard]] LiveJudge::Link resolve(std::uint64_t offset, unsigned level) const {
    for (int hop = 0; hop < most_hops && offset != 0; ++hop) {
      const std::size_t index = scan_.find(offset);
      if (index == items().size() || !is_node(items()[index]) || level >= items()[index].node.level) {
        return LiveJudge::lost(offset);
      }
      if (node_of_[index] != 0) {
        return node_of_[index];
      }
      offset = items()[index].node.next(level);
    }
    return offset == 0 ? LiveJudge::end : LiveJudge::lost(offset);
  }

  Order find_order() const {
    // One pointer that is wrong must not decide: the order that the most pairs of neighbours satisfy.
    std::array<std::uint64_t, 3> votes{};
    constexpr std::array<Order, 3> orders{Order::signed_char, Order::raw, Order::mbox};
    const std::array<KeyOrder, 3> compare{KeyOrder(orders[0]), KeyOrder(orders[1]), KeyOrder(orders[2])};
    for (std::size_t i = 1; i < item_of_.size(); ++i) {
      const Scanned& item = items()[item_of_[i]];
      const LiveJudge::Link to = resolve(item.node.next(0), 0);
      if (!LiveJudge::is_node(to)) {
        continue;
      }
      for (std::size_t j = 0; j < orders.size(); ++j) {
        votes[j] += compare[j].less(item.node.key, items()[item_of_[to]].node.key) ? 1 : 0;
      }
    }
    const std::uint64_t most = *std::max_element(votes.begin(), votes.end());
    for (std::size_t j = 0; options_.open.order && j < orders.size(); ++j) {
      if (orders[j] == *options_.open.order && votes[j] == most) {
        return orders[j];
      }
    }
    return orders[static_cast<std::size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin())];
  }

  // A flipped low bit of a length takes zeros of the padding in. Seen when one record of the file ends with
  // NULs.
  void trim_padding(std::string_view skiplist::Node::*part) {
    Scanned* odd = nullptr;
    for (Scanned& item : scan_.items()) {
      if (is_node(item) && (item.node.*part).ends_with('\0')) {
        if (odd != nullptr) {
          return;
        }
        odd = &item;
      }
    }
    if (odd == nullptr) {
      return;
    }
    const std::string_view text = odd->node.*part;
    const std::size_t size = text.find_last_not_of('\0') + 1;
    if (size > 0 && std::has_single_bit(size ^ text.size()) &&
        round_up(size, 4) == round_up(text.size(), 4)) {
      odd->node.*part = text.substr(0, size);
      odd->marks |= static_cast<std::uint8_t>(Mark::repaired_bit);
    }
  }

  // In the sorted part a key that does not fit between its neighbours has a flipped bit; put right when only
  // one bit can be it, left out otherwise.
  void check_sorted_keys(const KeyOrder& order) {
    Items& all = scan_.items();
    for (std::size_t i = 1; i + 1 < all.size() && all[i + 1].type == RecordType::inorder; ++i) {
      Scanned& item = all[i];
      const std::string_view before = all[i - 1].node.key;
      const std::string_view after = all[i + 1].node.key;
      const bool fits = order.less(before, item.node.key) && order.less(item.node.key, after);
      if (fits || item.type != RecordType::inorder || !order.less(before, after)) {
        continue;
      }
      mend_key(item, before, after, order);
    }
  }

  void mend_key(Scanned& item, std::string_view before, std::string_view after, const KeyOrder& order) {
    constexpr std::size_t longest = 4096;  // bytes of a key that is tried
    std::string key(item.node.key.substr(0, longest));
    std::optional<std::string> found;
    int answers = 0;
    for (std::size_t i = 0; key.size() == item.node.key.size() && i < key.size() * 8; ++i) {
      char& byte = key[i / 8];
      const char was = byte;
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << (i % 8)));
      if (order.less(before, key) && order.less(key, after)) {
        found = key;
        ++answers;
      }
      byte = was;
    }
    if (answers == 1) {
      item.node.key = report_.keep(std::move(*found));
      item.marks |= static_cast<std::uint8_t>(Mark::repaired_bit);
    } else {
      report_.left_out.push_back({item.node.key, item.node.value, item.offset, "key out of order"});
      left_out_.push_back(item.offset);
    }
  }

  void add_nodes(LiveJudge& judge) const {
    const bool dummy = !items().empty() && items().front().type == RecordType::dummy;
    LiveJudge::Node head;
    head.level = skiplist::max_level;
    head.sound_links = dummy;
    std::vector<LiveJudge::Link> links = dummy ? links_of(items().front()) : std::vector<LiveJudge::Link>();
    links.resize(skiplist::max_level, LiveJudge::lost(0));
    judge.add_node(head, links);
    for (std::size_t i = 1; i < item_of_.size(); ++i) {
      const Scanned& item = items()[item_of_[i]];
      LiveJudge::Node node;
      node.offset = item.offset;
      node.key = item.node.key;
      node.level = static_cast<std::uint8_t>(item.node.level);
      node.readable = !std::binary_search(left_out_.begin(), left_out_.end(), item.offset);
      judge.add_node(node, links_of(item));
    }
    judge.set_last_loss(last_loss_);
    judge.rank();
  }

  [[nodiscard]] std::vector<LiveJudge::Link> links_of(const Scanned& item) const {
    std::vector<LiveJudge::Link> links;
    for (unsigned level = 0; level < item.node.level; ++level) {
      links.push_back(resolve(item.node.next(level), level));
    }
    return links;
  }

  // ---- the log ----

  void read_log(LiveJudge& judge) const {
    for (const Scanned& item : items()) {
      if (item.type != RecordType::erased || item.offset >= end_) {
        continue;
      }
      const std::size_t victim = scan_.find(item.victim);
      // Before an ADD it is half of a replacement; if the ADD is lost, the old version is the best there is.
      if (victim != items().size() && node_of_[victim] != 0 && !item.before_damage) {
        judge.node(node_of_[victim]).erased_by = item.offset;
      }
    }
    for (std::size_t i = 1; i < item_of_.size(); ++i) {
      LiveJudge::Node& node = judge.node(i);
      const bool log_is_whole = node.offset >= last_loss_;
      node.known_live = log_is_whole && node.readable && node.erased_by == 0 && judge.is_last_of_key(i);
    }
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
      if (item.offset < end_ || item.type == RecordType::commit) {
        continue;
      }
      tail.add(record_of(item), !is_node(item));
    }
    tail.finish();
  }

  static SalvagedRecord record_of(const Scanned& item) {
    return {item.node.key, item.node.value, item.offset, item.marks};
  }

  Bytes file_;
  const SalvageOptions& options_;
  SalvageReport& report_;
  skiplist::Scan scan_;
  std::uint64_t log_start_ = 0;
  std::uint64_t end_ = 0;                // of what is committed
  std::uint64_t last_loss_ = 0;          // log records may be lost up to here
  bool cut_ = false;                     // the end of the file is missing
  bool unfinished_ = false;              // there are pointers of a transaction that did not end
  std::vector<std::uint64_t> left_out_;  // offsets, ascending
  std::vector<std::uint32_t> node_of_;   // by item; 0: no node
  std::vector<std::uint32_t> item_of_;   // by node; 0 for the head
};

}  // namespace

Status salvage_skiplist(const SalvageSource& source, SalvageReport& report) {
  SkiplistSalvage(source, report).run();
  return success();
}

}  // namespace cyr::db
