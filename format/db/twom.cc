// The twom backend as a FileFormat: 64-bit little-endian file with XXH3 checksums, in which every version of
// a record stays until the next repack (format/doc/twom.md). The default of the development line 3.13.
#include <fmt/format.h>

#include "format/db/linked_writer.h"
#include "format/db/table_view.h"
#include "format/db/twom_edit.h"

namespace cyr::db {

using namespace twom;  // this file is the outside of that namespace

namespace {

constexpr std::uint64_t repack_above = 16834;  // bytes; the odd constant is Cyrus's

// What LinkedWriter wants to know.
struct TwomWriting {
  using Shape = HeadShape;
  static constexpr std::string_view name = "twom";
  static constexpr unsigned max_level = twom::max_level;
  static constexpr std::uint64_t dummy_offset = twom::dummy_offset;

  Header start;
  std::uint32_t highest = 0;

  [[nodiscard]] Buffer empty_file() const { return twom::empty_file(start); }
  [[nodiscard]] static Shape dummy() { return {.type = RecordType::dummy, .level = max_level}; }
  Shape shape(unsigned level, std::string_view key, std::string_view value) {
    highest = std::max(highest, level);
    return {.type = content_type(false, key.size(), value.size()),
            .level = level,
            .key_size = key.size(),
            .value_size = value.size()};
  }
  void pad(Buffer& /*out*/, std::uint64_t /*end*/, const Shape& /*shape*/) const {}
  void record(Buffer& out, Shape& shape, const std::uint64_t* slots, std::string_view key,
              std::string_view value) const {
    append_record(out, shape, slots, key, value, start.checksum());
  }
  void head(Buffer& out, const Shape& shape, const std::uint64_t* slots) const {
    append_head(out, shape, slots, start.checksum());
  }
  void commit(Buffer& out, std::uint64_t /*end*/) const {
    out = marker(RecordType::commit, first_record, start.checksum());
  }
  [[nodiscard]] auto header(std::uint64_t records, std::uint64_t sorted_end, std::uint64_t end) const {
    Header done = start;
    done.num_records = records;
    done.num_commits = records > 0 ? 1 : 0;
    done.repack_size = sorted_end;
    done.current_size = end;
    done.maxlevel = highest;
    return encode_header(done);
  }
};

class TwomFormat final : public FileFormat {
 public:
  [[nodiscard]] Kind kind() const override { return Kind::twom; }
  [[nodiscard]] Order default_order() const override { return Order::raw; }
  [[nodiscard]] bool fixed_order() const override { return true; }
  // Ranges of the header and the DUMMY, which no one else locks (cyrusdb.md 11).
  [[nodiscard]] LockPlan lock_plan() const override {
    return {
        .data = {dummy_offset, dummy_size}, .gate = LockRange{0, magic.size()}, .repack = LockRange{40, 8}};
  }

  [[nodiscard]] Result<std::unique_ptr<View>> view(Bytes file) const override {
    CYR_TRY(const Header header, decode_header(file));
    return std::unique_ptr<View>(std::make_unique<TwomView>(file, header, header.current_size));
  }

  Result<Readiness> prepare(Image& image, const KeyOrder& order) const override {
    if (image.bytes().empty()) {
      Header header;
      header.uuid = fresh_uuid();
      CYR_CHECK(image.write(empty_file(header), 0));
      CYR_CHECK(image.sync());
      return Readiness::ready;
    }
    CYR_TRY(const Header header, decode_header(image.bytes()));
    if (header.checksum() == Checksum::external) {
      return make_error(Errc::unsupported, "checksums of this file are made by another program's function")
          .with_hint("it can be read, and converted to another file");
    }
    if (!header.is_dirty() && header.current_size <= image.bytes().size()) {
      return Readiness::ready;
    }
    const Status mended = recover(image, order);
    return mended_or_rewrite(mended, image.bytes(), order);
  }

  // A power loss can keep half of a head that a writer changed. The log still says what was committed.
  [[nodiscard]] Result<std::unique_ptr<View>> replay_if_broken(Bytes file, Order likely) const override {
    CYR_TRY(const Header header, decode_header(file));
    OrderSet orders;
    const auto pass = [](const Record&) -> Result<Visit> { return Visit::go_on; };
    if (!header.is_dirty() || TwomView(file, header, header.current_size).walk(orders, pass)) {
      return std::unique_ptr<View>();
    }
    auto replayed = replay(file, KeyOrder(likely));
    return replayed ? std::move(replayed) : std::unique_ptr<View>();  // damage: an error of whoever meets it
  }

  [[nodiscard]] Result<std::unique_ptr<View>> replay(Bytes file, const KeyOrder& order) const override {
    CYR_TRY(const Header header, decode_header(file));
    if (file.size() < header.current_size) {
      return corrupt(fmt::format("file has {} bytes, current_size says {}", file.size(), header.current_size),
                     80);
    }
    CYR_TRY(const LogFacts log, read_log(file, header, order));
    std::vector<Entry> entries;
    const auto add = [&](std::uint64_t offset) -> Result<std::uint64_t> {
      CYR_TRY(const Record record,
              decode_record(file, offset, header.current_size, header.checksum(), heads_in(header)));
      if (has_content(record.type)) {
        entries.push_back({record.key, record.value});
      }
      return record.end();
    };
    for (const std::uint64_t offset : log.live) {
      CYR_CHECK(add(offset));
    }
    for (std::uint64_t offset = first_record; log.sorted && offset < header.current_size;) {
      CYR_TRY(offset, add(offset));
    }
    return std::unique_ptr<View>(std::make_unique<TableView>(std::move(entries)));
  }

  [[nodiscard]] Result<std::unique_ptr<Editor>> edit(Image& image, const KeyOrder& order) const override {
    CYR_TRY(const Header header, decode_header(image.bytes()));
    return std::unique_ptr<Editor>(std::make_unique<TwomEditor>(image, header, order));
  }

  [[nodiscard]] Result<std::unique_ptr<BulkWriter>> writer(StreamSink& sink,
                                                           std::uint64_t generation) const override {
    Header header;
    header.uuid = fresh_uuid();
    header.generation = generation + 1;
    return write_from(sink, header);
  }

  // The same database: its UUID and its kind of checksum stay.
  [[nodiscard]] Result<std::unique_ptr<BulkWriter>> replacement(StreamSink& sink, Bytes old) const override {
    const auto header = decode_header(old);
    if (!header) {
      return writer(sink, 0);
    }
    Header next;
    next.uuid = header->uuid;
    next.generation = header->generation + 1;
    next.flags = header->checksum() == Checksum::null ? checksum_null : checksum_xxh3;
    return write_from(sink, next);
  }

  [[nodiscard]] std::uint64_t generation(Bytes file) const override {
    const auto header = decode_header(file);
    return header ? header->generation : 0;
  }

  [[nodiscard]] bool wants_repack(Bytes file) const override {
    const auto header = decode_header(file);
    return header && header->dirty_size > repack_above && header->current_size / 4 < header->dirty_size;
  }
  [[nodiscard]] bool delays_repack() const override { return true; }

 private:
  static std::unique_ptr<BulkWriter> write_from(StreamSink& sink, const Header& header) {
    return std::make_unique<LinkedWriter<TwomWriting>>(sink, TwomWriting{header});
  }
};

}  // namespace

const FileFormat& twom_format() {
  static const TwomFormat format;
  return format;
}

}  // namespace cyr::db
