// Level 0 of twoskip and twom lists has two pointers per record, so that one of them describes the last
// committed state whatever becomes of the other (format/doc/twoskip.md "pointers"). Here: which one holds,
// which one a writer may change, changing the head of a record, and the repair of a list that a dead writer
// left.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "format/db/order.h"
#include "format/db/view.h"

namespace cyr::db {

// The pointer that holds for a reader whose file ends at `limit`.
[[nodiscard]] constexpr std::uint64_t newest_link(std::uint64_t a, std::uint64_t b, std::uint64_t limit) {
  if (a >= limit) {
    return b;
  }
  return b >= limit ? a : std::max(a, b);
}

// The slot, 0 or 1, that a writer changes: one that this transaction changed already, else the one that does
// not hold.
[[nodiscard]] constexpr unsigned link_to_change(std::uint64_t a, std::uint64_t b, std::uint64_t committed,
                                                unsigned when_equal) {
  if (a >= committed) {
    return 0;
  }
  if (b >= committed) {
    return 1;
  }
  return a == b ? when_equal : (b > a ? 0 : 1);
}

// A copy of a record's head, whose pointers can be changed. `Codec` supplies
//   static constexpr std::size_t max_head_size, unsigned when_equal
//   static std::uint64_t load(const std::byte*); static void store(std::byte*, std::uint64_t)
//   void seal(MutableBytes head) const     makes the checksum right
// Slots end 8 bytes before the head does; slots 0 and 1 are level 0, slot i is level i - 1.
template <class Codec>
class LinkEdit {
 public:
  LinkEdit(std::uint64_t offset, unsigned level, Bytes head, Codec codec)
      : codec_(codec), offset_(offset), level_(level), size_(head.size()) {
    std::copy(head.begin(), head.end(), head_.begin());
  }

  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] bool changed() const { return changed_; }
  void set_slot(unsigned index, std::uint64_t value) {
    std::byte* const at = slot_at(index);
    if (Codec::load(at) != value) {
      Codec::store(at, value);
      changed_ = true;
    }
  }
  void set_next(unsigned level_index, std::uint64_t value, std::uint64_t committed) {
    const unsigned slot = level_index > 0 ? level_index + 1
                                          : link_to_change(Codec::load(slot_at(0)), Codec::load(slot_at(1)),
                                                           committed, Codec::when_equal);
    set_slot(slot, value);
  }
  [[nodiscard]] Bytes finish() {
    codec_.seal(MutableBytes(head_).first(size_));
    return Bytes(head_).first(size_);
  }

 private:
  [[nodiscard]] std::byte* slot_at(unsigned index) {
    return head_.data() + size_ - 8 - 8 * std::size_t{level_ + 1 - index};
  }
  Codec codec_;
  std::uint64_t offset_;
  unsigned level_;
  std::size_t size_;
  bool changed_ = false;
  std::array<std::byte, Codec::max_head_size> head_{};
};

// A closed file has no pointer past its committed end: a reader would pass it by, and the next append would
// put some other record there. Slots 0 to `level` of `record`.
template <class Record>
[[nodiscard]] Status check_committed_links(const Record& record, std::uint64_t limit) {
  for (unsigned slot = 0; slot <= record.level; ++slot) {
    if (record.slot(slot) >= limit) {
      return corrupt(fmt::format("pointer {} leads to {}, past the committed end", slot, record.slot(slot)),
                     record.offset)
          .with_hint("repack the file, or salvage it");
    }
  }
  return success();
}

// Makes the records before a place point to `target(level)` on levels 0 .. levels-1. `list` is a view of the
// file with the open transaction, `edit(record)` gives a LinkEdit.
template <class List, class Edit, class Target>
Status relink(Image& image, const List& list, const typename List::Place& place, unsigned levels,
              std::uint64_t committed, const Edit& edit, const Target& target) {
  for (unsigned level = 0; level < levels;) {
    CYR_TRY(const auto record, list.record_at(place.back[level]));
    auto head = edit(record);
    for (const std::uint64_t same = place.back[level]; level < levels && place.back[level] == same; ++level) {
      head.set_next(level, target(level), committed);
    }
    if (head.changed()) {
      CYR_CHECK(image.write(head.finish(), head.offset()));
    }
  }
  return success();
}

// One pass over the committed list that mends every pointer a dead writer left behind. `List` supplies
//   Record, unsigned max_level, std::uint64_t dummy_offset
//   Result<Record> record_at(std::uint64_t) const          checked, whole before limit()
//   Result<std::optional<Record>> target(std::uint64_t) const  what level 0 leads to there, through a DELETE
//   edit(const Record&) const                              a LinkEdit
//   Image& image() const; std::uint64_t limit() const; const KeyOrder& order() const
template <class List>
class ListRepair {
  using Record = typename List::Record;

 public:
  explicit ListRepair(const List& list) : list_(list) {}

  // `visit` gets every record of the list, in order.
  Status run(const std::function<Status(const Record&)>& visit) {
    CYR_TRY(Record at, list_.record_at(List::dummy_offset));
    for (unsigned level = 1; level < List::max_level; ++level) {
      previous_[level] = List::dummy_offset;
      expected_[level] = at.next(level, list_.limit());
    }
    bool first = true;
    CYR_TRY(std::uint64_t offset, trim(at));
    while (offset != 0) {
      CYR_TRY(const auto target, list_.target(offset));
      if (!target) {
        break;
      }
      if (!first && !list_.order().less(at.key, target->key)) {
        return corrupt("the list is broken here", target->offset);
      }
      first = false;
      at = *target;
      CYR_CHECK(visit(at));
      CYR_CHECK(relink(at));
      CYR_TRY(offset, trim(at));
    }
    return end_levels();
  }

 private:
  // Zeroes level 0 pointers past the committed end; where level 0 goes on.
  Result<std::uint64_t> trim(const Record& at) {
    auto edit = list_.edit(at);
    for (const unsigned slot : {0U, 1U}) {
      if (at.slot(slot) >= list_.limit()) {
        edit.set_slot(slot, 0);
      }
    }
    const std::uint64_t next = at.next(0, list_.limit());
    if (next >= list_.limit()) {
      return corrupt("both pointers of level 0 lead past the end", at.offset);
    }
    if (edit.changed()) {
      CYR_CHECK(list_.image().write(edit.finish(), edit.offset()));
    }
    return next;
  }
  Status set_next(unsigned level, std::uint64_t target) {
    CYR_TRY(const Record before, list_.record_at(previous_[level]));
    auto edit = list_.edit(before);
    edit.set_slot(level + 1, target);
    return list_.image().write(edit.finish(), edit.offset());
  }
  Status relink(const Record& at) {
    for (unsigned level = 1; level < at.level; ++level) {
      if (expected_[level] != at.offset) {
        CYR_CHECK(set_next(level, at.offset));
      }
      previous_[level] = at.offset;
      expected_[level] = at.next(level, list_.limit());
    }
    return success();
  }
  Status end_levels() {
    for (unsigned level = 1; level < List::max_level; ++level) {
      if (expected_[level] != 0) {
        CYR_CHECK(set_next(level, 0));
      }
    }
    return success();
  }

  const List& list_;
  std::array<std::uint64_t, List::max_level> previous_{};  // per level: the last record on it so far
  std::array<std::uint64_t, List::max_level> expected_{};  // where it leads now
};

}  // namespace cyr::db
