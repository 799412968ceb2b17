// Streaming and writing of whole index files. Records go first, the header last: a crash in between leaves
// records that the old header does not count (mailbox.md 3.5).
#include "format/mailbox/index_file.h"

#include <fmt/core.h>

#include <algorithm>

#include "format/mailbox/index_layout.h"

namespace cyr::mailbox {
namespace {

constexpr std::size_t kReadAtOnce = std::size_t{512} << 10;  // bytes of records held by a reader

Error no_layout(const IndexHeader& header) {
  return make_error(Errc::invalid, fmt::format("no record layout has index version {} and {} bytes",
                                               header.minor_version, header.record_size));
}

std::uint64_t record_offset(const IndexHeader& header, std::uint32_t recno) {
  return header.start_offset + std::uint64_t{recno - 1} * header.record_size;
}

Error cut_short(std::uint64_t size, std::uint32_t whole, std::uint32_t num_records) {
  return corrupt(fmt::format("index ends after {} bytes with {} whole records, its header says {}", size,
                             whole, num_records),
                 size);
}

}  // namespace

Result<IndexHeader> read_index_header(const File& file) {
  Buffer start(kMaxIndexHeaderSize);
  auto size = file.read(MutableBytes(start), 0);
  if (!size) {
    return std::move(size).error();
  }
  auto header = decode_index_header(Bytes(start).first(*size));
  if (!header) {
    return std::move(header).error().at(file.path());
  }
  return header;
}

Result<IndexReader> IndexReader::open(const File& file, const IndexHeader& header) {
  IndexReader reader;
  reader.layout_ = record_layout(header);
  if (reader.layout_ == 0) {
    return no_layout(header).at(file.path());
  }
  CYR_TRY(const FileInfo info, file.info());
  const std::uint64_t room =
      info.size < header.start_offset ? 0 : (info.size - header.start_offset) / header.record_size;
  reader.file_ = &file;
  reader.start_ = header.start_offset;
  reader.record_size_ = header.record_size;
  reader.num_records_ = header.num_records;
  reader.available_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(room, header.num_records));
  return reader;
}

Status IndexReader::fill() {
  const auto at_once = static_cast<std::uint32_t>(kReadAtOnce / record_size_);
  first_ = next_;
  held_ = std::min(at_once, available_ - next_);
  buffer_.resize(std::size_t{held_} * record_size_);
  const Status read =
      file_->read_exactly(MutableBytes(buffer_), start_ + std::uint64_t{first_} * record_size_);
  if (!read) {
    held_ = 0;  // what the buffer holds is not what it says
  }
  return read;
}

Result<bool> IndexReader::next(IndexEntry& into) {
  if (next_ >= available_) {
    if (available_ < num_records_ && next_ < num_records_) {
      CYR_TRY(const FileInfo info, file_->info());
      return cut_short(info.size, available_, num_records_).at(file_->path());
    }
    return false;
  }
  if (next_ < first_ || next_ >= first_ + held_) {
    CYR_CHECK(fill());
  }
  into.raw = Bytes(buffer_).subspan(std::size_t{next_ - first_} * record_size_, record_size_);
  into.recno = next_ + 1;
  into.offset = start_ + std::uint64_t{next_} * record_size_;
  into.crc_ok = record_crc_ok(into.raw, layout_);
  CYR_TRY(into.record, decode_index_record(into.raw, layout_));
  ++next_;
  return true;
}

Result<IndexImage> decode_index(Bytes file) {
  IndexImage image;
  CYR_TRY(image.header, decode_index_header(file));
  const IndexHeader& header = image.header;
  const unsigned layout = record_layout(header);
  const std::uint64_t whole = (file.size() - header.start_offset) / header.record_size;
  if (whole < header.num_records) {
    return cut_short(file.size(), static_cast<std::uint32_t>(whole), header.num_records);
  }
  image.records.reserve(header.num_records);
  for (std::uint32_t recno = 1; recno <= header.num_records; ++recno) {
    const std::uint64_t offset = record_offset(header, recno);
    const Bytes raw = file.subspan(static_cast<std::size_t>(offset), header.record_size);
    if (!record_crc_ok(raw, layout)) {
      return corrupt(fmt::format("CRC of record {} is wrong", recno), offset);
    }
    CYR_TRY(IndexRecord record, decode_index_record(raw, layout));
    image.records.push_back(record);
  }
  return image;
}

Result<Buffer> encode_index(const IndexImage& image) {
  const unsigned layout = record_layout(image.header);
  if (layout == 0) {
    return no_layout(image.header);
  }
  CYR_TRY(Buffer out, encode_index_header(image.header));
  const std::size_t start = out.size();
  const std::size_t record_size = image.header.record_size;
  out.resize(start + image.records.size() * record_size);
  std::size_t at = start;
  for (const IndexRecord& record : image.records) {
    CYR_CHECK(encode_index_record(record, layout, MutableBytes(out).subspan(at, record_size)));
    at += record_size;
  }
  return out;
}

Result<IndexFileWriter> IndexFileWriter::create(Io& io, const fs::path& target, const IndexHeader& header,
                                                ::mode_t mode) {
  const unsigned layout = record_layout(header);
  if (layout == 0) {
    return no_layout(header).at(target);
  }
  CYR_TRY(AtomicFile file, AtomicFile::create(io, target, mode));
  // The header's place; zeros until finish(), so an unfinished file cannot be taken for an index.
  CYR_CHECK(file.write(Bytes(Buffer(header.start_offset))));
  return IndexFileWriter(std::move(file), header, layout);
}

Status IndexFileWriter::append(const IndexRecord& record) {
  Buffer raw(record_size_);
  CYR_CHECK(encode_index_record(record, layout_, MutableBytes(raw)));
  return append_raw(raw);
}

Status IndexFileWriter::append_raw(Bytes record) {
  if (record.size() != record_size_) {
    return make_error(Errc::invalid, fmt::format("record of {} bytes in a file of {}-byte records",
                                                 record.size(), record_size_));
  }
  CYR_CHECK(file_.write(record));
  ++records_;
  return success();
}

Status IndexFileWriter::finish(IndexHeader header) {
  header.minor_version = minor_version_;
  header.start_offset = start_offset_;
  header.record_size = record_size_;
  header.num_records = records_;
  CYR_TRY(const Buffer raw, encode_index_header(header));
  CYR_CHECK(file_.sync());  // records before the header
  CYR_CHECK(file_.file().write(raw, 0));
  return file_.file().sync();
}

Status IndexFileWriter::commit() { return file_.commit(); }

Status write_index_record(File& file, const IndexHeader& header, std::uint32_t recno,
                          const IndexRecord& record) {
  return write_index_records(file, header, recno, {record});
}

Status write_index_records(File& file, const IndexHeader& header, std::uint32_t first_recno,
                           const std::vector<IndexRecord>& records) {
  if (records.empty()) {
    return success();
  }
  const unsigned layout = record_layout(header);
  if (layout == 0 || first_recno == 0) {
    return no_layout(header).at(file.path());
  }
  const std::size_t record_size = header.record_size;
  Buffer raw(records.size() * record_size);
  std::size_t at = 0;
  for (const IndexRecord& record : records) {
    CYR_CHECK(encode_index_record(record, layout, MutableBytes(raw).subspan(at, record_size)));
    at += record_size;
  }
  return file.write(raw, record_offset(header, first_recno));
}

Status write_index_header(File& file, const IndexHeader& header) {
  CYR_TRY(const Buffer raw, encode_index_header(header));
  CYR_CHECK(file.sync());
  CYR_CHECK(file.write(raw, 0));
  return file.sync();
}

}  // namespace cyr::mailbox
