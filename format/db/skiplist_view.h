// Reading a skiplist file that ends with a whole transaction, and replaying the log of one that does not.
#pragma once

#include <optional>
#include <vector>

#include "format/db/skip_list.h"
#include "format/db/skiplist_format.h"

namespace cyr::db::skiplist {

class SkiplistView final : public SkipListView<SkiplistView, Node, max_level> {
 public:
  SkiplistView(Bytes file, const Header& header) : file_(file), header_(header) {}

  [[nodiscard]] Status check() const override;

  [[nodiscard]] Result<Node> head() const;
  [[nodiscard]] Result<Node> record_at(std::uint64_t offset) const { return decode_node(file_, offset); }
  [[nodiscard]] static std::uint64_t pointer(const Node& at, unsigned level_index) {
    return at.next(level_index);
  }
  [[nodiscard]] Result<std::optional<Node>> next(const Node& at, unsigned level_index) const;
  [[nodiscard]] static Status check_content(const Node& /*node*/) {
    return success();
  }  // there are no checksums

 private:
  Bytes file_;
  Header header_;
};

using Place = SkiplistView::Place;

struct Replayed {
  std::vector<std::uint64_t> live;  // offsets of nodes, in key order
  std::uint64_t end = 0;            // after the last COMMIT; bytes behind it belong to nobody
  bool odd = false;                 // zero gaps, deletions of nothing: left by releases before 2.3.11
};

// What was committed, whatever the pointers say. An error when something unreadable stands before a COMMIT:
// then records would be lost. What follows the last COMMIT is what a dying writer left, and is not looked at.
[[nodiscard]] Result<Replayed> replay_log(Bytes file, const Header& header, const KeyOrder& order);

// Whether the list of a file that ends with a COMMIT has just the records that were committed. Pointers are
// changed before the COMMIT: when a power loss keeps them and loses what they lead to, or the DELETE that
// they come from, only the log tells.
[[nodiscard]] bool list_is_whole(Bytes file, const Header& header);

}  // namespace cyr::db::skiplist
