#include "format/db/skiplist_edit.h"

#include <fmt/format.h>

#include <algorithm>

namespace cyr::db::skiplist {

SkiplistEditor::SkiplistEditor(Image& image, const Header& header, const KeyOrder& order)
    : image_(&image),
      header_(header),
      order_(order),
      start_(image.bytes().size()),
      end_(start_),
      dice_(LevelDice::fresh_seed()) {}

Result<std::unique_ptr<View>> SkiplistEditor::view() const {
  return std::unique_ptr<View>(std::make_unique<SkiplistView>(image_->bytes(), header_));
}

Status SkiplistEditor::append(const Buffer& records) {
  if (end_ + records.size() + 4 > max_file_size) {  // 4: the COMMIT
    return make_error(Errc::unsupported, "a skiplist file cannot grow beyond 4 GiB")
        .with_hint("convert it to twoskip with cvt_cyrusdb");
  }
  CYR_CHECK(image_->write(records, end_));
  end_ += records.size();
  return success();
}

Status SkiplistEditor::link(const Place& place, unsigned levels,
                            const std::function<std::uint64_t(unsigned)>& target) {
  for (unsigned level = 0; level < levels; ++level) {
    CYR_TRY(const Node before, here().record_at(place.back[level]));
    if (before.level <= level) {
      return corrupt(fmt::format("no pointer of level {}", level), before.offset);
    }
    std::array<std::byte, 4> word{};
    store_be(word.data(), static_cast<std::uint32_t>(target(level)));
    CYR_CHECK(image_->write(word, before.slot_offset(level)));
  }
  return success();
}

Status SkiplistEditor::raise_level(unsigned level) {
  if (level <= header_.curlevel) {
    return success();
  }
  header_.curlevel = level;
  return image_->write(encode_header(header_), 0);
}

Status SkiplistEditor::put(std::string_view key, std::string_view value) {
  CYR_TRY(const Place place, here().locate(key, order_));
  if (place.match && place.match->value == value && place.match->key == key) {
    return success();
  }
  Buffer records;
  if (place.match) {
    append_delete(records, place.match->offset);
  }
  // A replacing node takes exactly the level of the node it replaces.
  const unsigned level = place.match ? place.match->level : dice_.roll(std::min(max_level, header_.maxlevel));
  const std::uint64_t offset = end_ + records.size();
  CYR_CHECK(raise_level(level));
  append_node(records, RecordType::add, key, value, level, place.next.data());
  CYR_CHECK(append(records));
  return link(place, level, [&](unsigned) { return offset; });
}

Status SkiplistEditor::erase(std::string_view key) {
  CYR_TRY(const Place place, here().locate(key, order_));
  if (!place.match) {
    return success();
  }
  const unsigned level = place.match->level;
  Buffer record;
  append_delete(record, place.match->offset);
  CYR_CHECK(append(record));
  return link(place, level, [&](unsigned index) { return place.next[index]; });
}

Status SkiplistEditor::commit() {
  if (!changed()) {
    return success();
  }
  CYR_CHECK(image_->sync());
  Buffer record;
  append_commit(record);
  CYR_CHECK(image_->write(record, end_));
  CYR_CHECK(image_->sync());
  end_ += record.size();
  start_ = end_;
  return success();
}

Status SkiplistEditor::undo_add(const Node& node) {
  CYR_TRY(const Place place, here().locate(node.key, order_));
  if (!place.match || place.match->offset != node.offset) {
    return success();  // it was never linked: the write that should have done so failed
  }
  return link(place, node.level, [&](unsigned level) { return node.next(level); });
}

Status SkiplistEditor::undo_delete(const Node& victim) {
  CYR_TRY(const Place place, here().locate(victim.key, order_));
  return link(place, victim.level, [&](unsigned) { return victim.offset; });
}

Status SkiplistEditor::abort() {
  if (!changed() && image_->bytes().size() == start_) {
    return success();
  }
  std::vector<LogRecord> records;
  for (std::uint64_t offset = start_; offset < end_;) {
    CYR_TRY(const LogRecord record, decode_log_record(image_->bytes(), offset));
    records.push_back(record);
    offset = record.end;
  }
  // Backwards: what a victim pointed to when it was deleted is again what comes after it.
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    if (record->type == RecordType::add) {
      CYR_CHECK(undo_add(record->node));
    } else {
      CYR_TRY(const Node victim, here().record_at(record->victim));
      CYR_CHECK(undo_delete(victim));
    }
  }
  end_ = start_;
  return image_->truncate(start_);
}

}  // namespace cyr::db::skiplist
