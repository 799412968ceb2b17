// The twoskip backend as a FileFormat: 64-bit file, CRC32, two level 0 pointers per record so that the last commit can
// always be read (format/doc/twoskip.md). Default of most databases since 2.5.
#include <fmt/format.h>

#include "format/db/stream_sink.h"
#include "format/db/table_view.h"
#include "format/db/twoskip_edit.h"

namespace cyr::db {

using namespace twoskip;  // this file is the outside of that namespace

namespace {

constexpr std::uint64_t repack_above = 16834;  // bytes; the odd constant is Cyrus's

// Everything is one transaction, records ascending, as a checkpoint leaves a file.
class TwoskipWriter final : public BulkWriter {
 public:
  TwoskipWriter(StreamSink& sink, std::uint64_t generation) : sink_(sink) { header_.generation = generation + 1; }

  Status add(std::string_view key, std::string_view value) override {
    if (key.empty()) {
      return make_error(Errc::invalid, "twoskip cannot hold an empty key");
    }
    CYR_CHECK(begin());
    const HeadShape shape{RecordType::record, even_level(++header_.num_records, max_level), key.size(), value.size(),
                          tail_crc(key, value)};
    record_.clear();
    const std::uint64_t offset = place(shape.size());
    CYR_CHECK(links_.add(offset, shape.level, shape, patch_));
    const std::array<std::uint64_t, max_level + 1> slots{};
    append_head(record_, shape, slots.data());
    append_tail(record_, key, value);
    return sink_.append(record_);
  }

  Status finish() override {
    CYR_CHECK(begin());
    CYR_CHECK(links_.finish(patch_));
    header_.repack_size = sink_.size();
    if (header_.num_records > 0) {
      record_.clear();
      place(marker_size);
      append_marker(record_, RecordType::commit, first_record);
      CYR_CHECK(sink_.append(record_));
    }
    header_.current_size = sink_.size();
    CYR_CHECK(sink_.patch(0, encode_header(header_)));
    return sink_.flush();
  }

 private:
  using Links = ForwardLinks<HeadShape, max_level>;

  Status begin() {
    if (sink_.size() != 0) {
      return success();
    }
    CYR_CHECK(sink_.append(empty_file()));
    return links_.add(dummy_offset, max_level, {RecordType::dummy, max_level, 0, 0, 0}, patch_);
  }
  // Where a record with this head goes; puts the blanks before it into record_.
  std::uint64_t place(std::uint64_t head_size) {
    const unsigned blanks = blanks_before(sink_.size(), head_size);
    append_blanks(record_, blanks);
    return sink_.size() + 8 * std::uint64_t{blanks};
  }
  Status patch_head(const Links::Waiting& done) {
    std::array<std::uint64_t, max_level + 1> slots{};
    std::copy_n(done.next.begin(), done.level, slots.begin() + 1);
    head_.clear();
    append_head(head_, done.head, slots.data());
    return sink_.patch(done.offset, head_);
  }

  StreamSink& sink_;
  Header header_;
  Links links_;
  const std::function<Status(const Links::Waiting&)> patch_ = [this](const auto& done) { return patch_head(done); };
  Buffer record_;  // reused
  Buffer head_;
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
    if (!header.dirty() && header.current_size == image.bytes().size()) {
      return Readiness::ready;
    }
    const Status recovered = recover(image, order);
    if (recovered) {
      return Readiness::ready;
    }
    if (recovered.error().code != Errc::corrupt) {
      return recovered.error();
    }
    // Good records behind a broken pointer: written anew from the log, if the log is whole.
    if (!replay(image.bytes(), order)) {
      return recovered.error();
    }
    return Readiness::rewrite;
  }

  [[nodiscard]] Result<std::unique_ptr<View>> replay(Bytes file, const KeyOrder& order) const override {
    CYR_TRY(const Header header, decode_header(file));
    if (file.size() < header.current_size) {
      return corrupt(fmt::format("file has {} bytes, current_size says {}", file.size(), header.current_size), 48);
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

  [[nodiscard]] Result<std::unique_ptr<BulkWriter>> writer(StreamSink& sink, std::uint64_t generation) const override {
    return std::unique_ptr<BulkWriter>(std::make_unique<TwoskipWriter>(sink, generation));
  }

  [[nodiscard]] std::uint64_t generation(Bytes file) const override {
    const auto header = decode_header(file);
    return header ? header->generation : 0;
  }

  [[nodiscard]] bool wants_repack(Bytes file) const override {
    const auto header = decode_header(file);
    return header && header->current_size > repack_above && header->current_size / 2 > header->repack_size;
  }
};

}  // namespace

const FileFormat& twoskip_format() {
  static const TwoskipFormat format;
  return format;
}

}  // namespace cyr::db
