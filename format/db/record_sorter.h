// Sorts any number of records in bounded memory: sorted runs go to a scratch file and are merged.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "format/base/file.h"
#include "format/db/order.h"

namespace cyr::db {

class RecordSorter {
 public:
  // `scratch` is made when the first run is full, and unlinked at once.
  RecordSorter(Io& io, fs::path scratch, const KeyOrder& order, std::size_t memory = default_memory)
      : io_(io), scratch_(std::move(scratch)), order_(order), memory_(memory) {}

  Status add(std::string_view key, std::string_view value);
  // All records in order. Errc::corrupt when two keys are equal in this order.
  Status finish(const std::function<Status(std::string_view key, std::string_view value)>& visit);

  static constexpr std::size_t default_memory = std::size_t{16} << 20;  // bytes

 private:
  struct Span {  // of a record in arena_ or in the scratch file
    std::uint64_t at = 0;
    std::uint64_t key_size = 0;
    std::uint64_t value_size = 0;
  };
  struct Run {
    std::uint64_t at = 0;
    std::uint64_t end = 0;
  };
  void sort_arena();
  [[nodiscard]] std::string_view key_of(const Span& span) const;
  [[nodiscard]] std::string_view value_of(const Span& span) const;
  Status spill();
  Status merge(const std::function<Status(std::string_view, std::string_view)>& visit);

  Io& io_;
  fs::path scratch_;
  KeyOrder order_;
  std::size_t memory_;
  std::string arena_;  // keys and values of the present run
  std::vector<Span> spans_;
  File file_;
  std::uint64_t written_ = 0;
  std::vector<Run> runs_;
};

}  // namespace cyr::db
