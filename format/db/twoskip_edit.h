// Changing a twoskip file in place: the transaction engine and the repair of what a crash left.
#pragma once

#include "format/db/forward_links.h"
#include "format/db/twoskip_view.h"

namespace cyr::db::twoskip {

class TwoskipEditor final : public Editor {
 public:
  TwoskipEditor(Image& image, const Header& header, const KeyOrder& order);

  Status put(std::string_view key, std::string_view value) override;
  Status erase(std::string_view key) override;
  Status commit() override;
  Status abort() override;
  [[nodiscard]] bool changed() const override { return end_ != header_.current_size; }
  [[nodiscard]] Result<std::unique_ptr<View>> view() const override;

 private:
  [[nodiscard]] TwoskipView here() const { return {image_->bytes(), header_, end_}; }
  Status start();  // DIRTY reaches the disk before anything else
  Result<std::uint64_t> append(Buffer record, std::uint64_t head_size);
  // Makes the predecessors point past the key to `target(level)` on levels 0 .. levels-1.
  Status link(const Place& place, unsigned levels,
              const std::function<std::uint64_t(unsigned level)>& target);

  Image* image_;
  Header header_;  // as committed, but for num_records and the flags
  KeyOrder order_;
  std::uint64_t end_;
  LevelDice dice_;
};

// After a writer died: level 0 as it was at the last commit, the other levels made to fit, the rest of the
// file cut off. An error when the committed list itself is damaged; the file may be marked dirty then, but
// nothing is lost.
Status recover(Image& image, const KeyOrder& order);

}  // namespace cyr::db::twoskip
