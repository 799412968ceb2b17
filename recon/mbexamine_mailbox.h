// One mailbox as mbexamine sees it: header, index and records read as far as they can be read, with a list of
// what is wrong with each. Nothing here prints.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/mailbox/cache_file.h"
#include "format/mailbox/header.h"
#include "format/mailbox/index_file.h"
#include "format/mime/message.h"
#include "format/store/locks.h"
#include "format/store/store.h"

namespace cyr::mbexamine {

// A record of the index and what is wrong with it.
struct ExaminedMessage {
  mailbox::IndexEntry entry;
  std::uint32_t sequence = 0;       // IMAP message sequence number; 0 for an expunged record
  std::vector<std::string> damage;  // of the record itself

  [[nodiscard]] bool expunged() const { return entry.record.has(mailbox::flag::expunged); }
};

// The ten items of a message, from the cache or, when that cannot be read, from the message file.
class CachedItems {
 public:
  [[nodiscard]] std::string_view item(mailbox::CacheItem which) const { return as_text(view_.item(which)); }
  [[nodiscard]] const std::string& trouble() const { return trouble_; }  // with the cache; empty: none

 private:
  friend class ExaminedMailbox;
  Buffer built_;  // owns the record when it was made from the message file
  mailbox::CacheRecordView view_;
  std::string trouble_;
};

class ExaminedMailbox {
 public:
  // Takes shared locks and reads header and index. An error when neither can be had, not when one is damaged.
  static Result<std::unique_ptr<ExaminedMailbox>> open(store::Store& store, const meta::MailboxEntry& entry,
                                                       store::UserLocks& locks);

  [[nodiscard]] const meta::MailboxEntry& entry() const { return entry_; }
  [[nodiscard]] const store::MailboxFiles& files() const { return files_; }
  [[nodiscard]] std::string external_name() const { return store_.external_name(entry_.name); }
  [[nodiscard]] const mailbox::MailboxHeader& header() const { return header_; }
  // Nothing when there is no index, or one of which not even the version can be told. With
  // apply_read_defaults.
  [[nodiscard]] const std::optional<mailbox::IndexHeader>& index() const { return index_; }
  [[nodiscard]] unsigned record_layout() const { return layout_; }
  [[nodiscard]] bool header_readable() const { return header_readable_; }
  [[nodiscard]] bool strictly_readable() const { return strictly_readable_; }  // as a real Cyrus would
  // What is wrong with header and index, one phrase each.
  [[nodiscard]] const std::vector<std::string>& damage() const { return damage_; }

  // Records in file order; false at the end. A file that ends early adds to damage() and ends the walk.
  Result<bool> next(ExaminedMessage& into);
  // The items of a record; an Error when neither cache nor message file gives them.
  Result<CachedItems> cached_items(const mailbox::IndexRecord& record);
  // The message file's bytes.
  Result<FileBytes> message(const mailbox::IndexRecord& record) const;
  [[nodiscard]] const mime::ParseOptions& parse_options() const { return parse_options_; }

 private:
  ExaminedMailbox(store::Store& store, meta::MailboxEntry entry, store::MailboxFiles files);
  Status read_header();
  Status read_index();
  Result<Bytes> cache_bytes(bool archived);

  store::Store& store_;
  meta::MailboxEntry entry_;
  store::MailboxFiles files_;
  store::MailboxLock lock_;
  mime::ParseOptions parse_options_;
  mailbox::MailboxHeader header_;
  bool header_readable_ = false;
  bool strictly_readable_ = true;
  std::optional<mailbox::IndexHeader> index_;
  unsigned layout_ = 0;
  File index_file_;
  std::optional<mailbox::IndexReader> reader_;
  std::uint32_t sequence_ = 0;
  std::uint32_t last_uid_ = 0;
  // The cache and the archive's cache, mapped when first needed.
  struct Cache {
    bool tried = false;
    FileBytes file;
    std::optional<Error> error;
  };
  std::array<Cache, 2> caches_;
  std::vector<std::string> damage_;
};

}  // namespace cyr::mbexamine
