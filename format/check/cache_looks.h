// Which index records of a mailbox have a sound cache record. Those of very many messages are looked at
// ahead, by several threads.
#pragma once

#include <cstdint>
#include <vector>

#include "format/check/context.h"
#include "format/mailbox/cache_reader.h"

namespace cyr::check {

class CacheLooks {
 public:
  explicit CacheLooks(const Context& context) : context_(context), state_(context.state) {}

  Status open();
  // Bytes of the cache record of index record `i`; 0: there is none that is right. Errc::io is a failing
  // disk.
  Result<std::uint32_t> size_of(std::size_t i);
  [[nodiscard]] const mailbox::CacheReader& main() const { return readers_.front().main; }
  // Of the archive, where it has a cache of its own; else nullptr.
  [[nodiscard]] const mailbox::CacheReader* archive() const;

 private:
  struct Readers {
    mailbox::CacheReader main, archive;
  };
  void look(std::size_t from);
  Result<std::uint32_t> look_at(Readers& readers, std::size_t i) const;

  const Context& context_;
  const State& state_;
  std::vector<Readers> readers_;  // one for each thread
  // Who looks ahead goes back to the stretch before.
  struct Stretch {
    std::size_t from = 0;              // the record of sizes.front()
    std::vector<std::uint32_t> sizes;  // as size_of()
    [[nodiscard]] bool has(std::size_t i) const { return i >= from && i < from + sizes.size(); }
  };
  Stretch now_, before_;
};

}  // namespace cyr::check
