// Forward pointers of a skip list that is written in ascending order: a record's pointer at a level is known
// only when the next record of that level comes. Only the last record of each level waits, so memory is
// bounded by the number of levels.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "format/base/error.h"

namespace cyr::db {

// `Head` is what the format needs to write the record's head once all pointers are there.
template <class Head, std::size_t max_level>
class ForwardLinks {
 public:
  struct Waiting {
    std::uint64_t offset = 0;
    unsigned level = 0;                           // 1..max_level
    std::array<std::uint64_t, max_level> next{};  // per level; 0: end of the list
    Head head;
  };

  // A record at `offset` that is on levels 0..level-1. `done(const Waiting&)` is called for every record
  // whose pointers are complete now.
  template <class Done>
  Status add(std::uint64_t offset, unsigned level, Head head, Done done) {
    // Waiting records have strictly falling levels from bottom to top; the top one is the last record of
    // level 0.
    unsigned from = 0;
    while (!waiting_.empty() && from < level) {
      Waiting& top = waiting_.back();
      for (; from < level && from < top.level; ++from) {
        top.next[from] = offset;
      }
      if (from < top.level) {
        break;
      }
      CYR_CHECK(done(top));
      waiting_.pop_back();
    }
    waiting_.push_back({offset, level, {}, std::move(head)});
    return success();
  }

  template <class Done>
  Status finish(Done done) {
    for (; !waiting_.empty(); waiting_.pop_back()) {
      CYR_CHECK(done(waiting_.back()));
    }
    return success();
  }

 private:
  std::vector<Waiting> waiting_;
};

// Level of the nth record (from 1) of a list written at once: every second one is on level 2, every fourth on
// 3, which is the best spread and makes the same content give the same bytes.
[[nodiscard]] constexpr unsigned even_level(std::uint64_t nth, unsigned max_level) {
  unsigned level = 1;
  for (; (nth & 1U) == 0 && nth != 0 && level < max_level; nth >>= 1U) {
    ++level;
  }
  return level;
}

// Level of a record that is added later: one more with probability 1/2.
class LevelDice {
 public:
  explicit LevelDice(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] static std::uint64_t fresh_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
  }
  [[nodiscard]] unsigned roll(unsigned max_level) {
    state_ += 0x9e3779b97f4a7c15U;  // splitmix64
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return even_level((mixed ^ (mixed >> 31U)) | (std::uint64_t{1} << 63U), max_level);
  }

 private:
  std::uint64_t state_;
};

}  // namespace cyr::db
