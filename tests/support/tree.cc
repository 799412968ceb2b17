#include "tests/support/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "format/base/digest.h"

namespace cyr::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().text());
  }
  return std::move(*result);
}

TreeEntry entry_of(const fs::path& path) {
  const FileInfo info = must(posix_io().lstat(path));
  TreeEntry entry{info.kind, info.mode, info.size, info.links, info.mtime, info.mtime_nsec, {}};
  if (info.kind == FileKind::regular) {
    entry.content = sha1(must(posix_io().read_file(path)).bytes()).hex();
  } else if (info.kind == FileKind::symlink) {
    entry.content = must(posix_io().read_link(path));
  }
  return entry;
}

void collect(const fs::path& top, const std::string& relative, const std::vector<std::string>& leave_out,
             Tree& tree) {
  if (std::find(leave_out.begin(), leave_out.end(), relative) != leave_out.end()) {
    return;
  }
  const fs::path path = relative.empty() ? top : top / relative;
  const auto [at, _] = tree.emplace(relative.empty() ? "." : relative, entry_of(path));
  if (at->second.kind != FileKind::directory) {
    return;
  }
  for (const auto& child : must(posix_io().list(path))) {
    collect(top, relative.empty() ? child.name : relative + "/" + child.name, leave_out, tree);
  }
}

std::string difference(const TreeEntry& a, const TreeEntry& b, Compare compare) {
  std::string out;
  const auto note = [&out](std::string_view what, const auto& from, const auto& to) {
    if (from != to) {
      out += fmt::format("{}{} {} -> {}", out.empty() ? "" : ", ", what, from, to);
    }
  };
  note("kind", static_cast<int>(a.kind), static_cast<int>(b.kind));
  if (a.kind != FileKind::directory) {
    note("size", a.size, b.size);
    note("content", a.content.substr(0, 12), b.content.substr(0, 12));
  }
  if (compare == Compare::everything) {
    note("mode", fmt::format("{:o}", a.mode), fmt::format("{:o}", b.mode));
    note("links", a.links, b.links);
    note("mtime", fmt::format("{}.{:09}", a.mtime, a.mtime_nsec),
         fmt::format("{}.{:09}", b.mtime, b.mtime_nsec));
  }
  return out;
}

}  // namespace

Tree read_tree(const fs::path& top, const std::vector<std::string>& leave_out) {
  Tree tree;
  collect(top, "", leave_out, tree);
  return tree;
}

std::vector<std::string> tree_changes(const Tree& before, const Tree& after, Compare compare) {
  std::vector<std::string> out;
  for (const auto& [path, entry] : before) {
    const auto other = after.find(path);
    if (other == after.end()) {
      out.push_back("- " + path);
    } else if (const auto text = difference(entry, other->second, compare); !text.empty()) {
      out.push_back(fmt::format("~ {}: {}", path, text));
    }
  }
  for (const auto& [path, entry] : after) {
    if (before.count(path) == 0) {
      out.push_back("+ " + path);
    }
  }
  return out;
}

}  // namespace cyr::test
