// The linear view of a skiplist file: nodes of the last checkpoint, then transactions.
#include <fmt/format.h>

#include <map>
#include <set>

#include "format/db/skiplist_view.h"

namespace cyr::db::skiplist {

namespace {

class Replay {
 public:
  Replay(Bytes file, const Header& header, const KeyOrder& order)
      : file_(file),
        header_(header),
        order_(order),
        live_([order](std::string_view a, std::string_view b) { return order.less(a, b); }) {}

  Result<Replayed> run() {
    CYR_CHECK(sorted_part());
    std::uint64_t offset = header_.logstart;
    while (true) {
      CYR_TRY(const std::uint64_t end, transaction_end(offset));
      if (end == offset) {
        break;
      }
      CYR_CHECK(spread());
      CYR_CHECK(apply(offset, end));
      offset = end;
    }
    out_.end = offset;
    if (!spread_) {
      return std::move(out_);
    }
    out_.live.reserve(live_.size());
    for (const auto& [key, node] : live_) {
      out_.live.push_back(node);
    }
    return std::move(out_);
  }

 private:
  Status sorted_part() {
    if (header_.logstart > file_.size()) {
      return corrupt(
          fmt::format("file has {} bytes, its sorted part ends at {}", file_.size(), header_.logstart), 40);
    }
    CYR_TRY(const Node dummy, decode_node(file_, dummy_offset));
    for (std::uint64_t offset = dummy.end(); offset < header_.logstart;) {
      CYR_TRY(const Node node, decode_node(file_, offset));
      if (node.type != RecordType::inorder || node.end() > header_.logstart) {
        return corrupt("wrong record in the sorted part", offset);
      }
      if (!spread_ && !out_.live.empty() && !order_.less(previous_, node.key)) {
        CYR_CHECK(spread());
      }
      previous_ = node.key;
      if (spread_) {
        set(node);
      } else {
        out_.live.push_back(node.offset);
      }
      offset = node.end();
    }
    return success();
  }

  // The sorted part as it should be is a list of offsets; it goes into the map only when there is a log to
  // apply to it, so that a file right after a checkpoint needs none.
  Status spread() {
    if (spread_) {
      return success();
    }
    spread_ = true;
    for (const std::uint64_t offset : out_.live) {
      CYR_TRY(const Node node, decode_node(file_, offset));
      set(node);
    }
    out_.live = {};
    return success();
  }

  // Zero words between records were left by releases before 2.3.11.
  std::uint64_t skip_zeros(std::uint64_t offset) {
    const std::uint64_t start = offset;
    while (offset + 4 <= file_.size() && load_be<std::uint32_t>(file_.data() + offset) == 0) {
      offset += 4;
    }
    return offset + 4 <= file_.size() ? offset : start;
  }

  // End of the transaction that begins at `start`, its COMMIT included; `start` when no more is committed.
  Result<std::uint64_t> transaction_end(std::uint64_t start) {
    std::uint64_t offset = start;
    while (offset < file_.size()) {
      offset = skip_zeros(offset);
      auto record = decode_log_record(file_, offset);
      if (!record || record->type == RecordType::inorder) {
        if (const auto later = committed_after(offset)) {
          return corrupt(fmt::format("unreadable log record, but a transaction after it ends at {}", *later),
                         offset);
        }
        return start;
      }
      offset = record->end;
      if (record->type == RecordType::commit) {
        return offset;
      }
    }
    return start;
  }

  // Whether anything after `offset` looks like the end of a committed transaction: then stopping here would
  // lose it.
  [[nodiscard]] std::optional<std::uint64_t> committed_after(std::uint64_t offset) const {
    std::set<std::uint64_t> ends;  // of plausible records that were met; at most one per 8 bytes
    for (std::uint64_t at = offset - offset % 4 + 4; at + 4 <= file_.size(); at += 4) {
      const auto type = static_cast<RecordType>(load_be<std::uint32_t>(file_.data() + at));
      if (type == RecordType::commit && ends.contains(at)) {
        return at + 4;
      }
      ends.erase(ends.begin(), ends.upper_bound(at));
      if (type != RecordType::add && type != RecordType::erased) {
        continue;
      }
      const auto record = decode_log_record(file_, at);
      if (record && (type == RecordType::add || is_node(record->victim, at))) {
        ends.insert(record->end);
      }
    }
    return {};
  }

  [[nodiscard]] bool is_node(std::uint64_t offset, std::uint64_t before) const {
    return offset < before && decode_node(file_, offset).has_value();
  }

  Status apply(std::uint64_t offset, std::uint64_t end) {
    while (offset < end) {
      const std::uint64_t at = skip_zeros(offset);
      out_.odd = out_.odd || at != offset;
      CYR_TRY(const LogRecord record, decode_log_record(file_, at));
      if (record.type == RecordType::add) {
        set(record.node);
      } else if (record.type == RecordType::erased) {
        CYR_CHECK(erase(record.victim, at));
      }
      offset = record.end;
    }
    return success();
  }

  void set(const Node& node) {
    out_.odd = live_.erase(node.key) != 0 || out_.odd;  // the key's bytes are the new node's from now on
    live_.emplace(node.key, node.offset);
  }

  Status erase(std::uint64_t victim, std::uint64_t at) {
    if (victim >= at) {
      return corrupt(fmt::format("DELETE of a later record at {}", victim), at);
    }
    CYR_TRY(const Node node, decode_node(file_, victim));
    const auto found = live_.find(node.key);
    if (found == live_.end() || found->second != victim) {
      out_.odd = true;
      return success();
    }
    live_.erase(found);
    return success();
  }

  Bytes file_;
  const Header& header_;
  KeyOrder order_;
  bool spread_ = false;        // the records are in live_, no longer in out_.live
  std::string_view previous_;  // key, in the sorted part
  std::map<std::string_view, std::uint64_t, std::function<bool(std::string_view, std::string_view)>> live_;
  Replayed out_;
};

// Number of records by the log, without a map: right for every log but those that Replayed calls odd.
Result<std::uint64_t> count_committed(Bytes file, const Header& header) {
  CYR_TRY(const Node dummy, decode_node(file, dummy_offset));
  std::uint64_t count = 0;
  for (std::uint64_t offset = dummy.end(); offset < file.size();) {
    CYR_TRY(const LogRecord record, decode_log_record(file, offset));
    const bool is_node = record.type == RecordType::add || record.type == RecordType::inorder;
    count += is_node ? 1 : 0;
    count -= record.type == RecordType::erased ? 1 : 0;
    if (offset < header.logstart && record.type != RecordType::inorder) {
      return corrupt("wrong record in the sorted part", offset);
    }
    offset = record.end;
  }
  return count;
}

}  // namespace

bool list_is_whole(Bytes file, const Header& header) {
  const SkiplistView list(file, header);
  OrderSet orders;
  const auto chained = list.check_chains(orders);
  if (!chained) {
    return false;
  }
  // The list has only committed records (others would lie behind the end), in order: as many are the same
  // ones.
  if (const auto committed = count_committed(file, header); committed && *committed == *chained) {
    return true;
  }
  const auto log = replay_log(file, header, KeyOrder(orders.pick(Order::signed_char)));
  return log && list.check_same(log->live).has_value();
}

Result<Replayed> replay_log(Bytes file, const Header& header, const KeyOrder& order) {
  return Replay(file, header, order).run();
}

}  // namespace cyr::db::skiplist
