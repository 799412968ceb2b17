// The twoskip backend as a FileFormat: 64-bit file, CRC32, two level 0 pointers per record so that the last
// commit can always be read (format/doc/twoskip.md). Default of most databases since 2.5.
#include <fmt/format.h>

#include "format/db/linked_writer.h"
#include "format/db/table_view.h"
#include "format/db/twoskip_edit.h"

namespace cyr::db {

using namespace twoskip;  // this file is the outside of that namespace

namespace {

constexpr std::uint64_t repack_above = 16834;  // bytes; the odd constant is Cyrus's

// What LinkedWriter wants to know.
struct TwoskipWriting {
  using Shape = HeadShape;
  static constexpr std::string_view name = "twoskip";
  static constexpr unsigned max_level = twoskip::max_level;
  static constexpr std::uint64_t dummy_offset = twoskip::dummy_offset;

  std::uint64_t generation = 1;

  [[nodiscard]] static Buffer empty_file() { return twoskip::empty_file(); }
  [[nodiscard]] static Shape dummy() { return {RecordType::dummy, max_level, 0, 0, 0}; }
  [[nodiscard]] static Shape shape(unsigned level, std::string_view key, std::string_view value) {
    return {RecordType::record, level, key.size(), value.size(), tail_crc(key, value)};
  }
  static void pad(Buffer& out, std::uint64_t end, const Shape& shape) {
    append_blanks(out, blanks_before(end, shape.size()));
  }
  static void record(Buffer& out, const Shape& shape, const std::uint64_t* slots, std::string_view key,
                     std::string_view value) {
    append_head(out, shape, slots);
    append_tail(out, key, value);
  }
  static void head(Buffer& out, const Shape& shape, const std::uint64_t* slots) {
    append_head(out, shape, slots);
  }
  static void commit(Buffer& out, std::uint64_t end) {
    append_blanks(out, blanks_before(end, marker_size));
    append_marker(out, RecordType::commit, first_record);
  }
  [[nodiscard]] auto header(std::uint64_t records, std::uint64_t sorted_end, std::uint64_t end) const {
    Header done;
    done.generation = generation;
    done.num_records = records;
    done.repack_size = sorted_end;
    done.current_size = end;
    return encode_header(done);
  }
};

class TwoskipFormat final : public FileFormat {
 public:
  [[nodiscard]] Kind kind() const override { return Kind::twoskip; }
  [[nodiscard]] Order default_order() const override { return Order::raw; }

  [[nodiscard]] Result<std::unique_ptr<View>> view(Bytes file) const override {
    CYR_TRY(const Header header, decode_header(file));
    return std::unique_ptr<View>(std::make_unique<TwoskipView>(file, header, header.current_size));
  }

  Result<Readiness> prepare(Image& image, const KeyOrder& order) const override {
    if (image.bytes().empty()) {
      CYR_CHECK(image.write(empty_file(), 0));
      CYR_CHECK(image.sync());
      return Readiness::ready;
    }
    CYR_TRY(const Header header, decode_header(image.bytes()));
    if (!header.is_dirty() && header.current_size == image.bytes().size()) {
      return Readiness::ready;
    }
    const Status mended = recover(image, order);
    return mended_or_rewrite(mended, image.bytes(), order);
  }

  [[nodiscard]] Result<std::unique_ptr<View>> replay(Bytes file, const KeyOrder& order) const override {
    CYR_TRY(const Header header, decode_header(file));
    if (file.size() < header.current_size) {
      return corrupt(fmt::format("file has {} bytes, current_size says {}", file.size(), header.current_size),
                     48);
    }
    CYR_TRY(const auto live, replay_log(file, header.current_size, order));
    std::vector<Entry> entries;
    entries.reserve(live.size());
    for (const std::uint64_t offset : live) {
      CYR_TRY(const Record record, decode_record(file, offset, header.current_size));
      entries.push_back({record.key, record.value});
    }
    return std::unique_ptr<View>(std::make_unique<TableView>(std::move(entries)));
  }

  [[nodiscard]] Result<std::unique_ptr<Editor>> edit(Image& image, const KeyOrder& order) const override {
    CYR_TRY(const Header header, decode_header(image.bytes()));
    return std::unique_ptr<Editor>(std::make_unique<TwoskipEditor>(image, header, order));
  }

  [[nodiscard]] Result<std::unique_ptr<BulkWriter>> writer(StreamSink& sink,
                                                           std::uint64_t generation) const override {
    return std::unique_ptr<BulkWriter>(
        std::make_unique<LinkedWriter<TwoskipWriting>>(sink, TwoskipWriting{generation + 1}));
  }

  [[nodiscard]] std::uint64_t generation(Bytes file) const override {
    const auto header = decode_header(file);
    return header ? header->generation : 0;
  }

  [[nodiscard]] bool wants_repack(Bytes file) const override {
    const auto header = decode_header(file);
    return header && header->current_size > repack_above && header->current_size / 2 > header->repack_size;
  }
  [[nodiscard]] bool delays_repack() const override { return true; }
};

}  // namespace

const FileFormat& twoskip_format() {
  static const TwoskipFormat format;
  return format;
}

}  // namespace cyr::db
