#include "format/db/live_judge.h"

#include <algorithm>
#include <queue>

namespace cyr::db {

namespace {

constexpr int most_unreadable = 32;               // nodes in a row that are stepped over
constexpr std::uint64_t now = ~std::uint64_t{0};  // the moment of a live node's pointers

}  // namespace

void LiveJudge::add_node(Node node, const std::vector<Link>& links) {
  node.first_link = static_cast<std::uint32_t>(links_.size());
  links_.insert(links_.end(), links.begin(), links.end());
  nodes_.push_back(node);
}

void LiveJudge::rank() {
  by_key_.clear();
  for (std::uint32_t i = 1; i < nodes_.size(); ++i) {
    if (nodes_[i].readable) {
      by_key_.push_back(i);
    }
  }
  std::sort(by_key_.begin(), by_key_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int difference = order_.compare(nodes_[a].key, nodes_[b].key);
    return difference != 0 ? difference < 0 : a < b;
  });
  ranks_.assign(nodes_.size(), 0);
  latest_.assign(by_key_.size() + 1, 0);
  std::uint32_t last = 0;
  for (std::size_t i = 0; i < by_key_.size(); ++i) {
    if (i == 0 || order_.compare(nodes_[by_key_[i - 1]].key, nodes_[by_key_[i]].key) != 0) {
      ++last;
    }
    ranks_[by_key_[i]] = last;
    latest_[last] = by_key_[i];
  }
  last_rank_ = last;
}

void LiveJudge::judge() {
  findings_.assign(nodes_.size(), {});
  check_links();
  reach();
  choose_candidates();
  if (!queries_.empty()) {
    std::vector<std::vector<Interval>> by_level(256);
    collect_intervals(by_level);
    for (unsigned level = 0; level < by_level.size(); ++level) {
      sweep(by_level[level], level);
    }
    // Pointers lead to greater keys: these are settled first.
    std::for_each(queries_.rbegin(), queries_.rend(), [&](Query& query) { settle(query); });
  }
}

// A pointer leads to a greater key on the same level, else it is none.
void LiveJudge::check_links() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (unsigned level = 0; level < nodes_[i].level; ++level) {
      Link& to = links_[nodes_[i].first_link + level];
      if (!is_node(to)) {
        continue;
      }
      const bool ordered = !nodes_[i].readable || !nodes_[to].readable || ranks_[i] < ranks_[to];
      if (!nodes_[i].sound_links || !ordered || nodes_[to].level <= level || to == 0) {
        to = lost(nodes_[to].offset);
      }
    }
  }
}

// What live nodes point to is live.
void LiveJudge::reach() {
  reached_.assign(nodes_.size(), false);
  std::vector<std::uint32_t> open;
  const auto visit = [&](std::uint64_t index) {
    if (!reached_[index] && nodes_[index].erased_by == 0) {
      reached_[index] = true;
      open.push_back(static_cast<std::uint32_t>(index));
    }
  };
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    if (i == 0 || nodes_[i].known_live) {
      visit(i);
    }
  }
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (!nodes_[at].readable) {
      unreadable_.push_back(at);
    }
    for (unsigned level = 0; level < levels(at) && nodes_[at].sound_links; ++level) {
      const Link to = link(at, level);
      if (is_node(to)) {
        visit(to);
      } else if (is_lost(to)) {
        losses_.push_back({to & ~lost_bit, at});
      }
    }
  }
  std::sort(unreadable_.begin(), unreadable_.end());
  // One entry for what is pointed to on several levels: the nearest node before it.
  std::sort(losses_.begin(), losses_.end(), [&](const Lost& a, const Lost& b) {
    return a.offset != b.offset ? a.offset < b.offset : ranks_[a.before] > ranks_[b.before];
  });
  losses_.erase(std::unique(losses_.begin(), losses_.end(),
                            [](const Lost& a, const Lost& b) { return a.offset == b.offset; }),
                losses_.end());
}

// The version of each key that may be live: the one that is reached, else the last.
void LiveJudge::choose_candidates() {
  std::vector<std::uint32_t> candidates;
  for (std::size_t i = 0; i < by_key_.size();) {
    std::size_t stop = i;
    std::uint32_t best = by_key_[i];
    for (; stop < by_key_.size() && ranks_[by_key_[stop]] == ranks_[by_key_[i]]; ++stop) {
      best = reached_[best] && !reached_[by_key_[stop]] ? best : by_key_[stop];
    }
    if (reached_[best]) {
      findings_[best].verdict = Verdict::live;
      live_.push_back(best);
    } else {
      candidates.push_back(best);
    }
    i = stop;
  }
  for (const std::uint32_t candidate : candidates) {
    settle_between_live(candidate);
  }
}

// The first readable node after `node` on level 0, if all between are there. `saw_key`: an unreadable one has
// this key.
LiveJudge::Link LiveJudge::next_readable(std::size_t node, bool& saw_key, std::string_view key) const {
  Link to = nodes_[node].sound_links ? link(node, 0) : lost(nodes_[node].offset);
  for (int steps = 0; is_node(to) && !nodes_[to].readable && steps < most_unreadable; ++steps) {
    saw_key = saw_key || nodes_[to].key == key;
    to = nodes_[to].sound_links ? link(to, 0) : lost(nodes_[to].offset);
  }
  return is_node(to) && !nodes_[to].readable ? lost(nodes_[to].offset) : to;
}

void LiveJudge::mark_dead(std::uint32_t node, std::uint64_t proof, bool by_delete) {
  findings_[node].verdict = Verdict::dead;
  findings_[node].proof = proof;
  findings_[node].by_delete = by_delete;
}

// Dead if the live node before it points past it; if that pointer is lost, it is to be decided.
void LiveJudge::settle_between_live(std::uint32_t candidate) {
  const Node& node = nodes_[candidate];
  if (node.erased_by != 0) {
    mark_dead(candidate, node.erased_by, true);
    return;
  }
  const auto after = std::partition_point(
      live_.begin(), live_.end(), [&](std::uint32_t live) { return ranks_[live] < ranks_[candidate]; });
  const std::uint32_t before = after == live_.begin() ? 0 : *std::prev(after);
  bool lost_newer = false;
  const Link next = next_readable(before, lost_newer, node.key);
  const bool passes = next == end || (is_node(next) && ranks_[next] > ranks_[candidate]);
  if (lost_newer) {
    findings_[candidate].verdict = Verdict::older;
  } else if (passes) {
    mark_dead(candidate, nodes_[before].offset, false);
  } else {
    queries_.push_back({candidate, ranks_[candidate], 0, 0, false});
  }
}

void LiveJudge::add_interval(std::vector<std::vector<Interval>>& by_level, std::size_t node, Link to,
                             unsigned level, std::uint64_t time) const {
  if (is_lost(to) || (is_node(to) && !nodes_[to].readable)) {
    return;
  }
  const Interval interval{ranks_[node], to == end ? last_rank_ + 1 : ranks_[to], time, nodes_[node].offset};
  const auto first = std::partition_point(queries_.begin(), queries_.end(),
                                          [&](const Query& query) { return query.rank <= interval.low; });
  if (first != queries_.end() && first->rank < interval.high) {
    by_level[level].push_back(interval);
  }
}

void LiveJudge::collect_intervals(std::vector<std::vector<Interval>>& by_level) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].readable || !nodes_[i].sound_links) {
      continue;
    }
    for (unsigned level = 0; level < levels(i); ++level) {
      const Link to = link(i, level);
      const std::uint64_t target = is_node(to) ? nodes_[to].offset : 0;
      add_interval(by_level, i, to, level, reached_[i] ? now : std::max(nodes_[i].offset, target));
    }
  }
  for (const OldLink& old : old_links_) {
    if (nodes_[old.node].readable && nodes_[old.node].sound_links) {
      add_interval(by_level, old.node, old.to, 0, old.time);
    }
  }
}

// For each query of more than `level` levels, the latest moment at which one of the intervals covered it.
void LiveJudge::sweep(std::vector<Interval>& intervals, unsigned level) {
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.low < b.low; });
  const auto earlier = [](const Interval& a, const Interval& b) { return a.time < b.time; };
  std::priority_queue<Interval, std::vector<Interval>, decltype(earlier)> open(earlier);
  std::size_t next = 0;
  for (Query& query : queries_) {
    for (; next < intervals.size() && intervals[next].low < query.rank; ++next) {
      open.push(intervals[next]);
    }
    while (!open.empty() && open.top().high <= query.rank) {
      open.pop();
    }
    const Node& node = nodes_[query.node];
    if (open.empty() || node.level <= level || open.top().time <= node.offset) {
      continue;
    }
    query.key_gone = query.key_gone || level == 0;
    if (open.top().time > query.gone_at) {
      query.gone_at = open.top().time;
      query.witness = open.top().witness;
    }
  }
}

// A live node's pointers lead to live nodes, and past nothing that is live.
bool LiveJudge::contradicts(std::uint32_t node) const {
  if (!nodes_[node].sound_links) {
    return false;
  }
  for (unsigned level = 0; level < levels(node); ++level) {
    const Link to = link(node, level);
    if (is_node(to) && nodes_[to].readable && findings_[to].verdict != Verdict::live &&
        findings_[to].verdict != Verdict::kept) {
      return true;
    }
  }
  const Link next = link(node, 0);
  const auto after = std::partition_point(live_.begin(), live_.end(),
                                          [&](std::uint32_t live) { return ranks_[live] < ranks_[node]; });
  if (after == live_.end() || is_lost(next) || (is_node(next) && !nodes_[next].readable)) {
    return false;
  }
  return next == end || ranks_[*after] < ranks_[next];
}

void LiveJudge::settle(Query& query) {
  const Node& node = nodes_[query.node];
  Finding& finding = findings_[query.node];
  const bool passed = query.gone_at > node.offset;
  if (!passed && !contradicts(query.node)) {
    finding.verdict = Verdict::kept;
    finding.doubtful = node.suspect != 0 || node.offset < last_loss_;
    return;
  }
  mark_dead(query.node, passed ? query.witness : node.offset, false);
  // This version is dead, but nothing says that the key is: a later version may be what was lost here.
  if (!query.key_gone && node.suspect == 0) {
    finding.verdict = Verdict::older;
  } else if (node.suspect != 0) {
    finding.proof = node.suspect;
    finding.by_delete = true;
  }
}

}  // namespace cyr::db
