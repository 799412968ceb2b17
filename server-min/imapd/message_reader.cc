// See message_reader.h.
#include "server-min/imapd/message_reader.h"

#include <algorithm>

#include "format/mime/cached_headers.h"
#include "format/mime/profile.h"

namespace cyr::imapd {

Result<const mailbox::IndexRecord*> MessageReader::record() {
  if (!record_) {
    CYR_TRY(record_, view_.records().record(recno_));
  }
  return &*record_;
}

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
    CYR_TRY(const unsigned version, cache_version());
    CYR_TRY(sections_, mime::decode_section(as_bytes(bytes), version));
  }
  return &*sections_;
}

// A record of an unknown version was made anew by the view, as 3.6 makes them.
Result<unsigned> MessageReader::cache_version() {
  CYR_TRY(const mailbox::IndexRecord* const record, this->record());
  const bool known = mime::cache_profile_for_version(record->cache_version) != nullptr;
  return known ? record->cache_version : mime::cache_profile(mime::Series::v3_6).cache_version;
}

Result<std::string_view> MessageReader::header() {
  CYR_TRY(const mailbox::IndexRecord* const record, this->record());
  if (bytes_) {
    return bytes_->text().substr(0, record->header_size);
  }
  if (!header_) {
    CYR_TRY(header_, view_.message_header(recno_));
  }
  return header_->text().substr(0, record->header_size);
}

Result<std::string_view> MessageReader::header_with(const std::vector<std::string>& names) {
  CYR_TRY(const unsigned version, cache_version());
  const bool cached = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto since = mime::header_cached_since(name);
    return since && *since <= version;
  });
  return cached ? item(mailbox::CacheItem::headers) : header();
}

}  // namespace cyr::imapd
