#include "format/mailbox/record_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "format/base/crc32.h"
#include "format/mailbox/index_layout.h"

namespace cyr::mailbox {

namespace {

using Member = std::variant<std::uint32_t IndexRecord::*, std::uint64_t IndexRecord::*>;

constexpr std::size_t kReadAtOnce = std::size_t{96} << 10U;  // bytes; stays in the processor's cache
constexpr std::size_t kWindow = std::size_t{32} << 10U;
constexpr std::size_t kMostUnused = 1024;  // sets of user flags that no record has any more
constexpr int kReads = 3;                  // of a record that others may be writing at this moment

std::optional<std::size_t> place_of(unsigned layout, Member member) {
  for (const auto& field : index_record_fields()) {
    if (field.in(layout) && field.member == member) {
      return field.offset;
    }
  }
  return {};
}

std::optional<std::size_t> place_of_user_flags(unsigned layout) {
  for (const auto& field : index_record_byte_fields()) {
    if (field.in(layout) && field.name == "user_flags") {
      return field.offset;
    }
  }
  return {};
}

}  // namespace

// Where the parts of a row stand in a record.
struct RecordBlock::Places {
  std::size_t uid = 0, system_flags = 0, user_flags = 0;
  std::optional<std::size_t> modseq, crc;

  static std::optional<Places> of(unsigned layout);
};

std::optional<RecordBlock::Places> RecordBlock::Places::of(unsigned layout) {
  const auto uid = place_of(layout, &IndexRecord::uid);
  const auto system_flags = place_of(layout, &IndexRecord::system_flags);
  const auto user_flags = place_of_user_flags(layout);
  if (!uid || !system_flags || !user_flags) {
    return {};
  }
  return Places{*uid, *system_flags, *user_flags, place_of(layout, &IndexRecord::modseq),
                place_of(layout, &IndexRecord::record_crc)};
}

class RecordBlock::Reader {
 public:
  Reader(RecordBlock& block, const Places& places, const RecordBlock* before)
      : block_(block), places_(places) {
    if (before == &block) {
      last_number_ = 0;
    } else if (before != nullptr && before->layout_ == block.layout_ &&
               before->user_flags_.size() <= before->rows_.size() + kMostUnused) {
      before_ = before;
      block.user_flags_ = before->user_flags_;
    } else {
      block.user_flags_.push_back({});
    }
    for (const UserFlags& flags : block.user_flags_) {
      numbers_.try_emplace(flags, static_cast<std::uint32_t>(numbers_.size()));
    }
  }

  Status run(std::uint32_t count) {
    block_.rows_.reserve(count);
    const std::size_t size = block_.record_size_;
    Buffer buffer(std::min<std::size_t>(count, kReadAtOnce / size) * size);
    while (block_.size() < count) {
      const std::size_t now = std::min<std::size_t>(count - block_.size(), buffer.size() / size);
      const MutableBytes part = MutableBytes(buffer).first(now * size);
      CYR_CHECK(block_.file_->read_exactly(part, block_.start_ + std::uint64_t{block_.size()} * size));
      for (std::size_t i = 0; i < now; ++i) {
        CYR_CHECK(add(Bytes(part).subspan(i * size, size)));
      }
    }
    return success();
  }

  // The row of a record whose UID is known.
  Result<Row> read_again(std::uint32_t recno) {
    Buffer raw(block_.record_size_);
    CYR_CHECK(block_.file_->read_exactly(raw, offset(recno)));
    if (!record_crc_ok(raw, block_.layout_)) {
      return corrupt(fmt::format("record {} has a wrong CRC", recno), offset(recno));
    }
    const Row row = row_of(raw);
    if (row.uid != block_.uid(recno)) {
      return corrupt(fmt::format("record {} has UID {} after all", recno, row.uid), offset(recno));
    }
    return row;
  }

 private:
  Status add(Bytes raw) {
    const std::uint32_t recno = block_.size() + 1;
    const Row row = row_of(raw);
    const bool known = before_ != nullptr && recno <= before_->size() && row == before_->rows_[recno - 1];
    if (!known && !record_crc_ok(raw, block_.layout_)) {
      return corrupt(fmt::format("record {} has a wrong CRC", recno), offset(recno));
    }
    if (row.uid <= last_uid_) {
      return corrupt(fmt::format("record {} has UID {} after {}", recno, row.uid, last_uid_), offset(recno));
    }
    last_uid_ = row.uid;
    block_.rows_.push_back(row);
    return success();
  }

  Row row_of(Bytes raw) {
    Row row;
    const std::byte* const at = raw.data();
    row.uid = load_be<std::uint32_t>(at + places_.uid);
    row.system_flags = load_be<std::uint32_t>(at + places_.system_flags);
    row.modseq = places_.modseq ? load_be<std::uint64_t>(at + *places_.modseq) : 0;
    row.digest = places_.crc ? load_be<std::uint32_t>(at + *places_.crc) : crc32(raw);
    UserFlags flags{};
    for (std::size_t word = 0; word < flags.size(); ++word) {
      flags[word] = load_be<std::uint32_t>(at + places_.user_flags + word * 4);
    }
    row.user_flags = number_of(flags);
    return row;
  }

  std::uint32_t number_of(const UserFlags& flags) {
    if (flags != block_.user_flags_[last_number_]) {
      const auto [at, fresh] =
          numbers_.try_emplace(flags, static_cast<std::uint32_t>(block_.user_flags_.size()));
      if (fresh) {
        block_.user_flags_.push_back(flags);
      }
      last_number_ = at->second;
    }
    return last_number_;
  }

  [[nodiscard]] std::uint64_t offset(std::uint32_t recno) const {
    return block_.start_ + std::uint64_t{recno - 1} * block_.record_size_;
  }

  RecordBlock& block_;
  const Places& places_;
  const RecordBlock* before_ = nullptr;
  std::map<UserFlags, std::uint32_t> numbers_;
  std::uint32_t last_number_ = 0;
  std::uint32_t last_uid_ = 0;
};

Result<RecordBlock> RecordBlock::read(std::shared_ptr<const File> file, const IndexHeader& header,
                                      const RecordBlock* before) {
  RecordBlock block;
  block.layout_ = record_layout(header);
  block.record_size_ = header.record_size;
  block.start_ = header.start_offset;
  block.file_ = std::move(file);
  const auto places = Places::of(block.layout_);
  if (!places) {
    return make_error(Errc::invalid, fmt::format("no record layout has {} bytes in version {}",
                                                 header.record_size, header.minor_version))
        .at(block.file_->path());
  }
  CYR_TRY(const FileInfo info, block.file_->info());
  const std::uint64_t bytes = std::uint64_t{header.num_records} * header.record_size;
  if (info.size < header.start_offset || info.size - header.start_offset < bytes) {
    return corrupt(fmt::format("ends before its {} records do", header.num_records), info.size)
        .at(block.file_->path());
  }
  if (auto done = Reader(block, *places, before).run(header.num_records); !done) {
    return std::move(done).error().at(block.file_->path());
  }
  return block;
}

bool RecordBlock::may_reread(std::size_t count) const {
  constexpr std::size_t kAtOnce = 100;  // as many records are read as quickly as one
  return count <= size() / kAtOnce + 1 && user_flags_.size() <= size() + kMostUnused;
}

Status RecordBlock::reread(const std::vector<std::uint32_t>& recnos) {
  const auto places = Places::of(layout_);
  Reader reader(*this, *places, this);
  std::vector<Row> fresh;
  for (const std::uint32_t recno : recnos) {
    auto row = reader.read_again(recno);
    if (!row) {
      return std::move(row).error().at(file_->path());
    }
    fresh.push_back(*row);
  }
  for (std::size_t i = 0; i < recnos.size(); ++i) {
    rows_[recnos[i] - 1] = fresh[i];
  }
  window_.clear();
  decoded_ = 0;
  return success();
}

bool RecordBlock::same(std::uint32_t recno, const RecordBlock& other) const {
  if (recno > other.size()) {
    return false;
  }
  Row mine = rows_[recno - 1];
  mine.user_flags = other.rows_[recno - 1].user_flags;  // each block counts for itself
  return mine == other.rows_[recno - 1] && user_flags(recno) == other.user_flags(recno);
}

// `again`: from the file, also when it was read before.
Result<Bytes> RecordBlock::raw(std::uint32_t recno, bool again) const {
  const std::size_t held = window_.size() / record_size_;
  if (again || recno < window_first_ || recno - window_first_ >= held) {
    const std::size_t wanted = std::min<std::size_t>(size() - recno + 1, kWindow / record_size_);
    window_.resize(wanted * record_size_);
    window_first_ = recno;
    const std::uint64_t offset = start_ + std::uint64_t{recno - 1} * record_size_;
    const auto got = file_->read(window_, offset);
    window_.resize(got ? *got / record_size_ * record_size_ : 0);
    CYR_CHECK(got);
    if (window_.empty()) {
      return corrupt(fmt::format("ends before record {}", recno), offset).at(file_->path());
    }
  }
  return Bytes(window_).subspan((recno - window_first_) * record_size_, record_size_);
}

Status RecordBlock::decode(std::uint32_t recno) const {
  const Row& row = rows_[recno - 1];
  for (int reads = 0; reads < kReads; ++reads) {
    CYR_TRY(const Bytes bytes, raw(recno, reads > 0));
    if (!record_crc_ok(bytes, layout_)) {
      continue;
    }
    CYR_TRY(last_, decode_index_record(bytes, layout_));
    if (last_.uid == row.uid) {
      last_.system_flags = row.system_flags;
      last_.user_flags = user_flags(recno);
      last_.modseq = row.modseq;
      decoded_ = recno;
      return success();
    }
  }
  return corrupt(fmt::format("record {} of UID {} is damaged", recno, row.uid),
                 start_ + std::uint64_t{recno - 1} * record_size_)
      .at(file_->path());
}

Result<IndexRecord> RecordBlock::record(std::uint32_t recno) const {
  if (decoded_ != recno) {
    decoded_ = 0;
    CYR_CHECK(decode(recno));
  }
  return last_;
}

std::optional<std::uint32_t> RecordBlock::find(std::uint32_t wanted) const {
  const std::uint32_t recno = lower_bound(wanted);
  return recno <= size() && uid(recno) == wanted ? std::optional(recno) : std::nullopt;
}

std::uint32_t RecordBlock::lower_bound(std::uint32_t wanted) const {
  const auto at = std::lower_bound(rows_.begin(), rows_.end(), wanted,
                                   [](const Row& row, std::uint32_t uid) { return row.uid < uid; });
  return static_cast<std::uint32_t>(at - rows_.begin()) + 1;
}

}  // namespace cyr::mailbox
