// Damage to index files: every truncation, every flipped bit; and what the tables promise.
#include "format/base/crc32.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/mailbox/sync_crc.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/mailbox/corpus.h"

using namespace cyr;
using namespace cyr::mailbox;
using namespace cyr::test;

namespace {

constexpr unsigned kSeeds[] = {4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 19};

}  // namespace

TEST_CASE("an index that is cut anywhere is an error") {
  for (const unsigned version : kSeeds) {
    const Buffer good = index_seed(version);
    REQUIRE_OK(decode_index(good));
    for (std::size_t size = 0; size < good.size(); ++size) {
      INFO("v" << version << " cut after " << size);
      const auto image = decode_index(Bytes(good).first(size));
      REQUIRE_FALSE(image);
      CHECK((image.error().code == Errc::corrupt || image.error().code == Errc::unsupported));
      const SalvagedIndexHeader salvaged = salvage_index_header(Bytes(good).first(size));
      CHECK_FALSE(salvaged.doubts.empty());
    }
  }
}

TEST_CASE("from v12 on every flipped bit is noticed, and in the header found and put back") {
  for (const unsigned version : kSeeds) {
    if (!has_record_crc(version)) {
      continue;
    }
    const Buffer good = index_seed(version);
    const auto header = decode_index_header(good);
    REQUIRE_OK(header);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      Buffer file = good;
      file[bit / 8] ^= std::byte(1U << (bit % 8));
      INFO("v" << version << " byte " << bit / 8 << " bit " << bit % 8);
      REQUIRE_FALSE(decode_index(file));
      if (bit / 8 < header->start_offset && bit % 29 == 0) {  // a sample: the search tries 40,000 changes
        const SalvagedIndexHeader salvaged = salvage_index_header(file);
        CHECK(salvaged.layout == version);
        CHECK(encode_index_header(salvaged.header).value() == encode_index_header(*header).value());
        CHECK(salvaged.doubtful_fields.empty());
      }
    }
  }
}

TEST_CASE("before v12 a flipped bit gives an error or a value of its field") {
  for (const unsigned version : {4U, 6U, 10U}) {
    const Buffer good = index_seed(version);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      Buffer file = good;
      file[bit / 8] ^= std::byte(1U << (bit % 8));
      if (const auto image = decode_index(file); image) {
        const auto written = encode_index(*image);
        REQUIRE_OK(written);
        CHECK(std::equal(written->begin(), written->end(), file.begin()));
      }
      CHECK(salvage_index_header(file).header.num_records <= 1000);
    }
  }
}

TEST_CASE("a header that is gone is rebuilt from the records' own CRCs") {
  for (const unsigned version : {12U, 13U, 16U, 17U, 19U}) {
    Buffer file = index_seed(version);
    const auto image = decode_index(file);
    REQUIRE_OK(image);
    std::fill(file.begin(), file.begin() + image->header.start_offset, std::byte{0});
    const SalvagedIndexHeader salvaged = salvage_index_header(file);
    INFO("v" << version);
    CHECK(index_version(salvaged.layout)->record_size == image->header.record_size);
    CHECK(salvaged.header.start_offset == image->header.start_offset);
    CHECK(salvaged.header.num_records == image->records.size());
    CHECK(salvaged.header.last_uid == image->records.back().uid);
    CHECK_FALSE(salvaged.doubtful_fields.empty());
  }
}

TEST_CASE("errors name what was expected, and where") {
  Buffer file = index_seed(17);
  store_be<std::uint32_t>(file.data() + 16, 96);
  const auto wrong_size = decode_index_header(file);
  CHECK(wrong_size.error().what == "record size 96, expected 112 for index version 17");
  CHECK(wrong_size.error().offset == 16U);
  file = index_seed(17);
  store_be<std::uint32_t>(file.data() + 8, 11);
  CHECK(decode_index_header(file).error().code == Errc::unsupported);
  file = index_seed(17);
  file[30] ^= std::byte{1};
  CHECK(decode_index_header(file).error().offset == 156U);
  CHECK(decode_index_header_unchecked(file).has_value());
}

TEST_CASE("before v6 start_offset and record_size decide which fields exist") {
  // A v4 file with the header of 1.6.24-2.1.3: no POP3_NEW_UIDL word.
  Buffer file = index_seed(4);
  store_be<std::uint32_t>(file.data() + 12, 56);
  store_be<std::uint32_t>(file.data() + 56, 1);
  const auto header = decode_index_header(file);
  REQUIRE_OK(header);
  CHECK(header->options == 0);
  CHECK(header->flagged == load_be<std::uint32_t>(file.data() + 52));
  CHECK(record_layout(*header) == 4);
  store_be<std::uint32_t>(file.data() + 16, 56);
  CHECK(record_layout(decode_index_header(file).value()) == 5);
  store_be<std::uint32_t>(file.data() + 12, 57);
  CHECK_FALSE(decode_index_header(file));
}

TEST_CASE("spare bytes of a header are written back") {
  Buffer file = index_seed(4);
  file[70] = std::byte{0xAB};  // 2.1 leaves stack contents there
  const auto header = decode_index_header(file);
  REQUIRE_OK(header);
  CHECK(encode_index_header(*header).value()[70] == std::byte{0xAB});
}

TEST_CASE("a value too large for its field is refused, not cut") {
  IndexRecord record;
  record.size = std::uint64_t{1} << 32;
  Buffer to(kMaxIndexRecordSize);
  CHECK(encode_index_record(record, 17, MutableBytes(to)).error().code == Errc::invalid);
  CHECK(encode_index_record(record, 20, MutableBytes(to)).has_value());
  record.size = 1;
  record.cache_offset = std::uint64_t{1} << 32;
  CHECK(encode_index_record(record, 4, MutableBytes(to)).error().code == Errc::invalid);
  REQUIRE_OK(encode_index_record(record, 17, MutableBytes(to)));
  CHECK(load_be<std::uint32_t>(to.data() + 56) == 0x10000U);  // the upper bits go beside the cache version
  CHECK(decode_index_record(Bytes(to).first(112), 17)->cache_offset == record.cache_offset);
}

TEST_CASE("v20 stores nanoseconds, the structs have seconds") {
  IndexRecord record;
  record.uid = 7;
  record.internaldate = 1795329482;
  record.internaldate_nsec = 123456789;
  record.savedate = 1795329483;
  record.basecid = 5;
  Buffer to(144);
  REQUIRE_OK(encode_index_record(record, 20, MutableBytes(to)));
  CHECK(load_be<std::uint64_t>(to.data() + 8) == 1795329482123456789U);
  CHECK(load_be<std::uint64_t>(to.data() + 120) == 1795329483000000000U);
  auto read = decode_index_record(to, 20);
  REQUIRE_OK(read);
  read->record_crc = 0;
  CHECK(*read == record);
}

TEST_CASE("files are streamed and written as a whole") {
  const TempDir dir;
  IndexHeader header;
  REQUIRE(set_index_version(header, 17));
  header.uidvalidity = 1;
  auto writer = IndexFileWriter::create(posix_io(), dir / "cyrus.index", header);
  REQUIRE_OK(writer);
  constexpr std::uint32_t kRecords = 10000;  // more than one read of the reader
  for (std::uint32_t uid = 1; uid <= kRecords; ++uid) {
    IndexRecord record;
    record.uid = uid * 2;
    REQUIRE_OK(writer->append(record));
  }
  CHECK_FALSE(is_file(dir / "cyrus.index"));
  REQUIRE_OK(writer->finish(header));
  REQUIRE_OK(writer->commit());
  auto file = File::open(posix_io(), dir / "cyrus.index", {.write = true});
  REQUIRE_OK(file);
  const auto read = read_index_header(*file);
  REQUIRE_OK(read);
  CHECK(read->num_records == kRecords);
  auto reader = IndexReader::open(*file, *read);
  REQUIRE_OK(reader);
  IndexEntry entry;
  std::uint32_t count = 0;
  while (reader->next(entry).value()) {
    ++count;
    REQUIRE(entry.record.uid == count * 2);
    REQUIRE(entry.recno == count);
    REQUIRE(entry.crc_ok);
  }
  CHECK(count == kRecords);
  reader->seek(42);
  REQUIRE(reader->next(entry).value());
  CHECK(entry.record.uid == 84);

  entry.record.size = 99;
  REQUIRE_OK(write_index_record(*file, *read, 42, entry.record));
  REQUIRE_OK(file->truncate(160 + 112 * 42 + 5));
  auto cut = IndexReader::open(*file, *read);
  REQUIRE_OK(cut);
  CHECK(cut->available() == 42);
  count = 0;
  Result<bool> more = true;
  while ((more = cut->next(entry)) && *more) {
    ++count;
  }
  CHECK(count == 42);
  CHECK(entry.record.size == 99);
  REQUIRE_FALSE(more);
  CHECK(more.error().code == Errc::corrupt);
}

TEST_CASE("what Cyrus holds in memory after reading an old header") {
  auto header = decode_index_header(index_seed(10));
  REQUIRE_OK(header);
  header->highestmodseq = 0;
  apply_read_defaults(*header);
  CHECK(header->highestmodseq == 1);
  CHECK(header->deletedmodseq == 1);
  CHECK(header->exists == header->num_records);
}

TEST_CASE("an expunged record counts for neither sync CRC") {
  IndexRecord record;
  record.uid = 3;
  record.cid = 5;
  CHECK(sync_crc_basic(record, {}) != 0);
  CHECK(sync_crc_annot(record, 17, {}) != 0);
  CHECK(sync_crc_annot(record, 12, {}) == 0);
  record.system_flags = flag::expunged;
  CHECK(sync_crc_basic(record, {}) == 0);
  CHECK(sync_crc_annot(record, 17, {}) == 0);
  CHECK(sync_crc_annotation(3, "/vendor/cmu/cyrus-imapd/thrid", "", "5", 17) == 0);
  CHECK(sync_crc_annotation(3, "/vendor/cmu/cyrus-imapd/thrid", "", "5", 12) ==
        crc32("3 /vendor/cmu/cyrus-imapd/thrid  5"));
}
