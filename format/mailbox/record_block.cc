#include "format/mailbox/record_block.h"

#include <fmt/format.h>

#include "format/mailbox/index_layout.h"

namespace cyr::mailbox {

namespace {

using Member = std::variant<std::uint32_t IndexRecord::*, std::uint64_t IndexRecord::*>;

std::optional<std::size_t> place_of(unsigned layout, Member member) {
  for (const auto& field : index_record_fields()) {
    if (field.in(layout) && field.member == member) {
      return field.offset;
    }
  }
  return {};
}

}  // namespace

Result<RecordBlock> RecordBlock::read(const File& file, const IndexHeader& header) {
  RecordBlock block;
  block.layout_ = record_layout(header);
  const auto uid = place_of(block.layout_, &IndexRecord::uid);
  const auto flags = place_of(block.layout_, &IndexRecord::system_flags);
  if (!uid || !flags) {
    return make_error(Errc::invalid, fmt::format("no record layout has {} bytes in version {}",
                                                 header.record_size, header.minor_version))
        .at(file.path());
  }
  block.uid_at_ = *uid;
  block.flags_at_ = *flags;
  block.modseq_at_ = place_of(block.layout_, &IndexRecord::modseq);
  block.record_size_ = header.record_size;
  CYR_TRY(const FileInfo info, file.info());
  const std::uint64_t bytes = std::uint64_t{header.num_records} * header.record_size;
  if (info.size < header.start_offset || info.size - header.start_offset < bytes) {
    return corrupt(fmt::format("ends before its {} records do", header.num_records), info.size)
        .at(file.path());
  }
  block.bytes_.resize(static_cast<std::size_t>(bytes));
  CYR_CHECK(file.read_exactly(block.bytes_, header.start_offset));
  block.count_ = header.num_records;
  if (auto checked = block.check(header); !checked) {
    return std::move(checked).error().at(file.path());
  }
  return block;
}

Status RecordBlock::check(const IndexHeader& header) const {
  std::uint32_t before = 0;
  for (std::uint32_t recno = 1; recno <= count_; ++recno) {
    const std::uint64_t offset = header.start_offset + std::uint64_t{recno - 1} * record_size_;
    if (!record_crc_ok(raw(recno), layout_)) {
      return corrupt(fmt::format("record {} has a wrong CRC", recno), offset);
    }
    if (uid(recno) <= before) {
      return corrupt(fmt::format("record {} has UID {} after {}", recno, uid(recno), before), offset);
    }
    before = uid(recno);
  }
  return success();
}

std::uint64_t RecordBlock::modseq(std::uint32_t recno) const {
  return modseq_at_ ? load_be<std::uint64_t>(at(recno) + *modseq_at_) : 0;
}

Bytes RecordBlock::raw(std::uint32_t recno) const { return {at(recno), record_size_}; }

IndexRecord RecordBlock::record(std::uint32_t recno) const {
  return decode_index_record(raw(recno), layout_).value_or(IndexRecord{});  // only a wrong size could fail
}

std::optional<std::uint32_t> RecordBlock::find(std::uint32_t wanted) const {
  const std::uint32_t recno = lower_bound(wanted);
  return recno <= count_ && uid(recno) == wanted ? std::optional(recno) : std::nullopt;
}

std::uint32_t RecordBlock::lower_bound(std::uint32_t wanted) const {
  std::uint32_t first = 1;
  std::uint32_t end = count_ + 1;
  while (first < end) {
    const std::uint32_t middle = first + (end - first) / 2;
    if (uid(middle) < wanted) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return first;
}

}  // namespace cyr::mailbox
