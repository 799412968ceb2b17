// A cache record with its bytes (format/doc/cache.md).
#pragma once

#include <string_view>

#include "format/mailbox/cache_file.h"

namespace cyr::store {

class CachedMessage {
 public:
  // `record` is a whole record without a generation number; corrupt when it is none.
  static Result<CachedMessage> from(Bytes record);
  [[nodiscard]] std::string_view item(mailbox::CacheItem which) const { return as_text(view_.item(which)); }
  [[nodiscard]] Bytes whole() const { return view_.whole; }

 private:
  Buffer bytes_;
  mailbox::CacheRecordView view_;
};

}  // namespace cyr::store
