// Bounds how much of mapped files is in memory while somebody walks through them: pages come in by being
// looked at, and count as memory of the process until they are given back. Giving them back costs little,
// since the kernel keeps them in its cache.
//
//   ResidencyLimit limit;            // in the program or operation that reads a whole database
//   ... FileBytes are mapped, decoders call ResidencyLimit::tick() once a record ...
//
// Without a limit in the present thread tick() does nothing. A limit belongs to the thread that made it;
// limits may be nested, and then the outer one does the work. A mapping that is made under one is closed in
// the same thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cyr {

class ResidencyLimit {
 public:
  static constexpr std::size_t default_limit = std::size_t{16} << 20;  // bytes

  // `limit`: bytes of mapped files beyond what is in memory when the first one is mapped.
  explicit ResidencyLimit(std::size_t limit = default_limit);
  ResidencyLimit(const ResidencyLimit&) = delete;
  ResidencyLimit& operator=(const ResidencyLimit&) = delete;
  ~ResidencyLimit();

  // A read-only mapping of a file begins or ends; told by Io.
  static void mapped(void* at, std::size_t size);
  static void unmapped(void* at);
  // Called once for every record that is looked at.
  static void tick() {
    if (current_ != nullptr && ++current_->ticks_ % ticks_per_look == 0) {
      current_->look();
    }
  }

 private:
  // A fault brings in up to 64 KiB around the place, so this many records are at most 4 MiB.
  static constexpr std::uint64_t ticks_per_look = 64;

  struct Mapping {
    void* at = nullptr;
    std::size_t size = 0;
  };
  void begin();
  void look();
  [[nodiscard]] std::size_t resident_files() const;  // bytes; 0 when the kernel does not tell

  static thread_local ResidencyLimit* current_;
  std::size_t limit_;
  bool begun_ = false;  // something was mapped
  int statm_ = -1;
  std::uint64_t ticks_ = 0;
  std::vector<Mapping> mappings_;
};

}  // namespace cyr
