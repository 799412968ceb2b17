// The head of a mailbox - cyrus.header, the header of cyrus.index, its place in the quotas - open for a
// change that concerns none of its messages: ACL, quota root, name, options (mailbox.md 2, 3).
//
// Setters only collect; commit() writes: cyrus.header, then the index header with its CRC. An interruption
// between the two leaves a header whose CRC reconstruct puts right.
#pragma once

#include "format/mailbox/header.h"
#include "format/mailbox/index.h"
#include "format/store/administration.h"
#include "format/store/counters.h"

namespace cyr::store {

class MailboxHead {
 public:
  // Locks and reads it. Errc::not_found without index or header, corrupt for one that has to be reconstructed
  // first.
  static Result<MailboxHead> open(Administration& admin, const meta::MailboxEntry& entry,
                                  LockFor purpose = LockFor::change);

  [[nodiscard]] const meta::MailboxEntry& entry() const { return entry_; }
  [[nodiscard]] const MailboxFiles& files() const { return files_; }
  [[nodiscard]] MailboxLock& lock() { return lock_; }

  // To be changed at will.
  mailbox::MailboxHeader header;
  mailbox::IndexHeader index;

  // Gives the mailbox its next modseq.
  Status touch(ModseqUse use = {});
  // The same, and the owner's counters do not hear of it yet: note_modseq.
  Status touch_unnoted();
  // Lies below DELETED.
  [[nodiscard]] bool is_deleted() const;
  // Puts the mailbox under `root` (nothing: none): what it uses is taken from the one and added to the other.
  Status set_quota_root(const std::optional<std::string>& root);
  // The same for a copy that takes the mailbox's place, which counts of its own: its folder and, if it has
  // any, its contents are added in a write each, then the original's taken off, also where the root stays the
  // same.
  Status set_quota_root_of_copy(const std::optional<std::string>& root);
  Status commit();

 private:
  MailboxHead(Administration& admin, meta::MailboxEntry entry, MailboxFiles files)
      : admin_(&admin), entry_(std::move(entry)), files_(std::move(files)) {}
  Administration* admin_;
  meta::MailboxEntry entry_;
  MailboxFiles files_;
  MailboxLock lock_;
  mailbox::MailboxHeader as_read_;
  std::uint64_t modseq_as_read_ = 0;
};

// Writes `header` and notes its CRC in `index`.
Status write_mailbox_header(Io& io, const fs::path& path, const mailbox::MailboxHeader& header,
                            mailbox::IndexHeader& index);

}  // namespace cyr::store
