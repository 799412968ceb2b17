// Searching and walking a skip list in a file, the part that skiplist, twoskip and twom share. The pointers
// are hostile: a search only ever goes to greater keys, so it ends also when they form a loop.
#pragma once

#include <fmt/format.h>

#include <array>
#include <functional>
#include <optional>

#include "format/db/view.h"

namespace cyr::db {

// `Derived` supplies
//   Result<Record> head() const                                        the DUMMY
//   Result<Record> record_at(std::uint64_t offset) const
//   std::uint64_t pointer(const Record&, unsigned level) const          where it leads; 0: nowhere
//   Result<std::optional<Record>> next(const Record&, unsigned level) const
//   Status check_content(const Record&) const                           before a value is given out
//   Status check_pointers(const Record&) const  optional: what no pointer of a closed file may be
//   bool live(const Record&) const          optional: false for a deleted record that is still in the list
//   (twom)
// and a Record has offset, level (number of levels it is on), key, value.
template <class Derived, class Record, std::size_t max_level>
class SkipListView : public View {
 public:
  // The way to a key: what an Editor needs to link or unlink there.
  struct Place {
    std::array<std::uint64_t, max_level>
        back{};  // per level: the last record with a smaller key, or the DUMMY
    std::array<std::uint64_t, max_level> next{};  // per level: the record after the key; 0: end of list
    std::optional<Record> match;
  };

  [[nodiscard]] Result<Place> locate(std::string_view key, const KeyOrder& order) const {
    Place place;
    CYR_TRY(const auto found, seek(key, order, &place));
    if (!found || order.compare(found->key, key) != 0) {
      return place;
    }
    place.match = found;
    for (unsigned level = 0; level < found->level; ++level) {
      CYR_TRY(const auto after, self().next(*found, level));
      place.next[level] = after ? after->offset : 0;
    }
    return place;
  }

  [[nodiscard]] Result<std::optional<Entry>> find(std::string_view key,
                                                  const KeyOrder& order) const override {
    CYR_TRY(const auto found, seek(key, order, nullptr));
    if (!found || order.compare(found->key, key) != 0 || !self().live(*found)) {
      return std::optional<Entry>();
    }
    CYR_CHECK(self().check_content(*found));
    return std::optional(Entry{found->key, found->value});
  }

  Status scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const override {
    const auto visit_record = [&](const Record& record) -> Result<Visit> {
      if (!self().live(record)) {
        return Visit::go_on;
      }
      CYR_CHECK(self().check_content(record));
      return visit({record.key, record.value, record.offset});
    };
    OrderSet orders;
    if (from.place != 0 && !from.inclusive) {
      // The key is compared, in case that the bytes are not the same after all.
      if (const auto before = self().record_at(from.place); before && before->key == from.key) {
        CYR_TRY(const auto at, self().next(*before, 0));
        return walk_from(at, orders, visit_record);
      }
    }
    if (from.key.empty()) {
      CYR_TRY(const Record first, self().head());
      CYR_TRY(const auto at, self().next(first, 0));
      return walk_from(at, orders, visit_record);
    }
    CYR_TRY(auto at, seek(from.key, order, nullptr));
    if (at && !from.inclusive && order.compare(at->key, from.key) == 0) {
      CYR_TRY(at, self().next(*at, 0));
    }
    return walk_from(at, orders, visit_record);
  }

  // Level 0 from the first record on.
  Status walk(OrderSet& orders, const std::function<Result<Visit>(const Record&)>& visit) const {
    CYR_TRY(const Record first, self().head());
    CYR_TRY(const auto at, self().next(first, 0));
    return walk_from(at, orders, visit);
  }

  [[nodiscard]] Result<OrderSet> orders() const override {
    OrderSet orders;
    CYR_CHECK(walk(orders, [](const Record&) -> Result<Visit> { return Visit::go_on; }));
    return orders;
  }

  // Every level meets exactly the records of that level and ends with 0; all content is sound. The number of
  // live records.
  [[nodiscard]] Result<std::uint64_t> check_chains(OrderSet& orders) const {
    CYR_TRY(const Record first, self().head());
    CYR_CHECK(self().check_pointers(first));
    std::array<std::uint64_t, max_level> expected{};  // per level: where its next record must be
    for (unsigned level = 1; level < first.level; ++level) {
      expected[level] = self().pointer(first, level);
    }
    std::uint64_t count = 0;
    const auto visit = [&](const Record& record) -> Result<Visit> {
      CYR_CHECK(self().check_content(record));
      CYR_CHECK(self().check_pointers(record));
      for (unsigned level = 1; level < record.level; ++level) {
        if (expected[level] != record.offset) {
          return corrupt(fmt::format("level {} leads to {}, past this record", level, expected[level]),
                         record.offset);
        }
        expected[level] = self().pointer(record, level);
      }
      count += self().live(record) ? 1 : 0;
      return Visit::go_on;
    };
    CYR_CHECK(walk(orders, visit));
    for (unsigned level = 1; level < max_level; ++level) {
      if (expected[level] != 0) {
        return corrupt(fmt::format("level {} goes on after the last record", level), expected[level]);
      }
    }
    return count;
  }

  // That the live records of level 0 are exactly the records at `offsets`, in that order.
  [[nodiscard]] Status check_same(const std::vector<std::uint64_t>& offsets) const {
    OrderSet orders;
    std::size_t at = 0;
    CYR_CHECK(walk(orders, [&](const Record& record) -> Result<Visit> {
      if (!self().live(record)) {
        return Visit::go_on;
      }
      if (at == offsets.size() || offsets[at] != record.offset) {
        return corrupt("list and log disagree about this record", record.offset);
      }
      ++at;
      return Visit::go_on;
    }));
    return at == offsets.size() ? success()
                                : Status(corrupt("the list lacks this record of the log", offsets[at]));
  }

  [[nodiscard]] static bool live(const Record& /*record*/) { return true; }
  [[nodiscard]] static Status check_pointers(const Record& /*record*/) { return success(); }

 private:
  [[nodiscard]] const Derived& self() const { return static_cast<const Derived&>(*this); }

  // The first record whose key is not less.
  Result<std::optional<Record>> seek(std::string_view key, const KeyOrder& order, Place* place) const {
    CYR_TRY(Record at, self().head());
    const std::uint64_t first = at.offset;
    std::optional<Record> found;
    std::uint64_t barrier = 0;  // a record known to be not less: no need to look at it again on lower levels
    for (unsigned level = at.level; level-- > 0;) {
      while (true) {
        const std::uint64_t pointer = self().pointer(at, level);
        if (pointer == 0 || (level > 0 && pointer == barrier)) {
          break;
        }
        CYR_TRY(auto candidate, self().next(at, level));
        if (!candidate) {
          break;
        }
        if (order.compare(candidate->key, key) >= 0) {
          barrier = candidate->offset;
          if (level == 0) {
            found = candidate;
          }
          break;
        }
        if (at.offset != first && !order.less(at.key, candidate->key)) {
          return corrupt(fmt::format("keys are not in {} order", name_of(order.order())), candidate->offset);
        }
        at = *candidate;
      }
      if (place != nullptr) {
        place->back[level] = at.offset;
        place->next[level] = level > 0 ? self().pointer(at, level) : (found ? found->offset : 0);
      }
    }
    return found;
  }

  template <class Visitor>
  Status walk_from(std::optional<Record> at, OrderSet& orders, const Visitor& visit) const {
    while (at) {
      CYR_TRY(const Visit go, visit(*at));
      if (go == Visit::stop) {
        break;
      }
      CYR_TRY(auto after, self().next(*at, 0));
      if (after) {
        orders.narrow(at->key, after->key);
        if (orders.empty()) {
          return corrupt("keys are in no known order", after->offset);
        }
      }
      at = after;
    }
    return success();
  }
};

}  // namespace cyr::db
