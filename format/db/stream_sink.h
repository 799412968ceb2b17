// Output of the bulk writers: bytes are appended, and heads written before their pointers were known are
// patched. Kept in a buffer of about a megabyte; what is patched later than that is a few records of high
// level.
#pragma once

#include "format/base/file.h"

namespace cyr::db {

class StreamSink {
 public:
  StreamSink() = default;
  StreamSink(const StreamSink&) = delete;
  StreamSink& operator=(const StreamSink&) = delete;
  virtual ~StreamSink() = default;

  [[nodiscard]] std::uint64_t size() const { return base_ + pending_.size(); }
  // One whole record: it stays in one piece, so that a patch inside it never straddles what was written
  // already.
  Status append(Bytes record);
  Status patch(std::uint64_t offset, Bytes bytes);
  Status flush();

 protected:
  virtual Status write(Bytes from, std::uint64_t offset) = 0;

 private:
  Buffer pending_;
  std::uint64_t base_ = 0;
};

class FileSink final : public StreamSink {
 public:
  explicit FileSink(File& file) : file_(&file) {}

 private:
  Status write(Bytes from, std::uint64_t offset) override { return file_->write(from, offset); }
  File* file_;
};

class MemorySink final : public StreamSink {
 public:
  [[nodiscard]] const Buffer& content() const { return content_; }  // after flush()

 private:
  Status write(Bytes from, std::uint64_t offset) override;
  Buffer content_;
};

}  // namespace cyr::db
