#include "format/db/twoskip_edit.h"

#include <fmt/format.h>

#include <algorithm>

namespace cyr::db::twoskip {

Result<std::uint64_t> TwoskipEditor::append(Buffer record, std::uint64_t head_size) {
  const unsigned blanks = blanks_before(end_, head_size);
  Buffer out;
  out.reserve(8 * std::size_t{blanks} + record.size());
  append_blanks(out, blanks);
  out.insert(out.end(), record.begin(), record.end());
  CYR_CHECK(image_->write(out, end_));
  const std::uint64_t offset = end_ + 8 * std::uint64_t{blanks};
  end_ += out.size();
  return offset;
}

Status TwoskipEditor::link(const Place& place, unsigned levels,
                           const std::function<std::uint64_t(unsigned)>& target) {
  return relink(*image_, here(), place, levels, header_.current_size, edit_head, target);
}

Status TwoskipEditor::put(std::string_view key, std::string_view value) {
  CYR_TRY(const Place place, here().locate(key, order_));
  if (place.match && place.match->value == value && place.match->key == key) {
    return check_tail(*place.match);  // nothing to write; but never rely on a damaged record
  }
  const unsigned old_level = place.match ? place.match->level : 0;
  CYR_CHECK(start());
  const HeadShape shape{RecordType::record, dice_.roll(max_level), key.size(), value.size(),
                        tail_crc(key, value)};
  std::array<std::uint64_t, max_level + 1> slots{};
  std::copy_n(place.next.begin(), shape.level, slots.begin() + 1);
  Buffer record;
  append_head(record, shape, slots.data());
  append_tail(record, key, value);
  CYR_TRY(const std::uint64_t offset, append(std::move(record), shape.size()));
  CYR_CHECK(link(place, std::max(shape.level, old_level),
                 [&](unsigned level) { return level < shape.level ? offset : place.next[level]; }));
  header_.num_records += old_level == 0 ? 1 : 0;
  return success();
}

Status TwoskipEditor::erase(std::string_view key) {
  CYR_TRY(const Place place, here().locate(key, order_));
  if (!place.match) {
    return success();
  }
  if (header_.num_records == 0) {
    return corrupt("num_records is 0, but there are records", 32);
  }
  const unsigned level_of_match = place.match->level;
  CYR_CHECK(start());
  Buffer marker;
  append_marker(marker, RecordType::erased, place.next[0]);
  CYR_TRY(const std::uint64_t offset, append(std::move(marker), marker_size));
  CYR_CHECK(
      link(place, level_of_match, [&](unsigned level) { return level == 0 ? offset : place.next[level]; }));
  --header_.num_records;
  return success();
}

Status TwoskipEditor::append_commit() {
  Buffer marker;
  append_marker(marker, RecordType::commit, header_.current_size);
  CYR_TRY(const std::uint64_t offset, append(std::move(marker), marker_size));
  (void)offset;
  return success();
}

Status TwoskipEditor::mend(Image& image, const KeyOrder& order) { return recover(image, order); }

namespace {

// What ListRepair wants to know.
class TwoskipList {
 public:
  using Record = twoskip::Record;
  static constexpr unsigned max_level = twoskip::max_level;
  static constexpr std::uint64_t dummy_offset = twoskip::dummy_offset;

  TwoskipList(Image& image, const Header& header, const KeyOrder& order)
      : image_(image), header_(header), order_(order) {}

  [[nodiscard]] Result<Record> record_at(std::uint64_t offset) const {
    return decode_record(image_.bytes(), offset, limit());
  }
  // A DELETE names what comes after it; nothing at the end of the list.
  [[nodiscard]] Result<std::optional<Record>> target(std::uint64_t offset) const {
    CYR_TRY(Record record, record_at(offset));
    if (record.type == RecordType::erased) {
      if (record.slot(0) == 0) {
        return std::optional<Record>();
      }
      CYR_TRY(record, record_at(record.slot(0)));
    }
    if (record.type != RecordType::record) {
      return corrupt("the list is broken here", record.offset);
    }
    return std::optional(record);
  }
  [[nodiscard]] static HeadEdit edit(const Record& record) { return edit_head(record); }
  [[nodiscard]] Image& image() const { return image_; }
  [[nodiscard]] std::uint64_t limit() const { return header_.current_size; }
  [[nodiscard]] const KeyOrder& order() const { return order_; }

 private:
  Image& image_;
  const Header& header_;
  const KeyOrder& order_;
};

}  // namespace

Status recover(Image& image, const KeyOrder& order) {
  CYR_TRY(Header header, decode_header(image.bytes()));
  if (image.bytes().size() < header.current_size) {
    return corrupt(
        fmt::format("file has {} bytes, current_size says {}", image.bytes().size(), header.current_size),
        48);
  }
  // The list is walked once without touching it, so that a file that cannot be recovered stays as it is.
  OrderSet orders;
  CYR_CHECK(TwoskipView(image.bytes(), header, header.current_size)
                .walk(orders, [](const Record&) -> Result<Visit> { return Visit::go_on; }));
  header.flags |= flag_dirty;
  CYR_CHECK(image.write(encode_header(header), 0));
  std::uint64_t count = 0;
  CYR_CHECK(ListRepair(TwoskipList(image, header, order)).run([&count](const Record&) {
    ++count;
    return success();
  }));
  if (image.bytes().size() != header.current_size) {
    CYR_CHECK(image.truncate(header.current_size));
  }
  CYR_CHECK(image.sync());
  header.flags &= ~flag_dirty;
  header.num_records = count;
  CYR_CHECK(image.write(encode_header(header), 0));
  return image.sync();
}

}  // namespace cyr::db::twoskip
