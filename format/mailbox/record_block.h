// The records of one index in memory as they stand in the file, so that a session on a mailbox of 50,000
// messages costs one read and their size: what most commands ask for is read in its place, a whole record is
// decoded when it is needed (mailbox.md 4.1).
#pragma once

#include <cstdint>
#include <optional>

#include "format/base/file.h"
#include "format/mailbox/index.h"

namespace cyr::mailbox {

class RecordBlock {
 public:
  RecordBlock() = default;
  // Reads the records that `header` says. corrupt when the file is shorter, when a record's CRC is wrong
  // (v12+), and when the UIDs do not ascend; invalid when no layout fits the header.
  static Result<RecordBlock> read(const File& file, const IndexHeader& header);

  [[nodiscard]] std::uint32_t size() const { return count_; }
  // recno is 1-based and at most size().
  [[nodiscard]] std::uint32_t uid(std::uint32_t recno) const { return word(recno, uid_at_); }
  [[nodiscard]] std::uint32_t system_flags(std::uint32_t recno) const { return word(recno, flags_at_); }
  [[nodiscard]] std::uint64_t modseq(std::uint32_t recno) const;  // 0 before v8
  [[nodiscard]] Bytes raw(std::uint32_t recno) const;
  [[nodiscard]] IndexRecord record(std::uint32_t recno) const;

  // The record with this UID; nothing when there is none.
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t uid) const;
  // The first record with this UID or a higher one; size() + 1 when there is none.
  [[nodiscard]] std::uint32_t lower_bound(std::uint32_t uid) const;

 private:
  [[nodiscard]] Status check(const IndexHeader& header) const;
  [[nodiscard]] const std::byte* at(std::uint32_t recno) const {
    return bytes_.data() + std::size_t{recno - 1} * record_size_;
  }
  [[nodiscard]] std::uint32_t word(std::uint32_t recno, std::size_t offset) const {
    return load_be<std::uint32_t>(at(recno) + offset);
  }
  Buffer bytes_;
  std::uint32_t count_ = 0;
  std::size_t record_size_ = 0;
  unsigned layout_ = 0;
  std::size_t uid_at_ = 0, flags_at_ = 0;
  std::optional<std::size_t> modseq_at_;
};

}  // namespace cyr::mailbox
