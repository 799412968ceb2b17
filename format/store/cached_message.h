// A cache record with its bytes (format/doc/cache.md).
#pragma once

#include <string_view>

#include "format/mailbox/cache_file.h"

namespace cyr::store {

class CachedMessage {
 public:
  CachedMessage() = default;
  // `record` is a whole record without a generation number; corrupt when it is none.
  static Result<CachedMessage> from(Bytes record);
  // Without a copy: valid as long as the bytes of the view.
  explicit CachedMessage(const mailbox::CacheRecordView& borrowed) : view_(borrowed) {}
  [[nodiscard]] std::string_view item(mailbox::CacheItem which) const { return as_text(view_.item(which)); }
  [[nodiscard]] Bytes whole() const { return view_.whole; }

 private:
  Buffer bytes_;
  mailbox::CacheRecordView view_;
};

}  // namespace cyr::store
