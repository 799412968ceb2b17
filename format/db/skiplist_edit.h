// Changing a skiplist file in place: DELETE and ADD records are appended, the pointers of what precedes them
// rewritten.
#pragma once

#include "format/db/forward_links.h"
#include "format/db/skiplist_view.h"

namespace cyr::db::skiplist {

class SkiplistEditor final : public Editor {
 public:
  SkiplistEditor(Image& image, const Header& header, const KeyOrder& order);

  Status put(std::string_view key, std::string_view value) override;
  Status erase(std::string_view key) override;
  Status commit() override;
  Status abort() override;
  [[nodiscard]] bool changed() const override { return end_ != start_; }
  [[nodiscard]] Result<std::unique_ptr<View>> view() const override;

 private:
  [[nodiscard]] SkiplistView here() const { return {image_->bytes(), header_}; }
  Status append(const Buffer& records);
  // Makes the nodes of place.back point to `target(level)` on levels 0 .. levels-1.
  Status link(const Place& place, unsigned levels,
              const std::function<std::uint64_t(unsigned level)>& target);
  Status raise_level(unsigned level);
  Status undo_add(const Node& node);
  Status undo_delete(const Node& victim);

  Image* image_;
  Header header_;
  KeyOrder order_;
  std::uint64_t start_;  // of the transaction: end of the last COMMIT
  std::uint64_t end_;
  LevelDice dice_;
};

}  // namespace cyr::db::skiplist
