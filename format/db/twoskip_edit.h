// Changing a twoskip file in place: the transaction engine and the repair of what a crash left.
#pragma once

#include "format/db/twoskip_view.h"

namespace cyr::db::twoskip {

class TwoskipEditor final : public LinkedEditor<TwoskipEditor, TwoskipView, Header> {
 public:
  TwoskipEditor(Image& image, const Header& header, const KeyOrder& order)
      : LinkedEditor(image, header, order) {}

  Status put(std::string_view key, std::string_view value) override;
  Status erase(std::string_view key) override;

  // For LinkedEditor.
  Status append_commit();
  static void count_commit(Header& /*header*/) {}
  static Status mend(Image& image, const KeyOrder& order);

 private:
  Result<std::uint64_t> append(Buffer record, std::uint64_t head_size);
  // Makes the predecessors point past the key to `target(level)` on levels 0 .. levels-1.
  Status link(const Place& place, unsigned levels,
              const std::function<std::uint64_t(unsigned level)>& target);
};

// After a writer died: level 0 as it was at the last commit, the other levels made to fit, the rest of the
// file cut off. An error when the committed list itself is damaged; the file may be marked dirty then, but
// nothing is lost.
Status recover(Image& image, const KeyOrder& order);

}  // namespace cyr::db::twoskip
