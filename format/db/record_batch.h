// A few records copied out of a database while it is locked, to be looked at when it is not.
#pragma once

#include <string>
#include <vector>

#include "format/db/view.h"

namespace cyr::db {

class RecordBatch {
 public:
  // Small enough that a writer who waits for the lock does not notice.
  static constexpr std::size_t most_records = 256;
  static constexpr std::size_t enough_bytes = std::size_t{64} << 10;  // one record may be larger

  void clear() {
    bytes_.clear();
    sizes_.clear();
  }
  void add(const Entry& entry) {
    bytes_.append(entry.key).append(entry.value);
    sizes_.push_back({entry.key.size(), entry.value.size()});
    last_place_ = entry.place;
  }
  [[nodiscard]] bool full() const { return sizes_.size() >= most_records || bytes_.size() >= enough_bytes; }

  // Visit::stop when the visitor says so. `last_key` becomes the key of the last record.
  [[nodiscard]] Result<Visit> visit_all(const Visitor& visit, std::string& last_key) const {
    std::string_view rest = bytes_;
    for (const Sizes& sizes : sizes_) {
      const std::string_view key = rest.substr(0, sizes.key);
      CYR_TRY(const Visit go, visit(key, rest.substr(sizes.key, sizes.value)));
      if (go == Visit::stop) {
        return go;
      }
      rest.remove_prefix(sizes.key + sizes.value);
      if (&sizes == &sizes_.back()) {
        last_key = key;
      }
    }
    return Visit::go_on;
  }
  [[nodiscard]] std::uint64_t last_place() const { return last_place_; }  // Entry::place

 private:
  struct Sizes {
    std::size_t key = 0;
    std::size_t value = 0;
  };
  std::string bytes_;
  std::vector<Sizes> sizes_;
  std::uint64_t last_place_ = 0;
};

}  // namespace cyr::db
