// Which of the records that a salvager found are live, told from the pointers between them
// (format/doc/salvage.md). For formats that are skip lists and logs in one file: a newer version of a key
// stands behind the older one, and pointers of live nodes are current, those of dead nodes are as they were
// when these died. Knows nothing of bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "format/db/order.h"

namespace cyr::db {

class LiveJudge {
 public:
  using Link = std::uint64_t;  // index of a node, or one of:
  static constexpr Link end = ~Link{0};
  static constexpr Link lost_bit = Link{1} << 63U;
  static constexpr Link lost(std::uint64_t offset) {
    return lost_bit | offset;
  }  // what is at `offset` cannot be read
  static constexpr bool is_node(Link link) { return (link & lost_bit) == 0; }
  static constexpr bool is_lost(Link link) { return !is_node(link) && link != end; }

  struct Node {
    std::uint64_t offset = 0;
    std::string_view key;
    std::uint8_t level = 1;        // number of lists that it is on
    bool readable = true;          // key and value are whole
    bool sound_links = true;       // its pointers can be trusted
    bool known_live = false;       // the log proves it
    std::uint64_t erased_by = 0;   // offset of the DELETE that certainly hit it
    std::uint64_t suspect = 0;     // offset of a DELETE that may have hit it
    std::uint32_t first_link = 0;  // into links()
  };

  explicit LiveJudge(const KeyOrder& order) : order_(order) {}

  // Node 0 is the head of the list, of all levels; then the records by ascending offset. One link a level,
  // the current pointer of that level; a pointer to a DELETE is resolved to the record after it.
  void add_node(Node node, const std::vector<Link>& links);
  void set_link(std::size_t node, unsigned level, Link link) {
    links_[nodes_[node].first_link + level] = link;
  }
  // A pointer of level 0 that `node` had at some moment not before `time`.
  void add_old_link(std::size_t node, Link to, std::uint64_t time) { old_links_.push_back({node, to, time}); }
  // Log records may be lost at offsets up to this one: deletions of anything that stands before it.
  void set_last_loss(std::uint64_t offset) { last_loss_ = offset; }
  // The file holds pointers of an unfinished transaction: only level 0 tells of the committed state.
  void set_level0_only() { level0_only_ = true; }

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] Node& node(std::size_t index) { return nodes_[index]; }
  [[nodiscard]] const Node& node(std::size_t index) const { return nodes_[index]; }
  [[nodiscard]] const KeyOrder& order() const { return order_; }
  // Readable nodes with equal keys have equal ranks; ranks ascend with keys. Call after the last add_node().
  void rank();
  [[nodiscard]] std::uint32_t rank_of(std::size_t index) const { return ranks_[index]; }
  // Of the readable nodes with the key of this one it is that with the greatest offset.
  [[nodiscard]] bool is_last_of_key(std::size_t index) const { return latest_[ranks_[index]] == index; }

  enum class Verdict : std::uint8_t {
    dead,        // a pointer passes over it, a DELETE hit it, or it contradicts what is live
    superseded,  // a later version of the key is there
    live,        // reached from the head, or proven by the log
    kept,        // nothing speaks against it but that it cannot be reached
    older,       // dead, but the latest version of its key that can be read, where something live is lost
  };
  struct Finding {
    Verdict verdict = Verdict::superseded;
    std::uint64_t proof = 0;  // dead: offset of the node or DELETE that says so
    bool by_delete = false;   // dead: `proof` is a DELETE
    bool doubtful = false;    // kept: a DELETE may have hit it, or be lost
  };
  // A pointer of a live node to what cannot be read.
  struct Lost {
    std::uint64_t offset = 0;
    std::uint32_t before = 0;  // node, the greatest that points there; 0: the head
  };

  void judge();
  [[nodiscard]] const Finding& finding(std::size_t index) const { return findings_[index]; }
  [[nodiscard]] const std::vector<Lost>& losses() const { return losses_; }
  // Reached from the head but not readable.
  [[nodiscard]] const std::vector<std::uint32_t>& unreadable() const { return unreadable_; }

 private:
  struct OldLink {
    std::size_t node;
    Link to;
    std::uint64_t time;
  };
  struct Query {  // a record that is not decided yet
    std::uint32_t node = 0;
    std::uint32_t rank = 0;
    std::uint64_t gone_at = 0;  // latest moment at which a pointer passed over it
    std::uint64_t witness = 0;  // offset of the node with that pointer
    bool key_gone = false;      // at such a moment no version of the key was there
  };
  struct Interval {  // nothing of more than some level lay between the ranks at `time`
    std::uint32_t low = 0;
    std::uint32_t high = 0;  // both exclusive
    std::uint64_t time = 0;
    std::uint64_t witness = 0;
  };

  [[nodiscard]] Link link(std::size_t node, unsigned level) const {
    return links_[nodes_[node].first_link + level];
  }
  [[nodiscard]] unsigned levels(std::size_t node) const { return level0_only_ ? 1 : nodes_[node].level; }
  void check_links();
  void reach();
  void choose_candidates();
  void settle_between_live(std::uint32_t candidate);
  [[nodiscard]] Link next_readable(std::size_t node, bool& saw_key, std::string_view key) const;
  void collect_intervals(std::vector<std::vector<Interval>>& by_level) const;
  void add_interval(std::vector<std::vector<Interval>>& by_level, std::size_t node, Link to, unsigned level,
                    std::uint64_t time) const;
  void sweep(std::vector<Interval>& intervals, unsigned level);
  void settle(Query& query);
  [[nodiscard]] bool contradicts(std::uint32_t node) const;
  void mark_dead(std::uint32_t node, std::uint64_t proof, bool by_delete);

  KeyOrder order_;
  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::vector<OldLink> old_links_;
  std::uint64_t last_loss_ = 0;
  bool level0_only_ = false;

  std::vector<std::uint32_t> by_key_;  // readable nodes by key, then offset
  std::vector<std::uint32_t> ranks_;   // by node; 1 for the first key, 0 for the head
  std::uint32_t last_rank_ = 0;
  std::vector<std::uint32_t> latest_;  // node, by rank
  std::vector<bool> reached_;
  std::vector<std::uint32_t> live_;  // readable and live, by key
  std::vector<Query> queries_;       // by rank
  std::vector<Finding> findings_;
  std::vector<Lost> losses_;
  std::vector<std::uint32_t> unreadable_;
};

}  // namespace cyr::db
