// Work on the parts of a range, by several threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace cyr {

struct Part {
  std::size_t begin = 0, end = 0;  // the elements [begin, end)
  std::size_t number = 0;          // from 0
};

// How many parts: at most `threads`, none smaller than `least` elements, at least one.
[[nodiscard]] inline std::size_t parts_of(std::size_t count, std::size_t least, unsigned threads) {
  return std::clamp<std::size_t>(count / least, 1, std::max(1U, threads));
}

// Calls `work` for each of `parts` equal parts of [0, count), the first one by the calling thread, and waits
// for all. `work` must not throw.
inline void for_parts(std::size_t count, std::size_t parts, const std::function<void(const Part&)>& work) {
  const auto part = [&](std::size_t i) { return Part{count * i / parts, count * (i + 1) / parts, i}; };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < parts; ++i) {
    threads.emplace_back([&work, part, i] { work(part(i)); });
  }
  work(part(0));
  for (auto& thread : threads) {
    thread.join();
  }
}

}  // namespace cyr
