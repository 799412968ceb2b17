#include "format/store/cached_message.h"

namespace cyr::store {

Result<CachedMessage> CachedMessage::from(Bytes record) {
  CachedMessage out;
  out.bytes_.resize(mailbox::kCacheStart);  // as in a file, behind a generation number
  out.bytes_.insert(out.bytes_.end(), record.begin(), record.end());
  CYR_TRY(out.view_, mailbox::cache_record_at(out.bytes_, mailbox::kCacheStart));
  return out;
}

}  // namespace cyr::store
