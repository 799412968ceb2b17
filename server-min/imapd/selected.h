// The selected mailbox as this client knows it: which message numbers stand for which UIDs, and what flags he
// was told. The view beneath (store::MailboxView) follows the disk; report() tells the client the difference,
// so that message numbers change only when RFC 3501 7.4.1 lets them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/store/mailbox_edit.h"
#include "format/store/mailbox_view.h"
#include "format/text/sequence_set.h"
#include "server-min/imapd/caller.h"
#include "server-min/imapd/output.h"

namespace cyr::imapd {

// One message of the client's view.
struct MessageRow {
  std::uint32_t uid = 0;
  std::uint32_t recno = 0;       // in the view; 0: the record is gone
  std::uint64_t told_state = 0;  // state_of() when the client was told the flags
  bool recent = false;
  bool seen_changed = false;  // seen state outside the index differs from what was told
};

// How changes are reported.
struct ReportStyle {
  bool expunges = true;   // message numbers may change
  bool vanished = false;  // QRESYNC: VANISHED for EXPUNGE, UIDs in FETCH
  bool modseq = false;    // CONDSTORE: MODSEQ in FETCH
  bool uids = false;      // UID in FETCH
};

class Selected {
 public:
  // Errors are those of store::MailboxView. `examine`: nothing may change, \Recent stays for the next one.
  static Result<std::unique_ptr<Selected>> open(store::Store& store, store::UserLocks& locks,
                                                const Caller& caller, const meta::MailboxEntry& entry,
                                                bool examine, std::int64_t now);
  // Ends it; postponed clean-up is done.
  static Status close(std::unique_ptr<Selected> selected, std::int64_t now);

  [[nodiscard]] store::MailboxView& view() { return *view_; }
  [[nodiscard]] const store::MailboxView& view() const { return *view_; }
  [[nodiscard]] const meta::MailboxEntry& entry() const { return view_->entry(); }
  [[nodiscard]] const std::string& name() const { return view_->entry().name; }
  [[nodiscard]] acl::Rights rights() const { return rights_; }
  [[nodiscard]] bool read_only() const { return read_only_; }
  [[nodiscard]] bool examined() const { return examined_; }

  [[nodiscard]] std::uint32_t exists() const { return static_cast<std::uint32_t>(rows_.size()); }
  [[nodiscard]] std::uint32_t recent() const;
  // 1-based.
  [[nodiscard]] MessageRow& row(std::uint32_t msgno) { return rows_[msgno - 1]; }
  [[nodiscard]] std::optional<std::uint32_t> find_uid(std::uint32_t uid) const;
  [[nodiscard]] std::uint32_t last_uid() const { return rows_.empty() ? 0 : rows_.back().uid; }
  // The message numbers of a set of message numbers or UIDs.
  [[nodiscard]] std::vector<std::uint32_t> numbers(const text::SequenceSet& set, bool uids) const;
  [[nodiscard]] std::optional<std::uint32_t> first_unseen() const;

  [[nodiscard]] bool seen(const MessageRow& row) const;
  // True while the record of the row is there and not expunged.
  [[nodiscard]] bool is_live(const MessageRow& row) const;
  // Where seen state is kept.
  [[nodiscard]] bool seen_in_index() const { return seen_in_index_; }
  // What an edit of this session changed there.
  void set_seen(MessageRow& row, bool seen);

  // "(\Answered $Forwarded)" and "(... \*)" of the FLAGS and PERMANENTFLAGS responses.
  [[nodiscard]] std::string flag_list() const;
  [[nodiscard]] std::string permanent_flag_list() const;
  // "\Seen $Forwarded" of a message.
  [[nodiscard]] std::string flags_of(const MessageRow& row) const;
  [[nodiscard]] bool has_keyword(const MessageRow& row, std::string_view name) const;
  // The client has been told this message's flags as they are now.
  void told(MessageRow& row);

  // Looks at the disk and tells what changed. Errc::not_found: the mailbox is gone; all messages were
  // reported as expunged and the selection must end.
  Status report(Output& out, const ReportStyle& style);
  // Commits an edit of this mailbox that changed flags of these messages and nothing else; the next refresh()
  // then need not look for what changed.
  Status commit(store::MailboxEdit& edit, const std::vector<std::uint32_t>& msgnos);
  // Only looks at the disk; what is new for the client stays to be told.
  Status refresh();
  [[nodiscard]] bool must_tell_flags(const MessageRow& row) const;
  [[nodiscard]] std::uint64_t highestmodseq() const { return view_->index().highestmodseq; }
  // After the ACL may have changed.
  void set_rights(acl::Rights rights, bool examined);
  // An edit of this mailbox in the caller's name. The view must not be used while it lives.
  Result<std::unique_ptr<store::MailboxEdit>> edit(std::int64_t now);

 private:
  Selected(store::Store& store, names::UserId user, store::UserLocks& locks,
           std::unique_ptr<store::MailboxView> view)
      : store_(store), user_(std::move(user)), locks_(locks), view_(std::move(view)) {}
  Status claim_recent(std::int64_t now);
  Status learn_recent();
  [[nodiscard]] std::uint64_t state_of(std::uint32_t recno) const;
  void add_new_rows();
  void relocate();
  void report_expunges(Output& out, const ReportStyle& style);
  void report_flags(Output& out, const ReportStyle& style);

  store::Store& store_;
  names::UserId user_;
  store::UserLocks& locks_;
  std::unique_ptr<store::MailboxView> view_;
  acl::Rights rights_;
  bool read_only_ = true;
  bool examined_ = true;
  bool seen_in_index_ = true;
  text::SequenceSet seen_uids_;  // when it is not in the index
  std::vector<MessageRow> rows_;
  store::OwnChange own_change_;     // by commit(), until refresh()
  std::uint32_t known_uid_ = 0;     // highest UID that became a row
  std::uint32_t recent_above_ = 0;  // new UIDs above it are \Recent here
  std::uint32_t told_exists_ = 0;
  std::string told_flags_;
  bool has_modseq_ = false;  // the index version
  bool dirty_ = false;       // something may have to be told
};

}  // namespace cyr::imapd
