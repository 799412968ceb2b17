// Changing a twom file in place: the transaction engine and the repair of what a crash left.
#pragma once

#include "format/db/twom_view.h"

namespace cyr::db::twom {

class TwomEditor final : public LinkedEditor<TwomEditor, TwomView, Header> {
 public:
  TwomEditor(Image& image, const Header& header, const KeyOrder& order)
      : LinkedEditor(image, header, order) {}

  Status put(std::string_view key, std::string_view value) override;
  Status erase(std::string_view key) override;

  // For LinkedEditor.
  Status append_commit();
  static void count_commit(Header& header) { ++header.num_commits; }
  static Status mend(Image& image, const KeyOrder& order);

 private:
  using Slots = std::array<std::uint64_t, max_level + 1>;

  [[nodiscard]] Checksum kind() const { return header_.checksum(); }
  // The pointers of a new record at `place`: those of the record whose place it takes, else of the ones
  // before it.
  [[nodiscard]] Result<Slots> slots_at(const Place& place, unsigned level) const;
  Result<std::uint64_t> append(Bytes record);
  // Makes the predecessors point to `target` on levels 0 .. levels-1.
  Status link(const Place& place, unsigned levels, std::uint64_t target);
};

// After a writer died: level 0 as it was at the last commit, the other levels made to fit. The file is never
// cut, since others have it mapped. An error when the committed list itself is damaged; nothing was changed
// then.
Status recover(Image& image, const KeyOrder& order);

}  // namespace cyr::db::twom
