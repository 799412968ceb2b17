// cyrus.cache: every record of every store of 3.6.1 is found and has its CRC; hostile offsets and lengths are
// refused.
#include "format/mailbox/cache_file.h"

#include "format/base/crc32.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/message_file.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/mailbox/corpus.h"

using namespace cyr;
using namespace cyr::mailbox;
using namespace cyr::test;

TEST_CASE("records of a real cache are found by their offset, with the envelope that mbexamine printed") {
  std::size_t records = 0;
  for (const char* name : {"classic", "virt", "old-2.2.13-classic", "old-3.12.3-default"}) {
    const TempStore store(name);
    const auto golden = golden_mailboxes(store);
    for (const fs::path& folder : mailbox_folders(store)) {
      INFO(folder.string());
      const auto image = decode_index(read_bytes(folder / "cyrus.index"));
      REQUIRE_OK(image);
      if (image->records.empty()) {
        continue;
      }
      const Buffer cache = read_bytes(folder / "cyrus.cache");
      CHECK(cache_generation(cache).value() == image->header.generation_no);
      for (const IndexRecord& record : image->records) {
        const auto view = cache_record_of(cache, record);
        REQUIRE_OK(view);
        CHECK(view->item(CacheItem::envelope).size() > 10);
        ++records;
      }
    }
    for (const auto& [key, mailbox] : golden) {
      for (const GoldenRecord& record : mailbox.records) {
        CHECK(record.envelope.front() == '(');
      }
    }
  }
  CHECK(records > 4000);
}

TEST_CASE("a cache record that is cut or has a wild length is an error with its offset") {
  Buffer cache(kCacheStart);
  for (std::uint32_t item = 0; item < kCacheItems; ++item) {
    append_be<std::uint32_t>(cache, item);
    cache.resize(round_up(cache.size() + item, 4));
  }
  const auto view = cache_record_at(cache, 4);
  REQUIRE_OK(view);
  CHECK(view->whole.size() == cache.size() - 4);
  CHECK(view->item(CacheItem::subject).size() == 9);
  for (std::size_t size = 0; size < cache.size(); ++size) {
    CHECK_FALSE(cache_record_at(Bytes(cache).first(size), 4));
  }
  for (const std::uint64_t offset :
       {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{6}, std::uint64_t{1} << 40}) {
    CHECK(cache_record_at(cache, offset).error().offset == offset);
  }
  store_be<std::uint32_t>(cache.data() + 8, 0xFFFFFFFF);
  CHECK(cache_record_at(cache, 4).error().offset == 8U);
}

TEST_CASE("the CRC of the index decides whether a cache record is the message's") {
  Buffer cache(kCacheStart + kCacheItems * 4);
  IndexRecord record;
  record.cache_offset = kCacheStart;
  record.cache_crc = crc32(Bytes(cache).subspan(kCacheStart));
  REQUIRE_OK(cache_record_of(cache, record));
  record.cache_crc ^= 1;
  CHECK_FALSE(cache_record_of(cache, record));
  record.cache_crc = 0;  // unknown
  CHECK(cache_record_of(cache, record).has_value());
}

TEST_CASE("caches are written with their generation in front and appended to") {
  const TempDir dir;
  const Buffer record(kCacheItems * 4);
  auto writer = CacheFileWriter::create(posix_io(), dir / "cyrus.cache", 7);
  REQUIRE_OK(writer);
  CHECK(writer->append(record).value() == 4);
  CHECK(writer->append(record).value() == 44);
  CHECK_FALSE(writer->append(Bytes(record).first(3)));
  REQUIRE_OK(writer->commit());
  auto file = File::open(posix_io(), dir / "cyrus.cache", {.write = true});
  REQUIRE_OK(file);
  REQUIRE_OK(file->write(Bytes(record).first(2), 84));  // a torn append of somebody else
  auto appender = CacheAppender::open(posix_io(), dir / "cyrus.cache", 7);
  REQUIRE_OK(appender);
  CHECK(appender->append(record).value() == 88);
  CHECK(appender->append(record).value() == 128);
  REQUIRE_OK(appender->finish());
  const Buffer cache = read_bytes(dir / "cyrus.cache");
  CHECK(cache_generation(cache).value() == 7);
  CHECK(cache_record_at(cache, 88).has_value());
  auto fresh = CacheAppender::open(posix_io(), dir / "new", 3);
  REQUIRE_OK(fresh);
  CHECK(fresh->append(record).value() == 4);
  REQUIRE_OK(fresh->finish());
  CHECK(cache_generation(read_bytes(dir / "new")).value() == 3);
}

TEST_CASE("names of message files") {
  CHECK(message_file_name(17) == "17.");
  CHECK(parse_message_file_name("17.") == 17U);
  CHECK(parse_message_file_name("4294967295.") == 4294967295U);
  for (const char* name : {"17", ".", "17.x", "-1.", "4294967296.", "1 .", "cyrus.index", "+1."}) {
    INFO(name);
    CHECK_FALSE(parse_message_file_name(name));
  }
  CHECK(classify_entry("17.") == DirectoryEntry::message);
  CHECK(classify_entry("cyrus.index.NEW") == DirectoryEntry::cyrus_file);
  CHECK(classify_entry(".nfs0001") == DirectoryEntry::hidden);
  CHECK(classify_entry("3..NEW") == DirectoryEntry::leftover);
  CHECK(classify_entry("core") == DirectoryEntry::odd);
}

TEST_CASE("annotation values of hosts with other word sizes are recognised") {
  for (const AnnotationLayout layout :
       {AnnotationLayout::words64_little, AnnotationLayout::words64_big, AnnotationLayout::words32}) {
    for (const bool has_modseq : {true, false}) {
      AnnotationValue value;
      value.value = std::string("a\0b", 3);
      value.layout = layout;
      value.has_modseq = has_modseq;
      value.modseq = has_modseq ? 10 : 0;
      value.flags = has_modseq ? 1 : 0;
      const Buffer bytes = encode_annotation_value(value).value();
      const auto read = decode_annotation_value(bytes);
      REQUIRE_OK(read);
      CHECK(*read == value);
      CHECK(read->deleted() == has_modseq);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto cut = decode_annotation_value(Bytes(bytes).first(size));
        CHECK((!cut || encode_annotation_value(*cut).value() ==
                           Buffer(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))));
      }
    }
  }
}
