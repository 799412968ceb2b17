// See message_reader.h.
#include "server-min/imapd/message_reader.h"

#include <algorithm>

#include "format/mime/cached_headers.h"
#include "format/mime/profile.h"

namespace cyr::imapd {

Result<std::string_view> MessageReader::item(mailbox::CacheItem which) {
  if (!cached_) {
    CYR_TRY(cached_, view_.cached(recno_));
  }
  return cached_->item(which);
}

Result<std::string_view> MessageReader::message() {
  if (!bytes_) {
    CYR_TRY(bytes_, view_.message(recno_));
  }
  return bytes_->text();
}

Result<const mime::SectionNode*> MessageReader::sections() {
  if (!sections_) {
    CYR_TRY(const std::string_view bytes, item(mailbox::CacheItem::section));
    CYR_TRY(sections_, mime::decode_section(as_bytes(bytes), cache_version()));
  }
  return &*sections_;
}

// A record of an unknown version was made anew by the view, as 3.6 makes them.
unsigned MessageReader::cache_version() const {
  const bool known = mime::cache_profile_for_version(record_.cache_version) != nullptr;
  return known ? record_.cache_version : mime::cache_profile(mime::Series::v3_6).cache_version;
}

Result<std::string_view> MessageReader::header() {
  CYR_TRY(const std::string_view text, message());
  return text.substr(0, record_.header_size);
}

Result<std::string_view> MessageReader::header_with(const std::vector<std::string>& names) {
  const bool cached = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto since = mime::header_cached_since(name);
    return since && *since <= cache_version();
  });
  return cached ? item(mailbox::CacheItem::headers) : header();
}

}  // namespace cyr::imapd
