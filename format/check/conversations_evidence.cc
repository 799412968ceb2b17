#include "format/check/conversations_evidence.h"

#include <algorithm>

#include "format/mailbox/index_layout.h"
#include "format/store/user_files.h"

namespace cyr::check {

namespace {

// Bits that are facts about the message. Where its file lies and what Cyrus still meant to do with it is seen
// elsewhere.
constexpr std::uint32_t kept_flags = mailbox::flag::answered | mailbox::flag::flagged |
                                     mailbox::flag::deleted | mailbox::flag::draft | mailbox::flag::seen |
                                     mailbox::flag::split_conversation | mailbox::flag::expunged;

std::optional<std::uint32_t> folder_number(db::Database& database, std::string_view uniqueid) {
  const auto value = database.get(meta::conversation_folders_key);
  if (!value || !*value || uniqueid.empty()) {
    return {};
  }
  const auto folders = meta::decode_conversation_folders(**value);
  if (!folders) {
    return {};
  }
  const auto at = std::find(folders->begin(), folders->end(), uniqueid);
  return at == folders->end() ? std::nullopt
                              : std::optional(static_cast<std::uint32_t>(at - folders->begin()));
}

}  // namespace

ConversationsEvidence ConversationsEvidence::load(Context& context) {
  const State& state = context.state;
  ConversationsEvidence out;
  // Index versions without record CRCs have no conversation ids and keep \Seen and expunged messages
  // elsewhere.
  if (state.files.user.empty() || !mailbox::has_record_crc(state.records.layout())) {
    return out;
  }
  const auto path = store::user_file(context.store, state.files.user, "conversations");
  if (!path) {
    return out;
  }
  const auto database = context.store.open_database(*path, conf::Option::conversations_db);
  if (!database) {
    return out;
  }
  const auto folder = folder_number(**database, state.entry.uniqueid);
  if (!folder) {
    return out;
  }
  (void)(*database)->for_each(meta::conversation_guid_prefix,
                              [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
                                const auto message = meta::decode_conversation_message(key, value);
                                if (message && *message && (*message)->folder == *folder) {
                                  out.messages_.push_back(**message);
                                }
                                return db::Visit::go_on;
                              });
  std::sort(out.messages_.begin(), out.messages_.end(),
            [](const auto& a, const auto& b) { return a.uid < b.uid; });
  return out;
}

const meta::ConversationMessage* ConversationsEvidence::find(const mailbox::IndexRecord& record) const {
  auto at = std::lower_bound(messages_.begin(), messages_.end(), record.uid,
                             [](const auto& message, std::uint32_t uid) { return message.uid < uid; });
  while (at != messages_.end() && at->uid == record.uid && at->guid != record.guid) {
    ++at;
  }
  return at != messages_.end() && at->uid == record.uid ? &*at : nullptr;
}

bool ConversationsEvidence::apply(const Context& context, mailbox::IndexRecord& record) const {
  constexpr std::uint64_t day = 86400;
  const meta::ConversationMessage* const at = find(record);
  if (at == nullptr) {
    return false;
  }
  record.cid = at->cid;
  record.system_flags |= at->system_flags & kept_flags;
  if (at->internaldate != 0 && at->internaldate <= static_cast<std::uint64_t>(context.now) + day) {
    record.internaldate = at->internaldate;
    record.internaldate_nsec = 0;
  }
  return true;
}

bool ConversationsEvidence::restore(mailbox::IndexRecord& record) const {
  const meta::ConversationMessage* const at = find(record);
  if (at == nullptr) {
    return false;
  }
  const auto before = std::pair{record.cid, record.system_flags};
  record.cid = at->cid;
  record.system_flags = (record.system_flags & ~kept_flags) | (at->system_flags & kept_flags);
  return before != std::pair{record.cid, record.system_flags};
}

}  // namespace cyr::check
