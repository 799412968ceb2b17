// The records of one index as a session holds them: of each what most commands ask for, in 24 bytes, so that
// a mailbox of 50,000 messages costs one read of the index and 1.2 MB; a whole record is read again when it
// is needed (mailbox.md 4.1).
//
// The index is not mapped: the lock that keeps others from changing it is only held while read() runs, and
// whoever cuts the file short would end the session with a signal.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "format/base/file.h"
#include "format/mailbox/index.h"

namespace cyr::mailbox {

class RecordBlock {
 public:
  using UserFlags = std::array<std::uint32_t, kUserFlagWords>;

  RecordBlock() = default;
  // Reads the records that `header` says. corrupt when the file is shorter, when a record's CRC is wrong
  // (v12+), and when the UIDs do not ascend; invalid when no layout fits the header.
  //
  // With `before`, an earlier state of the same file, a record that still says the same, its own CRC
  // included, is taken over and its CRC not computed again: record() does that before anybody uses more of
  // it.
  static Result<RecordBlock> read(std::shared_ptr<const File> file, const IndexHeader& header,
                                  const RecordBlock* before = nullptr);

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(rows_.size()); }
  // recno is 1-based and at most size().
  [[nodiscard]] std::uint32_t uid(std::uint32_t recno) const { return rows_[recno - 1].uid; }
  [[nodiscard]] std::uint32_t system_flags(std::uint32_t recno) const {
    return rows_[recno - 1].system_flags;
  }
  [[nodiscard]] const UserFlags& user_flags(std::uint32_t recno) const {
    return user_flags_[rows_[recno - 1].user_flags];
  }
  [[nodiscard]] bool user_flag(std::uint32_t recno, std::size_t bit) const {
    return bit < kUserFlagWords * 32 && ((user_flags(recno)[bit / 32] >> (bit % 32)) & 1U) != 0;
  }
  [[nodiscard]] std::uint64_t modseq(std::uint32_t recno) const {
    return rows_[recno - 1].modseq;
  }  // 0 before v8
  // Reads these records again, for one who knows that nothing else changed. After an error nothing is new.
  Status reread(const std::vector<std::uint32_t>& recnos);
  // Whether that pays; else read().
  [[nodiscard]] bool may_reread(std::size_t count) const;
  // Whether the record here says what it said in `other`, which need not have it.
  [[nodiscard]] bool same(std::uint32_t recno, const RecordBlock& other) const;

  // The whole record, from the file; flags and modseq as they were when the block was read. corrupt when it
  // was damaged since, or the file cut short.
  [[nodiscard]] Result<IndexRecord> record(std::uint32_t recno) const;

  // The record with this UID; nothing when there is none.
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t uid) const;
  // The first record with this UID or a higher one; size() + 1 when there is none.
  [[nodiscard]] std::uint32_t lower_bound(std::uint32_t uid) const;

 private:
  class Reader;
  struct Places;
  struct Row {
    std::uint32_t uid = 0;
    std::uint32_t system_flags = 0;
    std::uint64_t modseq = 0;
    std::uint32_t digest = 0;      // the record's CRC, computed where the version has none
    std::uint32_t user_flags = 0;  // in user_flags_
    friend bool operator==(const Row&, const Row&) = default;
  };
  Result<Bytes> raw(std::uint32_t recno, bool again) const;
  Status decode(std::uint32_t recno) const;

  std::shared_ptr<const File> file_;
  unsigned layout_ = 0;
  std::uint64_t start_ = 0;
  std::size_t record_size_ = 0;
  std::vector<Row> rows_;
  std::vector<UserFlags> user_flags_;  // each that is in use once; most messages have none
  // Part of the file as it was after read(): records window_first_ and following.
  mutable Buffer window_;
  mutable std::uint32_t window_first_ = 0;
  mutable std::uint32_t decoded_ = 0;  // recno of last_; 0: none
  mutable IndexRecord last_;
};

}  // namespace cyr::mailbox
