#include "format/db/twom_edit.h"

#include <fmt/format.h>

#include <algorithm>

namespace cyr::db::twom {

Result<std::uint64_t> TwomEditor::append(Bytes record) {
  const std::uint64_t offset = end_;
  if (offset + record.size() > image_->bytes().size()) {
    CYR_CHECK(image_->truncate(grown_size(offset + record.size())));
  }
  CYR_CHECK(image_->write(record, offset));
  end_ += record.size();
  return offset;
}

Status TwomEditor::link(const Place& place, unsigned levels, std::uint64_t target) {
  return relink(
      *image_, here(), place, levels, header_.current_size,
      [this](const Record& record) { return edit_head(record, kind()); },
      [target](unsigned /*level*/) { return target; });
}

// On level 0 the pointer is taken as it is: it may lead to the DELETE of the next record.
Result<TwomEditor::Slots> TwomEditor::slots_at(const Place& place, unsigned level) const {
  Slots slots{};
  const TwomView view = here();
  for (unsigned i = 0; i < level; ++i) {
    if (place.match) {
      slots[i + 1] = view.pointer(*place.match, i);
    } else {
      CYR_TRY(const Record before, view.record_at(place.back[i]));
      slots[i + 1] = view.pointer(before, i);
    }
  }
  return slots;
}

Status TwomEditor::put(std::string_view key, std::string_view value) {
  CYR_TRY(const Place place, here().locate(key, order_));
  const bool live = place.match && place.match->deleted_by == 0;
  if (live && place.match->value == value) {
    return check_tail(*place.match, kind());  // nothing to write; but never rely on a damaged record
  }
  HeadShape shape{.type = content_type(place.match.has_value(), key.size(), value.size()),
                  .level = place.match ? place.match->level : dice_.roll(max_level),
                  .key_size = key.size(),
                  .value_size = value.size()};
  if (place.match) {
    shape.ancestor = live ? place.match->offset : place.match->deleted_by;
  }
  const std::uint64_t replaced = live ? place.match->bytes.size() : 0;
  CYR_TRY(const Slots slots, slots_at(place, shape.level));
  Buffer record;
  append_record(record, shape, slots.data(), key, value, kind());
  CYR_CHECK(start());
  CYR_TRY(const std::uint64_t offset, append(record));
  CYR_CHECK(link(place, shape.level, offset));
  header_.num_records += live ? 0 : 1;
  header_.dirty_size += replaced;
  header_.maxlevel = std::max(header_.maxlevel, shape.level);
  return success();
}

Status TwomEditor::erase(std::string_view key) {
  CYR_TRY(const Place place, here().locate(key, order_));
  if (!place.match || place.match->deleted_by != 0) {
    return success();
  }
  if (header_.num_records == 0) {
    return corrupt("num_records is 0, but there are records", 48);
  }
  const std::uint64_t deleted = place.match->bytes.size();
  CYR_CHECK(start());
  CYR_TRY(const std::uint64_t offset, append(marker(RecordType::erased, place.match->offset, kind())));
  // The victim stays in the list, on all levels; only level 0 passes through its DELETE.
  CYR_CHECK(link(place, 1, offset));
  --header_.num_records;
  header_.dirty_size += deleted + marker_size;
  return success();
}

Status TwomEditor::append_commit() {
  CYR_TRY(const std::uint64_t offset, append(marker(RecordType::commit, header_.current_size, kind())));
  (void)offset;
  return success();
}

Status TwomEditor::mend(Image& image, const KeyOrder& order) { return recover(image, order); }

namespace {

// What ListRepair wants to know.
class TwomList {
 public:
  using Record = twom::Record;
  static constexpr unsigned max_level = twom::max_level;
  static constexpr std::uint64_t dummy_offset = twom::dummy_offset;

  TwomList(Image& image, const Header& header, const KeyOrder& order)
      : image_(image), header_(header), order_(order) {}

  [[nodiscard]] Result<Record> record_at(std::uint64_t offset) const { return here().record_at(offset); }
  [[nodiscard]] Result<std::optional<Record>> target(std::uint64_t offset) const {
    CYR_TRY(const Record record, here().target(offset));
    return std::optional(record);
  }
  [[nodiscard]] HeadEdit edit(const Record& record) const { return edit_head(record, header_.checksum()); }
  [[nodiscard]] Image& image() const { return image_; }
  [[nodiscard]] std::uint64_t limit() const { return header_.current_size; }
  [[nodiscard]] const KeyOrder& order() const { return order_; }

 private:
  [[nodiscard]] TwomView here() const { return {image_.bytes(), header_, header_.current_size}; }
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
        80);
  }
  // The list is walked once without touching it, so that a file that cannot be recovered stays as it is.
  OrderSet orders;
  std::uint64_t count = 0;
  std::uint64_t live_bytes = 0;
  CYR_CHECK(TwomView(image.bytes(), header, header.current_size)
                .walk(orders, [&](const Record& record) -> Result<Visit> {
                  count += record.deleted_by == 0 ? 1 : 0;
                  live_bytes += record.deleted_by == 0 ? record.bytes.size() : 0;
                  return Visit::go_on;
                }));
  // All that is no live record and no COMMIT is dirty. A dead record may be damaged, and then nobody can
  // count the COMMITs.
  if (const auto log = read_log(image.bytes(), header, order)) {
    header.num_commits = log->commits;
  }
  const std::uint64_t most_commits = header.current_size / marker_size;
  const std::uint64_t clean =
      first_record + live_bytes + marker_size * std::min(header.num_commits, most_commits);
  if (!header.is_dirty()) {
    header.flags |= Flag::dirty;
    CYR_CHECK(image.write(encode_header(header), 0));
  }
  CYR_CHECK(ListRepair(TwomList(image, header, order)).run([](const Record&) { return success(); }));
  CYR_CHECK(image.sync());
  header.flags &= ~std::uint32_t{Flag::dirty};
  header.num_records = count;
  header.dirty_size = header.current_size - std::min(clean, header.current_size);
  CYR_CHECK(image.write(encode_header(header), 0));
  return image.sync();
}

}  // namespace cyr::db::twom
