// A whole directory tree as values, to show that a program changed nothing, or just what it changed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "format/base/io.h"

namespace cyr::test {

struct TreeEntry {
  FileKind kind = FileKind::other;
  ::mode_t mode = 0;
  std::uint64_t size = 0;
  std::uint64_t links = 0;
  std::int64_t mtime = 0;
  std::uint32_t mtime_nsec = 0;
  std::string content;  // SHA-1 of a file in hex; the target of a symbolic link

  friend bool operator==(const TreeEntry&, const TreeEntry&) = default;
};

// Path relative to the top ("." for the top itself) to what is there.
using Tree = std::map<std::string, TreeEntry>;

// Everything below `top`, except what lies under one of the `leave_out` paths ("run": lock and process
// files).
[[nodiscard]] Tree read_tree(const fs::path& top, const std::vector<std::string>& leave_out = {});

enum class Compare : std::uint8_t { everything, content };  // content: no modes, times and link counts

// One line per difference: "+ path", "- path", "~ path: size 10 -> 12"; empty when there is none.
[[nodiscard]] std::vector<std::string> tree_changes(const Tree& before, const Tree& after,
                                                    Compare compare = Compare::everything);

}  // namespace cyr::test
