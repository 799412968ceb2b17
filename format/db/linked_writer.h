// Writes a twoskip or twom file in one pass, as one transaction with its records ascending: what a repack
// leaves. `Format` supplies
//   name, max_level, dummy_offset, Shape (of a head; has a level)
//   Buffer empty_file() const                       header and DUMMY
//   Shape dummy() const
//   Shape shape(unsigned level, key, value)         of the next record
//   void pad(Buffer& out, std::uint64_t end, const Shape& shape) const    what must stand at `end` before the
//   record void record(Buffer& out, Shape& shape, const std::uint64_t* slots, key, value) const void
//   head(Buffer& out, const Shape& shape, const std::uint64_t* slots) const void commit(Buffer& out,
//   std::uint64_t end) const auto header(std::uint64_t records, std::uint64_t sorted_end, std::uint64_t end)
//   bytes of the final header
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "format/db/forward_links.h"
#include "format/db/stream_sink.h"
#include "format/db/view.h"

namespace cyr::db {

template <class Format>
class LinkedWriter final : public BulkWriter {
 public:
  LinkedWriter(StreamSink& sink, Format format) : sink_(sink), format_(std::move(format)) {}

  Status add(std::string_view key, std::string_view value) override {
    if (key.empty()) {
      return make_error(Errc::invalid, std::string(Format::name) + " cannot hold an empty key");
    }
    CYR_CHECK(begin());
    Shape shape = format_.shape(even_level(++records_, Format::max_level), key, value);
    record_.clear();
    format_.pad(record_, sink_.size(), shape);
    const std::uint64_t offset = sink_.size() + record_.size();
    const Slots slots{};
    format_.record(record_, shape, slots.data(), key, value);
    CYR_CHECK(links_.add(offset, shape.level, shape, patch_));
    return sink_.append(record_);
  }

  Status finish() override {
    CYR_CHECK(begin());
    CYR_CHECK(links_.finish(patch_));
    const std::uint64_t sorted_end = sink_.size();
    if (records_ > 0) {
      record_.clear();
      format_.commit(record_, sink_.size());
      CYR_CHECK(sink_.append(record_));
    }
    CYR_CHECK(sink_.patch(0, format_.header(records_, sorted_end, sink_.size())));
    return sink_.flush();
  }

 private:
  using Shape = typename Format::Shape;
  using Links = ForwardLinks<Shape, Format::max_level>;
  using Slots = std::array<std::uint64_t, Format::max_level + 1>;

  Status begin() {
    if (sink_.size() != 0) {
      return success();
    }
    CYR_CHECK(sink_.append(format_.empty_file()));
    return links_.add(Format::dummy_offset, Format::max_level, format_.dummy(), patch_);
  }
  // Slot 0 stays 0: the successor on level 0 is in slot 1.
  Status patch_head(const typename Links::Waiting& done) {
    Slots slots{};
    std::copy_n(done.next.begin(), done.level, slots.begin() + 1);
    head_.clear();
    format_.head(head_, done.head, slots.data());
    return sink_.patch(done.offset, head_);
  }

  StreamSink& sink_;
  Format format_;
  std::uint64_t records_ = 0;
  Links links_;
  const std::function<Status(const typename Links::Waiting&)> patch_ = [this](const auto& done) {
    return patch_head(done);
  };
  Buffer record_;  // reused
  Buffer head_;
};

}  // namespace cyr::db
