#include "recon/mbexamine_mailbox.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "format/base/crc32.h"
#include "format/mailbox/index_layout.h"
#include "format/mime/cache_items.h"
#include "format/store/parse_options.h"

namespace cyr::mbexamine {

using mailbox::IndexRecord;

ExaminedMailbox::ExaminedMailbox(store::Store& store, meta::MailboxEntry entry, store::MailboxFiles files)
    : store_(store),
      entry_(std::move(entry)),
      files_(std::move(files)),
      parse_options_(store::parse_options(store.config())) {}

Result<std::unique_ptr<ExaminedMailbox>> ExaminedMailbox::open(store::Store& store,
                                                               const meta::MailboxEntry& entry,
                                                               store::UserLocks& locks) {
  CYR_TRY(auto files, store.files(entry));
  std::unique_ptr<ExaminedMailbox> mailbox(new ExaminedMailbox(store, entry, std::move(files)));
  CYR_TRY(mailbox->lock_,
          store::MailboxLock::take(store.io(), mailbox->files_, store::LockFor::examine, locks));
  const Status header = mailbox->read_header();
  const Status index = mailbox->read_index();
  if (!header && !index) {
    return header.error();
  }
  for (const Status& status : {header, index}) {
    if (!status) {
      mailbox->strictly_readable_ = false;
      mailbox->damage_.push_back(status.error().text());
    }
  }
  return mailbox;
}

Status ExaminedMailbox::read_header() {
  CYR_TRY(const FileBytes file, store_.io().read_file(files_.header));
  if (auto header = mailbox::decode_header(file.bytes()); header) {
    header_ = *std::move(header);
    header_readable_ = true;
    return success();
  }
  strictly_readable_ = false;
  auto salvaged = mailbox::decode_header_lenient(file.bytes());
  for (const std::string& doubt : salvaged.doubts) {
    damage_.push_back("cyrus.header: " + doubt);
  }
  header_ = std::move(salvaged.header);
  header_readable_ = salvaged.uniqueid != mailbox::Trust::lost || salvaged.flags != mailbox::Trust::lost;
  return success();
}

Status ExaminedMailbox::read_index() {
  CYR_TRY(index_file_, File::open(store_.io(), files_.index));
  mailbox::IndexHeader header;
  if (auto read = mailbox::read_index_header(index_file_); read) {
    header = *std::move(read);
    layout_ = mailbox::record_layout(header);
  } else {
    strictly_readable_ = false;
    CYR_TRY(const FileBytes file, index_file_.map());
    auto salvaged = mailbox::salvage_index_header(file.bytes());
    for (const std::string& doubt : salvaged.doubts) {
      damage_.push_back("cyrus.index: " + doubt);
    }
    if (salvaged.layout == 0) {
      return success();
    }
    header = std::move(salvaged.header);
    layout_ = salvaged.layout;
  }
  CYR_TRY(reader_, mailbox::IndexReader::open(index_file_, header));
  mailbox::apply_read_defaults(header);
  index_ = std::move(header);
  return success();
}

Result<bool> ExaminedMailbox::next(ExaminedMessage& into) {
  if (!reader_) {
    return false;
  }
  auto more = reader_->next(into.entry);
  if (!more) {
    damage_.push_back(more.error().text());
    return false;
  }
  if (!*more) {
    return false;
  }
  const IndexRecord& record = into.entry.record;
  into.damage.clear();
  if (!into.entry.crc_ok) {
    into.damage.push_back(fmt::format("record CRC is {:08x}, expected {:08x}", record.record_crc,
                                      crc32(into.entry.raw.first(into.entry.raw.size() - 4))));
  }
  if (record.uid <= last_uid_) {
    into.damage.push_back(fmt::format("UID {} does not come after {}", record.uid, last_uid_));
  }
  last_uid_ = std::max(last_uid_, record.uid);
  into.sequence = into.expunged() ? 0 : ++sequence_;
  return true;
}

Result<FileBytes> ExaminedMailbox::message(const IndexRecord& record) const {
  return store_.io().read_file(files_.message(record.uid, record.has(mailbox::flag::archived)));
}

Result<Bytes> ExaminedMailbox::cache_bytes(bool archived) {
  Cache& cache = caches_[archived ? 1 : 0];
  if (!cache.tried) {
    cache.tried = true;
    auto file = store_.io().read_file(archived ? files_.archive_cache : files_.cache);
    if (file) {
      cache.file = *std::move(file);
    } else {
      cache.error = std::move(file).error();
    }
  }
  return cache.error ? Result<Bytes>(*cache.error) : Result<Bytes>(cache.file.bytes());
}

Result<CachedItems> ExaminedMailbox::cached_items(const IndexRecord& record) {
  CachedItems out;
  const auto cache = cache_bytes(record.has(mailbox::flag::archived));
  auto view =
      cache ? mailbox::cache_record_of(*cache, record) : Result<mailbox::CacheRecordView>(cache.error());
  if (view) {
    out.view_ = *view;
    return out;
  }
  out.trouble_ = view.error().text();
  auto file = message(record);
  if (!file) {
    return std::move(view).error();
  }
  const mime::Message parsed = mime::parse_message(file->text(), parse_options_);
  // In front the four bytes that a cache file starts with.
  out.built_.resize(mailbox::kCacheStart);
  const std::string built = mime::build_cache_record(parsed, parse_options_);
  const Bytes bytes = as_bytes(built);
  out.built_.insert(out.built_.end(), bytes.begin(), bytes.end());
  CYR_TRY(out.view_, mailbox::cache_record_at(out.built_, mailbox::kCacheStart));
  return out;
}

}  // namespace cyr::mbexamine
