#include "format/db/stream_sink.h"

#include <algorithm>

namespace cyr::db {

namespace {
constexpr std::size_t buffer_size = std::size_t{1} << 20;  // bytes
}

Status StreamSink::append(Bytes record) {
  if (pending_.size() >= buffer_size) {
    CYR_CHECK(flush());
  }
  pending_.insert(pending_.end(), record.begin(), record.end());
  return success();
}

Status StreamSink::patch(std::uint64_t offset, Bytes bytes) {
  if (offset < base_) {
    return write(bytes, offset);
  }
  std::copy(bytes.begin(), bytes.end(), pending_.begin() + static_cast<std::ptrdiff_t>(offset - base_));
  return success();
}

Status StreamSink::flush() {
  CYR_CHECK(write(pending_, base_));
  base_ += pending_.size();
  pending_.clear();
  return success();
}

Status MemorySink::write(Bytes from, std::uint64_t offset) {
  const auto end = static_cast<std::size_t>(offset) + from.size();
  content_.resize(std::max(content_.size(), end));
  std::copy(from.begin(), from.end(), content_.begin() + static_cast<std::ptrdiff_t>(offset));
  return success();
}

}  // namespace cyr::db
