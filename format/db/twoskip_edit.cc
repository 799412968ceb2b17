#include "format/db/twoskip_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace cyr::db::twoskip {

namespace {

std::uint64_t fresh_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

}  // namespace

TwoskipEditor::TwoskipEditor(Image& image, const Header& header, const KeyOrder& order)
    : image_(&image), header_(header), order_(order), end_(header.current_size), dice_(fresh_seed()) {}

Result<std::unique_ptr<View>> TwoskipEditor::view() const {
  return std::unique_ptr<View>(std::make_unique<TwoskipView>(image_->bytes(), header_, end_));
}

Status TwoskipEditor::start() {
  if (header_.dirty()) {
    return success();
  }
  header_.flags |= flag_dirty;
  // num_records on disk stays that of the last commit.
  CYR_CHECK(image_->write(encode_header(header_), 0));
  return image_->sync();
}

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
  for (unsigned level = 0; level < levels;) {
    CYR_TRY(const Record record, here().record_at(place.back[level]));
    HeadEdit edit(record);
    for (const std::uint64_t same = place.back[level]; level < levels && place.back[level] == same; ++level) {
      edit.set_next(level, target(level), header_.current_size);
    }
    if (edit.changed()) {
      CYR_CHECK(image_->write(edit.finish(), edit.offset()));
    }
  }
  return success();
}

Status TwoskipEditor::put(std::string_view key, std::string_view value) {
  CYR_TRY(const Place place, here().locate(key, order_));
  if (place.match && place.match->value == value && place.match->key == key) {
    return check_tail(*place.match);  // nothing to write; but never rely on a damaged record
  }
  const unsigned old_level = place.match ? place.match->level : 0;
  CYR_CHECK(start());
  const HeadShape shape{RecordType::record, dice_.roll(max_level), key.size(), value.size(), tail_crc(key, value)};
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
  CYR_CHECK(link(place, level_of_match, [&](unsigned level) { return level == 0 ? offset : place.next[level]; }));
  --header_.num_records;
  return success();
}

Status TwoskipEditor::commit() {
  if (!changed()) {
    return success();
  }
  Buffer marker;
  append_marker(marker, RecordType::commit, header_.current_size);
  CYR_TRY(const std::uint64_t offset, append(std::move(marker), marker_size));
  (void)offset;
  CYR_CHECK(image_->sync());
  // The header is the point of no return: 64 bytes in one sector.
  Header done = header_;
  done.current_size = end_;
  done.flags &= ~flag_dirty;
  CYR_CHECK(image_->write(encode_header(done), 0));
  CYR_CHECK(image_->sync());
  header_ = done;
  return success();
}

Status TwoskipEditor::abort() {
  if (!header_.dirty()) {
    return success();
  }
  end_ = header_.current_size;
  header_.flags &= ~flag_dirty;
  return recover(*image_, order_);
}

namespace {

// One pass over the committed list that mends every pointer a dead writer left behind.
class Recovery {
 public:
  Recovery(Image& image, const Header& header, const KeyOrder& order) : image_(image), header_(header), order_(order) {}

  Result<std::uint64_t> run() {  // number of records
    CYR_TRY(Record at, record_at(dummy_offset));
    for (unsigned level = 1; level < max_level; ++level) {
      previous_[level] = dummy_offset;
      expected_[level] = at.next(level, limit());
    }
    std::uint64_t count = 0;
    CYR_TRY(std::uint64_t offset, trim(at));
    std::string_view key;
    while (offset != 0) {
      CYR_TRY(at, record_at(offset));
      if (at.type == RecordType::erased) {
        CYR_TRY(at, follow(at));
        if (at.offset == dummy_offset) {
          break;
        }
      }
      if (at.type != RecordType::record || (count > 0 && !order_.less(key, at.key))) {
        return corrupt("the list is broken here", at.offset);
      }
      key = at.key;
      ++count;
      CYR_CHECK(relink(at));
      CYR_TRY(offset, trim(at));
    }
    CYR_CHECK(end_levels());
    return count;
  }

 private:
  [[nodiscard]] std::uint64_t limit() const { return header_.current_size; }
  [[nodiscard]] Result<Record> record_at(std::uint64_t offset) const {
    return decode_record(image_.bytes(), offset, limit());
  }
  // What a DELETE stands before; the DUMMY for the end of the list.
  [[nodiscard]] Result<Record> follow(const Record& erased) const {
    const std::uint64_t next = erased.slot(0);
    return record_at(next == 0 ? dummy_offset : next);
  }
  // Zeroes level 0 pointers past the committed end; where level 0 goes on.
  Result<std::uint64_t> trim(const Record& at) {
    HeadEdit edit(at);
    for (const unsigned slot : {0U, 1U}) {
      if (at.slot(slot) >= limit()) {
        edit.set_slot(slot, 0);
      }
    }
    const std::uint64_t next = at.level0(limit());
    if (next >= limit()) {
      return corrupt("both pointers of level 0 lead past the end", at.offset);
    }
    if (edit.changed()) {
      CYR_CHECK(image_.write(edit.finish(), edit.offset()));
    }
    return next;
  }
  Status set_next(unsigned level, std::uint64_t target) {
    CYR_TRY(const Record before, record_at(previous_[level]));
    HeadEdit edit(before);
    edit.set_slot(level + 1, target);
    return image_.write(edit.finish(), edit.offset());
  }
  Status relink(const Record& at) {
    for (unsigned level = 1; level < at.level; ++level) {
      if (expected_[level] != at.offset) {
        CYR_CHECK(set_next(level, at.offset));
      }
      previous_[level] = at.offset;
      expected_[level] = at.next(level, limit());
    }
    return success();
  }
  Status end_levels() {
    for (unsigned level = 1; level < max_level; ++level) {
      if (expected_[level] != 0) {
        CYR_CHECK(set_next(level, 0));
      }
    }
    return success();
  }

  Image& image_;
  const Header& header_;
  const KeyOrder& order_;
  std::array<std::uint64_t, max_level> previous_{};  // per level: the last record on it so far
  std::array<std::uint64_t, max_level> expected_{};  // where it leads now
};

}  // namespace

Status recover(Image& image, const KeyOrder& order) {
  CYR_TRY(Header header, decode_header(image.bytes()));
  if (image.bytes().size() < header.current_size) {
    return corrupt(fmt::format("file has {} bytes, current_size says {}", image.bytes().size(), header.current_size), 48);
  }
  // The list is walked once without touching it, so that a file that cannot be recovered stays as it is.
  OrderSet orders;
  CYR_CHECK(TwoskipView(image.bytes(), header, header.current_size)
                .walk(orders, [](const Record&) -> Result<Visit> { return Visit::go_on; }));
  header.flags |= flag_dirty;
  CYR_CHECK(image.write(encode_header(header), 0));
  CYR_TRY(const std::uint64_t count, Recovery(image, header, order).run());
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
