#include "format/check/record_table.h"

#include <algorithm>
#include <numeric>

#include "format/base/residency.h"

namespace cyr::check {

void RecordTable::reset(unsigned layout, std::uint32_t record_size) {
  layout_ = layout;
  const auto* row = mailbox::index_version(layout);
  layout_size_ = row != nullptr ? row->record_size : record_size;
  // A damaged header may claim records smaller than the layout needs; the layout decides then.
  record_size_ = std::max(record_size, static_cast<std::uint32_t>(layout_size_));
  bytes_.clear();
  state_.clear();
  changed_ = false;
}

void RecordTable::assign(Bytes whole_records) {
  const std::size_t count = whole_records.size() / record_size_;
  bytes_.clear();
  bytes_.reserve(count * record_size_);
  for (std::size_t i = 0; i < count; ++i) {
    const Bytes record = whole_records.subspan(i * record_size_, record_size_);
    bytes_.insert(bytes_.end(), record.begin(), record.end());
    ResidencyLimit::tick();  // the file is mapped, and must not be in memory as a whole beside this
  }
  state_.assign(count, 0);
}

void RecordTable::reserve(std::size_t more) {
  bytes_.reserve(bytes_.size() + more * record_size_);
  state_.reserve(state_.size() + more);
}

Bytes RecordTable::layout_bytes(std::size_t i) const { return raw(i).first(layout_size_); }

mailbox::IndexRecord RecordTable::get(std::size_t i) const {
  // The size always fits, which is all that decoding can fail for.
  return mailbox::decode_index_record(layout_bytes(i), layout_).value_or(mailbox::IndexRecord{});
}

Status RecordTable::set(std::size_t i, const mailbox::IndexRecord& record) {
  changed_ = true;
  return mailbox::encode_index_record(record, layout_,
                                      MutableBytes(bytes_).subspan(i * record_size_, layout_size_));
}

void RecordTable::set_byte(std::size_t i, std::size_t offset, std::uint8_t mask) {
  changed_ = true;
  bytes_[i * record_size_ + offset] ^= std::byte{mask};
}

Status RecordTable::append(const mailbox::IndexRecord& record) {
  bytes_.resize(bytes_.size() + record_size_);
  state_.push_back(0);
  return set(state_.size() - 1, record);
}

void RecordTable::drop(std::size_t i) {
  changed_ = true;
  state_[i] |= kDropped;
}

void RecordTable::tidy() {
  std::vector<std::uint32_t> order;
  order.reserve(size());
  bool sorted = true;
  std::uint32_t last = 0;
  for (std::size_t i = 0; i < size(); ++i) {
    if (dropped(i)) {
      continue;
    }
    sorted = sorted && uid(i) >= last;
    last = uid(i);
    order.push_back(static_cast<std::uint32_t>(i));
  }
  if (sorted && order.size() == size()) {
    return;
  }
  std::stable_sort(order.begin(), order.end(),
                   [this](std::uint32_t a, std::uint32_t b) { return uid(a) < uid(b); });
  Buffer bytes;
  bytes.reserve(order.size() * record_size_);
  std::vector<std::uint8_t> state;
  state.reserve(order.size());
  for (const auto i : order) {
    const Bytes one = raw(i);
    bytes.insert(bytes.end(), one.begin(), one.end());
    state.push_back(state_[i]);
  }
  bytes_ = std::move(bytes);
  state_ = std::move(state);
}

}  // namespace cyr::check
