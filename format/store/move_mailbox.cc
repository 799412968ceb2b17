// One mailbox under another name or on another partition. By id on the same partition only the list, the
// header and the index header change; otherwise everything is put into the new place first, then the list
// says so, then the old place is cleared. A crash leaves the old mailbox and an unfinished copy that the next
// try finishes, or the new one and a rest in the old place that chk_cyrus knows.
#include "format/base/log.h"
#include "format/mailbox/index_file.h"
#include "format/store/folder_record.h"
#include "format/store/mailbox_directories.h"
#include "format/store/mailbox_head.h"
#include "format/store/modes.h"
#include "format/store/quota_usage.h"
#include "format/store/rename_mailbox.h"
#include "format/store/status_cache.h"

namespace cyr::store {

namespace {

class Move {
 public:
  Move(Administration& admin, MailboxHead head, const std::string& to, const std::string& partition)
      : admin_(admin), head_(std::move(head)), entry_(head_.entry()), after_(entry_) {
    after_.name = to;
    after_.partition = partition;
    after_.history.clear();
  }

  Status run() {
    const bool renamed = after_.name != entry_.name;
    CYR_TRY(files_, admin_.store.files(after_));
    in_place_ = files_.index == head_.files().index;
    if (!renamed) {
      return change_partition();
    }
    CYR_CHECK(find_root());
    if (admin_.io().read_only()) {
      return success();
    }
    CYR_CHECK(in_place_ ? head_.set_quota_root(root_) : head_.set_quota_root_of_copy(root_));
    CYR_CHECK(touch());
    after_.foldermodseq = head_.index.highestmodseq;
    if (in_place_) {
      head_.header.name = after_.name;
      CYR_CHECK(rename_entry(admin_, entry_, after_));
      CYR_CHECK(note_modseqs());
      CYR_CHECK(head_.commit());
    } else {
      CYR_CHECK(copy());
      CYR_CHECK(rename_entry(admin_, entry_, after_));
      CYR_CHECK(note_modseqs());
      CYR_CHECK(note_folder_modseq(admin_.store, head_.files().user, entry_.uniqueid, after_.foldermodseq));
      CYR_CHECK(clear_old_place());
    }
    return settle();
  }

 private:
  // The root of the new name, which must have room; nothing for a deleted mailbox.
  Status find_root() {
    CYR_TRY(meta::Quotas * quotas, admin_.store.quotas());
    CYR_TRY(root_, quotas->find_root(after_.name));
    const std::string present = head_.header.quotaroot.value_or("");
    // As 3.6 does for a mailbox that stays where it is: one of a longer root keeps that.
    if (in_place_ && root_ && present.size() >= root_->size() && present.starts_with(*root_)) {
      root_ = present;
    }
    if (!root_ || *root_ == present) {
      return success();
    }
    return check_room(admin_.store, *root_, usage_of(head_.index));
  }

  // The modseq comes from the counters of the owner up to now; they hear of it when the list has the new
  // name, after those who may see the mailbox no longer.
  Status touch() { return head_.is_deleted() ? head_.touch() : head_.touch_unnoted(); }

  Status note_modseqs() {
    if (head_.is_deleted()) {
      return success();
    }
    const std::uint64_t modseq = head_.index.highestmodseq;
    const names::UserId& from = head_.files().user;
    CYR_CHECK(note_modseq(admin_.store, from, entry_.type.kind, modseq, {}));
    // What becomes a user's mailbox out of a shared one is no news to him.
    const names::UserId to = admin_.owner_of(after_.name);
    return from.empty() || to == from ? success()
                                      : note_modseq(admin_.store, to, entry_.type.kind, modseq, {});
  }

  Status change_partition() {
    if (admin_.io().read_only()) {
      return success();
    }
    CYR_TRY(after_.foldermodseq, next_modseq(admin_.store, head_.files().user, entry_.type.kind,
                                             entry_.foldermodseq, {.folder = true, .deleted = false}));
    CYR_CHECK(copy());
    CYR_CHECK(put_entry(admin_, entry_, after_));
    CYR_CHECK(clear_old_place());
    return settle();
  }

  // The header with its new quota root; by name it keeps the old name, as Cyrus leaves it.
  Status copy() {
    if (files_.name_lock != head_.files().name_lock) {
      CYR_TRY(lock_, MailboxLock::take(admin_.io(), files_, LockFor::change, admin_.locks));
    }
    if (after_.name != entry_.name) {
      CYR_CHECK(admin_.io().make_directories(files_.data.parent_path(), directory_mode));
    }
    CYR_CHECK(copy_mailbox_directories(admin_.store, head_.files(), files_));
    CYR_CHECK(write_mailbox_header(admin_.io(), files_.header, head_.header, head_.index));
    CYR_TRY(File index, File::open(admin_.io(), files_.index, {.write = true}, 0600));
    return mailbox::write_index_header(index, head_.index);
  }

  // When a session still has the old place open, its index says that the mailbox is gone, and the last one to
  // close it clears up.
  Status clear_old_place() {
    CYR_TRY(const bool alone, head_.lock().become_exclusive());
    if (!alone) {
      head_.index.options |= mailbox::option::deleted;
      return mailbox::write_index_header(head_.lock().index(), head_.index);
    }
    return remove_mailbox_directories(admin_.store, head_.files());
  }

  Status settle() {
    forget_status(admin_.store, entry_.name);
    forget_status(admin_.store, after_.name);
    if (after_.name != entry_.name) {
      log(LogLevel::info, "Rename: {} -> {}", entry_.name, after_.name);
    }
    return success();
  }

  Administration& admin_;
  MailboxHead head_;
  meta::MailboxEntry entry_;
  meta::MailboxEntry after_;
  MailboxFiles files_;  // of the new place
  MailboxLock lock_;    // likewise
  std::optional<std::string> root_;
  bool in_place_ = false;
};

}  // namespace

Status move_mailbox(Administration& admin, const meta::MailboxEntry& entry, const std::string& to,
                    const std::string& partition) {
  CYR_TRY(auto head, MailboxHead::open(admin, entry));
  return Move(admin, std::move(head), to, partition).run();
}

}  // namespace cyr::store
