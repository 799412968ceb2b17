// The index records of one mailbox while they are checked: the bytes of the file, so that half a million
// records take some 56 MB and unchanged ones are written back as they stood.
#pragma once

#include <cstdint>
#include <vector>

#include "format/mailbox/index.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

class RecordTable {
 public:
  // `record_size` as in the file (it may be larger than the layout's fields).
  void reset(unsigned layout, std::uint32_t record_size);
  void assign(Bytes whole_records);
  // Room for so many more, at once: growing step by step would need half as much again beside it.
  void reserve(std::size_t more);

  [[nodiscard]] unsigned layout() const { return layout_; }
  [[nodiscard]] std::uint32_t record_size() const { return record_size_; }
  [[nodiscard]] std::size_t size() const { return state_.size(); }
  [[nodiscard]] bool empty() const { return state_.empty(); }

  [[nodiscard]] Bytes raw(std::size_t i) const {
    return Bytes(bytes_).subspan(i * record_size_, record_size_);
  }
  [[nodiscard]] std::uint32_t uid(std::size_t i) const { return load_be<std::uint32_t>(raw(i).data()); }
  [[nodiscard]] mailbox::IndexRecord get(std::size_t i) const;
  [[nodiscard]] bool crc_ok(std::size_t i) const { return mailbox::record_crc_ok(layout_bytes(i), layout_); }

  Status set(std::size_t i, const mailbox::IndexRecord& record);
  void set_byte(std::size_t i, std::size_t offset, std::uint8_t mask);
  Status append(const mailbox::IndexRecord& record);
  void drop(std::size_t i);
  [[nodiscard]] bool dropped(std::size_t i) const { return (state_[i] & kDropped) != 0; }

  // What pass_cache found; kept here so that it moves along with the record.
  [[nodiscard]] bool cache_bad(std::size_t i) const { return (state_[i] & kCacheBad) != 0; }
  void set_cache_bad(std::size_t i) { state_[i] |= kCacheBad; }

  // Takes dropped records out and sorts by UID (stable).
  void tidy();
  [[nodiscard]] bool changed() const { return changed_; }
  void set_changed() { changed_ = true; }

 private:
  static constexpr std::uint8_t kDropped = 1;
  static constexpr std::uint8_t kCacheBad = 2;
  // Exactly the layout's bytes of record `i`.
  [[nodiscard]] Bytes layout_bytes(std::size_t i) const;
  unsigned layout_ = 17;
  std::uint32_t record_size_ = 112;
  std::size_t layout_size_ = 112;
  Buffer bytes_;
  std::vector<std::uint8_t> state_;
  bool changed_ = false;
};

}  // namespace cyr::check
