// Keeps a user's conversations database right when messages come, change and go (3.6 to 3.8;
// format/doc/conversations.md). What it makes of a change is what Cyrus 3.6.1 makes of it.
//
// Used by MailboxEdit, under the user's lock; everything is one transaction, committed after the index.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/mailbox/header.h"
#include "format/mailbox/index.h"
#include "format/meta/conversation_record.h"
#include "format/store/cached_message.h"
#include "format/store/store.h"

namespace cyr::store {

class ConversationUpdate {
 public:
  // nullptr when there is nothing to keep: conversations are off, or the mailbox is one that they do not know
  // (deleted ones). Errc::unsupported for a database of another generation, which is left alone. `header`
  // must outlive it.
  static Result<std::unique_ptr<ConversationUpdate>> open(Store& store, const MailboxFiles& files,
                                                          const mailbox::MailboxHeader& header,
                                                          std::int64_t now);

  // The conversation that a new message belongs to; its message ids are remembered. Errc::invalid when the
  // user has too many copies of it (conversations_max_guid*).
  Result<std::uint64_t> join(const mailbox::IndexRecord& record, const CachedMessage& cached);
  // A message changed, came (`old` is nullptr) or went (`now` is nullptr). Records with UNLINKED count as not
  // there. `as_read`: the flag word that a session had read, of a copy that of its source, whose upper half
  // the record by content repeats; 0 for offline programs.
  Status change(const mailbox::IndexRecord* old, const mailbox::IndexRecord* now, const CachedMessage& cached,
                std::uint32_t as_read = 0);
  Status commit();

 private:
  // What the database says about one content.
  struct Counts {
    std::uint32_t records = 0, exists = 0, unseen = 0;
    std::uint32_t folder_records = 0, folder_exists = 0, folder_unseen = 0;
  };
  ConversationUpdate(Store& store, const mailbox::MailboxHeader& header, std::int64_t now)
      : store_(store), header_(header), now_(now) {}
  Status load(const MailboxFiles& files);
  Result<std::uint32_t> folder_number();
  Result<Counts> count(const Guid& guid);
  Result<std::optional<std::uint64_t>> cid_of(const Guid& guid);
  Result<std::optional<meta::Conversation>> conversation(std::uint64_t cid);
  Status set_contents(const mailbox::IndexRecord& record, const CachedMessage& cached, bool add,
                      std::uint32_t as_read);
  Status check_limits(const Counts& before, const Counts& after, const mailbox::IndexRecord& record) const;
  Status update(meta::Conversation& conversation, const Counts& before, const Counts& after,
                const mailbox::IndexRecord* old, const mailbox::IndexRecord* now);
  Status update_folders(const meta::Conversation& conversation, std::uint32_t unseen_before,
                        const meta::Conversation::Folder& folder_before, const Counts& before,
                        const Counts& after, std::uint64_t modseq);
  void count_flags(const mailbox::IndexRecord* record, std::vector<std::uint32_t>& counts, bool up) const;

  Store& store_;
  const mailbox::MailboxHeader& header_;
  std::int64_t now_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<db::Transaction> transaction_;
  std::vector<std::string> folders_;  // unique ids by number
  std::vector<std::string> counted_flags_;
  std::string trash_;  // unique id of the user's Trash; empty: none
  std::map<std::string, meta::ConversationFolderStatus> status_;  // by unique id
  std::optional<meta::ConversationQuota> quota_;
};

}  // namespace cyr::store
