// What the views and transactions of twoskip and twom share: records are only ever appended, a header says
// where what is committed ends, and that somebody is writing behind it.
#pragma once

#include "format/db/double_links.h"
#include "format/db/forward_links.h"
#include "format/db/skip_list.h"

namespace cyr::db {

// `limit` is the end of what counts: the header's current_size for a reader, which gives the last committed
// state also when a writer died; the growing end inside one's own transaction.
template <class Derived, class Record, class Header, std::size_t max_level>
class LinkedView : public SkipListView<Derived, Record, max_level> {
 public:
  LinkedView(Bytes file, const Header& header, std::uint64_t limit)
      : file_(file), header_(header), limit_(limit) {}

  // A writer that died may have left pointers to what it did not commit. On level 0 the other pointer holds;
  // on higher levels what comes before is still in the list, so the search just goes on one level below.
  [[nodiscard]] std::uint64_t pointer(const Record& at, unsigned level_index) const {
    const std::uint64_t offset = at.next(level_index, limit_);
    return level_index > 0 && offset >= limit_ ? 0 : offset;
  }
  [[nodiscard]] Status check_pointers(const Record& record) const {
    return check_committed_links(record, limit_);
  }

 protected:
  Bytes file_;
  Header header_;
  std::uint64_t limit_;
};

// `Derived` supplies
//   Status append_commit()                                              the record that ends a transaction
//   static void count_commit(Header&)                                   what the header counts of them
//   static Status mend(Image&, const KeyOrder&)                         after a writer died
template <class Derived, class ViewType, class Header>
class LinkedEditor : public Editor {
 public:
  [[nodiscard]] bool changed() const override { return end_ != header_.current_size; }
  [[nodiscard]] Result<std::unique_ptr<View>> view() const override {
    return std::unique_ptr<View>(std::make_unique<ViewType>(image_->bytes(), header_, end_));
  }

  Status commit() override {
    if (!changed()) {
      return success();
    }
    CYR_CHECK(static_cast<Derived&>(*this).append_commit());
    CYR_CHECK(image_->sync());
    // The header is the point of no return: less than a sector.
    Header done = header_;
    Derived::count_commit(done);
    done.current_size = end_;
    done.set_dirty(false);
    CYR_CHECK(image_->write(encode_header(done), 0));
    CYR_CHECK(image_->sync());
    header_ = done;
    return success();
  }
  // Mends the list as after a crash.
  Status abort() override {
    if (!header_.is_dirty()) {
      return success();
    }
    end_ = header_.current_size;
    header_.set_dirty(false);
    return Derived::mend(*image_, order_);
  }

 protected:
  LinkedEditor(Image& image, const Header& header, const KeyOrder& order)
      : image_(&image),
        header_(header),
        order_(order),
        end_(header.current_size),
        dice_(LevelDice::fresh_seed()) {}

  [[nodiscard]] ViewType here() const { return {image_->bytes(), header_, end_}; }
  // DIRTY reaches the disk before anything else; the counts there stay those of the last commit.
  Status start() {
    if (header_.is_dirty()) {
      return success();
    }
    header_.set_dirty(true);
    CYR_CHECK(image_->write(encode_header(header_), 0));
    return image_->sync();
  }

  Image* image_;
  Header header_;  // as committed, but for the counts and the flags
  KeyOrder order_;
  std::uint64_t end_;
  LevelDice dice_;
};

}  // namespace cyr::db
