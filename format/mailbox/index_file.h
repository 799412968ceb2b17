// Whole cyrus.index files: a reader that streams records in bounded memory, a writer that replaces the file
// as a whole, and one that changes records in place. Also salvage of a file whose header is damaged. Locks
// are the caller's (format/doc/locks.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/base/file.h"
#include "format/mailbox/index.h"

namespace cyr::mailbox {

// One record as it stands in the file.
struct IndexEntry {
  std::uint32_t recno = 0;   // 1-based
  std::uint64_t offset = 0;  // in the file
  bool crc_ok = true;        // always true before v12
  IndexRecord record;
  Bytes raw;  // the record's bytes; valid until the next next()
};

// Reads the header of an open index file; strict as decode_index_header.
Result<IndexHeader> read_index_header(const File& file);

// Streams the records, thousands per read, at most 1 MiB of memory. A record with a wrong CRC is handed out,
// not an error; a file that ends before num_records is one (corrupt, with the offset), after the whole
// records that are there.
class IndexReader {
 public:
  // `file` must outlive the reader. invalid when no record layout fits the header.
  static Result<IndexReader> open(const File& file, const IndexHeader& header);
  // False after the last record.
  Result<bool> next(IndexEntry& into);
  // Whole records that the file's size allows, at most num_records.
  [[nodiscard]] std::uint32_t available() const { return available_; }
  // Continues with record `recno` (1-based).
  void seek(std::uint32_t recno) { next_ = recno == 0 ? 0 : recno - 1; }

 private:
  IndexReader() = default;
  Status fill();
  const File* file_ = nullptr;
  unsigned layout_ = 0;
  std::uint64_t start_ = 0;
  std::uint32_t record_size_ = 0;
  std::uint32_t num_records_ = 0;
  std::uint32_t available_ = 0;
  std::uint32_t next_ = 0;   // 0-based
  std::uint32_t first_ = 0;  // records [first_, first_ + held_) are in buffer_
  std::uint32_t held_ = 0;
  Buffer buffer_;
};

// The whole index in memory, for files that are known to be small, tests and tools.
struct IndexImage {
  IndexHeader header;
  std::vector<IndexRecord> records;
};
Result<IndexImage> decode_index(Bytes file);
Result<Buffer> encode_index(const IndexImage& image);

// A new cyrus.index (or cyrus.expunge) written to `.NEW`. Records first, the header last, then commit()
// renames.
class IndexFileWriter {
 public:
  // `header` gives minor_version, start_offset and record_size; its counts are passed to finish().
  static Result<IndexFileWriter> create(Io& io, const fs::path& target, const IndexHeader& header,
                                        ::mode_t mode = 0600);
  Status append(const IndexRecord& record);
  // A record copied as it stands, whatever its CRC.
  Status append_raw(Bytes record);
  [[nodiscard]] std::uint32_t records() const { return records_; }
  // Writes the header (num_records is set from the records written) and syncs; the file still is `.NEW`.
  Status finish(IndexHeader header);
  Status commit();  // after finish()
  [[nodiscard]] const fs::path& temporary() const { return file_.temporary(); }

 private:
  IndexFileWriter(AtomicFile file, const IndexHeader& header, unsigned layout)
      : file_(std::move(file)),
        start_offset_(header.start_offset),
        record_size_(header.record_size),
        minor_version_(header.minor_version),
        layout_(layout) {}
  AtomicFile file_;
  std::uint32_t start_offset_;
  std::uint32_t record_size_;
  std::uint32_t minor_version_;
  unsigned layout_;
  std::uint32_t records_ = 0;
};

// Changes in place, in Cyrus's order: records, sync, header, sync (mailbox.md 3.5). `file` is open for
// writing and exclusively locked. A record past num_records is an append.
Status write_index_record(File& file, const IndexHeader& header, std::uint32_t recno,
                          const IndexRecord& record);
// Neighbours from `first_recno` on, in one write.
Status write_index_records(File& file, const IndexHeader& header, std::uint32_t first_recno,
                           const std::vector<IndexRecord>& records);
Status write_index_header(File& file, const IndexHeader& header);

// What can be said about a damaged index file.
struct SalvagedIndexHeader {
  IndexHeader header;   // minor_version 0: not even the layout could be found
  unsigned layout = 0;  // of the records
  std::uint32_t readable_records =
      0;                            // of the first 4,096 records: CRC right (v12+), UID above the one before
  std::uint32_t whole_records = 0;  // records that the file's size holds
  bool crc_ok = false;              // header_crc right (false before v12 too)
  std::vector<std::string> doubts;  // one phrase each; empty: nothing is wrong
  // Names (as in index_header_fields()) of fields whose value is not believable; they hold 0 or a value
  // derived from the records, as the doubt says.
  std::vector<std::string> doubtful_fields;
};
// Never fails. One wrong byte of a header with a CRC is found and put back. Otherwise the layout is found
// from minor_version, the sizes and, when those disagree, by trying every version's record size on the
// records (own CRCs right and UIDs ascending); plausible fields are kept, the others doubted. `file` may be
// huge: only the header and up to 4,096 records per guess are looked at.
SalvagedIndexHeader salvage_index_header(Bytes file);

}  // namespace cyr::mailbox
