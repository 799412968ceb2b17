#include "format/store/conversation_update.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "format/base/text.h"
#include "format/mime/profile.h"
#include "format/store/conversation_message.h"
#include "format/store/user_files.h"
#include "format/text/dlist.h"
#include "format/text/rfc2047.h"

namespace cyr::store {

namespace {

using meta::Conversation;
namespace flag = mailbox::flag;

constexpr std::uint64_t kIdMask = 0x91f3d9e10b690b12;    // what Cyrus makes ids of GUIDs with
constexpr std::string_view kNamesKey = "$FOLDER_NAMES";  // in databases of 3.4 and before

std::uint64_t new_id(const Guid& guid) {
  const auto first = load_be<std::uint64_t>(guid.raw.data());
  return (first == 0 ? 1 : first) ^ kIdMask;
}

// True for a message that counts as there, in conversations.
bool counts(const mailbox::IndexRecord& record) {
  return !record.has(flag::expunged) && !record.has(flag::deleted);
}

void apply(std::uint32_t& value, std::int64_t delta) {
  value = static_cast<std::uint32_t>(std::max<std::int64_t>(std::int64_t{value} + delta, 0));
}

std::int64_t step(std::uint32_t before, std::uint32_t after) {  // from none to some: 1; back: -1
  return static_cast<std::int64_t>(after != 0) - static_cast<std::int64_t>(before != 0);
}

std::pair<std::string, std::string> sender_key(const Conversation::Sender& sender) {
  return {lower_ascii(sender.domain), lower_ascii(sender.mailbox)};
}

// Names: with other than ASCII characters first, then longer ones, then by bytes.
bool better_name(const std::optional<std::string>& candidate, const std::optional<std::string>& present) {
  const auto rank = [](const std::optional<std::string>& name) {
    const mime::CacheProfile& profile = mime::cache_profile(mime::Series::v3_6);
    std::string decoded = text::decode_header_value(
        name.value_or(""), {.decoding = profile.header_decoding, .charsets = profile.charsets});
    const bool ascii = std::all_of(decoded.begin(), decoded.end(), [](char c) { return (c & '\x80') == 0; });
    const auto shorter = -static_cast<std::int64_t>(decoded.size());
    return std::tuple(ascii, shorter, std::move(decoded), name.value_or(""));
  };
  return !present || rank(candidate) < rank(present);
}

void update_sender(Conversation& conversation, const Conversation::Sender& from, std::int64_t lastseen,
                   std::int64_t delta) {
  auto& senders = conversation.senders;
  const auto key = sender_key(from);
  const auto found = std::find_if(senders.begin(), senders.end(),
                                  [&key](const auto& one) { return sender_key(one) == key; });
  Conversation::Sender sender;
  const bool known = found != senders.end();
  if (known) {
    sender = *found;
    senders.erase(found);
  }
  if (delta <= 0 && -delta >= std::int64_t{sender.exists}) {
    return;
  }
  apply(sender.exists, delta);
  if (better_name(from.name, sender.name)) {
    sender.name = from.name;
  }
  if (!sender.route || from.route.value_or("") < *sender.route) {
    sender.route = from.route;
  }
  if (!known || from.mailbox < sender.mailbox) {
    sender.mailbox = from.mailbox;
  }
  if (!known || from.domain < sender.domain) {
    sender.domain = from.domain;
  }
  sender.lastseen = std::max(sender.lastseen, lastseen);
  const auto place = std::find_if(senders.begin(), senders.end(), [&](const auto& one) {
    return one.lastseen < sender.lastseen || (one.lastseen == sender.lastseen && sender_key(one) > key);
  });
  senders.insert(place, std::move(sender));
}

void update_thread(Conversation& conversation, const mailbox::IndexRecord& record, std::int64_t delta) {
  auto& threads = conversation.threads;
  auto found = std::find_if(threads.begin(), threads.end(),
                            [&record](const auto& one) { return one.guid == record.guid; });
  if (found == threads.end()) {
    if (delta <= 0) {
      return;
    }
    found = threads.insert(threads.end(), {.guid = record.guid});
  } else if (std::int64_t{found->exists} + delta <= 0) {
    threads.erase(found);
    return;
  }
  found->internaldate = record.internaldate;
  apply(found->exists, delta);
  std::sort(threads.begin(), threads.end(), [](const auto& a, const auto& b) {
    return std::tie(a.internaldate, a.guid) < std::tie(b.internaldate, b.guid);
  });
}

Conversation::Folder& folder_of(Conversation& conversation, std::uint32_t number) {
  const auto place = std::find_if(conversation.folders.begin(), conversation.folders.end(),
                                  [number](const auto& one) { return one.number >= number; });
  if (place != conversation.folders.end() && place->number == number) {
    return *place;
  }
  return *conversation.folders.insert(place, {.number = number});
}

}  // namespace

Result<std::unique_ptr<ConversationUpdate>> ConversationUpdate::open(Store& store, const MailboxFiles& files,
                                                                     const mailbox::MailboxHeader& header,
                                                                     std::int64_t now) {
  std::unique_ptr<ConversationUpdate> update;
  if (!store.config().is_on(conf::Option::conversations) || files.place.name.is_deleted() ||
      header.uniqueid.empty()) {
    return update;
  }
  update.reset(new ConversationUpdate(store, header, now));
  CYR_CHECK(update->load(files));
  return update;
}

Status ConversationUpdate::load(const MailboxFiles& files) {
  CYR_TRY(const fs::path path, user_file(store_, files.user, "conversations"));
  CYR_TRY(database_, store_.open_database(path, conf::Option::conversations_db, true));
  CYR_TRY(transaction_, database_->begin());
  CYR_TRY(const auto folders, transaction_->get(meta::conversation_folders_key));
  CYR_TRY(const auto names, transaction_->get(kNamesKey));
  if (!folders && names) {
    return make_error(Errc::unsupported, "a conversations database of an older release").at(path);
  }
  if (folders) {
    CYR_TRY(folders_, meta::decode_conversation_folders(*folders));
  }
  CYR_TRY(auto counted, transaction_->get(meta::conversation_flags_key));
  if (!counted) {  // a new database
    const auto words = store_.config().words(conf::Option::conversations_counted_flags);
    counted = words.empty() ? "NIL" : cyr::join(words, " ");
    CYR_CHECK(transaction_->put(meta::conversation_flags_key, *counted));
  }
  for (const auto word : split(*counted, ' ')) {
    if (!word.empty() && word != "NIL") {
      counted_flags_.emplace_back(word);
    }
  }
  if (!files.user.empty()) {
    CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
    const auto inbox = names::MailboxName::inbox_of(files.user).to_internal(store_.name_space());
    CYR_TRY(const auto trash, list->find(inbox + ".Trash"));
    trash_ = trash && trash->type.local() ? trash->uniqueid : "";
  }
  return success();
}

// The mailbox's place in the list; a free one, else a new one at the end.
Result<std::uint32_t> ConversationUpdate::folder_number() {
  auto place = std::find(folders_.begin(), folders_.end(), header_.uniqueid);
  if (place == folders_.end()) {
    place = std::find(folders_.begin(), folders_.end(), std::string());
    place = place == folders_.end() ? folders_.insert(place, header_.uniqueid) : place;
    *place = header_.uniqueid;
    CYR_CHECK(transaction_->put(meta::conversation_folders_key, meta::encode_conversation_folders(folders_)));
  }
  return static_cast<std::uint32_t>(place - folders_.begin());
}

Result<ConversationUpdate::Counts> ConversationUpdate::count(const Guid& guid) {
  CYR_TRY(const std::uint32_t mine, folder_number());
  const auto trash = std::find(folders_.begin(), folders_.end(), trash_);
  const auto trash_number = trash_.empty() || trash == folders_.end()
                                ? std::optional<std::int64_t>()
                                : std::optional<std::int64_t>(trash - folders_.begin());
  Counts out;
  const auto visit = [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    const auto message = meta::decode_conversation_message(key, value);
    if (!message || !*message) {
      return db::Visit::go_on;  // a body part, or nothing that can be read
    }
    const bool here = (*message)->folder == mine;
    const std::uint32_t flags = (*message)->system_flags;
    ++out.records;
    out.folder_records += here ? 1 : 0;
    if ((flags & (flag::deleted | flag::expunged)) != 0) {
      return db::Visit::go_on;
    }
    ++out.exists;
    out.folder_exists += here ? 1 : 0;
    if ((flags & (flag::seen | flag::draft)) == 0) {
      out.unseen += trash_number == std::int64_t{(*message)->folder} ? 0 : 1;
      out.folder_unseen += here ? 1 : 0;
    }
    return db::Visit::go_on;
  };
  CYR_CHECK(transaction_->for_each("G" + guid.hex() + ":", visit));
  return out;
}

Result<std::optional<std::uint64_t>> ConversationUpdate::cid_of(const Guid& guid) {
  std::optional<std::uint64_t> cid;
  const auto visit = [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    const auto message = meta::decode_conversation_message(key, value);
    if (message && *message) {
      cid = (*message)->cid;
      return db::Visit::stop;
    }
    return db::Visit::go_on;
  };
  CYR_CHECK(transaction_->for_each("G" + guid.hex() + ":", visit));
  return cid;
}

// One that cannot be read counts as none.
Result<std::optional<Conversation>> ConversationUpdate::conversation(std::uint64_t cid) {
  std::optional<Conversation> out;
  CYR_TRY(const auto stored, transaction_->get(meta::conversation_key(cid)));
  if (stored) {
    if (auto decoded = meta::decode_conversation(*stored)) {
      out = std::move(*decoded);
    }
  }
  return out;
}

Result<std::uint64_t> ConversationUpdate::join(const mailbox::IndexRecord& record,
                                               const CachedMessage& cached) {
  CYR_TRY(const ConversationFacts facts, conversation_facts(cached));
  std::vector<meta::ConversationIds> known;
  std::uint64_t matching = 0;  // the highest id of a conversation that fits
  for (const auto& id : facts.message_ids) {
    CYR_TRY(const auto stored, transaction_->get(id));
    auto& ids = known.emplace_back();
    if (auto decoded = stored ? meta::decode_conversation_ids(*stored) : Result<meta::ConversationIds>(ids)) {
      ids = std::move(*decoded);
    }
    for (const std::uint64_t cid : ids.cids) {
      CYR_TRY(const auto candidate, conversation(cid));
      if (!candidate || !candidate->subject || *candidate->subject == facts.subject) {
        matching = std::max(matching, cid);
      }
    }
  }
  CYR_TRY(const auto same_content, cid_of(record.guid));
  std::uint64_t cid = record.cid;
  if (same_content && *same_content != 0) {
    cid = *same_content;
  } else if (cid == 0) {
    cid = matching != 0 ? matching : new_id(record.guid);
    CYR_TRY(const auto full, conversation(cid));
    if (full &&
        std::int64_t{full->exists} >= store_.config().integer(conf::Option::conversations_max_thread)) {
      cid = new_id(record.guid);  // a conversation this long goes on in a new one
    }
  }
  for (std::size_t i = 0; i < facts.message_ids.size(); ++i) {
    auto& ids = known[i];
    if (std::find(ids.cids.begin(), ids.cids.end(), cid) == ids.cids.end()) {
      ids.cids.push_back(cid);
      ids.stamp = now_;
      CYR_CHECK(transaction_->put(facts.message_ids[i], meta::encode_conversation_ids(ids)));
    }
  }
  return cid;
}

Status ConversationUpdate::set_contents(const mailbox::IndexRecord& record, const CachedMessage& cached,
                                        bool add, std::uint32_t as_read) {
  CYR_TRY(const std::uint32_t folder, folder_number());
  const std::string value = meta::encode_conversation_message({.guid = record.guid,
                                                               .folder = folder,
                                                               .uid = record.uid,
                                                               .cid = record.cid,
                                                               .system_flags = record.system_flags,
                                                               .internaldate = record.internaldate},
                                                              as_read);
  const auto set = [&](const Guid& guid, std::string_view part) -> Status {
    const std::string key = meta::conversation_guid_key(guid, folder, record.uid, part);
    return add ? transaction_->put(key, value) : transaction_->erase(key);
  };
  CYR_CHECK(set(record.guid, {}));
  CYR_TRY(const auto parts, conversation_parts(cached, record.cache_version));
  for (const auto& part : parts) {
    CYR_CHECK(set(part.guid, part.number));
  }
  return success();
}

Status ConversationUpdate::check_limits(const Counts& before, const Counts& after,
                                        const mailbox::IndexRecord& record) const {
  using conf::Option;
  const auto beyond = [this](std::uint32_t count, Option limit) {
    return std::int64_t{count} > store_.config().integer(limit);
  };
  if (after.records > before.records &&
      (beyond(after.records, Option::conversations_max_guidrecords) ||
       beyond(after.exists, Option::conversations_max_guidexists) ||
       beyond(after.folder_exists, Option::conversations_max_guidinfolder))) {
    return make_error(Errc::invalid, fmt::format("too many copies of the message {}", record.guid.hex()))
        .with_hint("the limits are conversations_max_guidinfolder, _guidexists and _guidrecords");
  }
  return success();
}

Status ConversationUpdate::change(const mailbox::IndexRecord* old, const mailbox::IndexRecord* now,
                                  const CachedMessage& cached, std::uint32_t as_read) {
  old = old != nullptr && old->has(flag::unlinked) ? nullptr : old;
  now = now != nullptr && now->has(flag::unlinked) ? nullptr : now;
  if (old == nullptr && now == nullptr) {
    return success();
  }
  const mailbox::IndexRecord& record = now != nullptr ? *now : *old;
  CYR_TRY(const Counts before, count(record.guid));
  CYR_CHECK(set_contents(record, cached, now != nullptr, as_read));
  CYR_TRY(const Counts after, count(record.guid));
  CYR_CHECK(check_limits(before, after, record));
  const std::int64_t exists = step(before.exists, after.exists);
  if (exists != 0) {
    if (!quota_) {
      CYR_TRY(const auto stored, transaction_->get(meta::conversation_quota_key));
      quota_ = stored ? meta::decode_conversation_quota(*stored).value_or(meta::ConversationQuota())
                      : meta::ConversationQuota();
    }
    quota_->emails += exists;
    quota_->storage += exists * static_cast<std::int64_t>(record.size);
  }
  if (record.cid == 0) {
    return success();
  }
  CYR_TRY(auto found, conversation(record.cid));
  if (!found && now == nullptr) {
    return success();
  }
  CYR_TRY(const ConversationFacts facts, conversation_facts(cached));
  Conversation conversation = std::move(found).value_or(Conversation());
  if (!conversation.subject && !record.has(flag::draft)) {
    conversation.subject = facts.subject;
  }
  if (facts.sender) {
    update_sender(conversation, *facts.sender, static_cast<std::int64_t>(record.gmtime), exists);
  }
  update_thread(conversation, record, exists);
  return update(conversation, before, after, old, now);
}

void ConversationUpdate::count_flags(const mailbox::IndexRecord* record,
                                     std::vector<std::uint32_t>& counts_out, bool up) const {
  if (record == nullptr || !counts(*record)) {
    return;
  }
  const auto names = mailbox::system_flag_names(record->system_flags);
  for (std::size_t i = 0; i < counted_flags_.size(); ++i) {
    const auto& name = counted_flags_[i];
    const bool system = std::any_of(names.begin(), names.end(),
                                    [&name](const auto& one) { return equal_ignoring_case(one, name); });
    const auto bit = mailbox::find_flag(header_, name);
    if (system || (bit && record->user_flag(*bit))) {
      apply(counts_out[i], up ? 1 : -1);
    }
  }
}

Status ConversationUpdate::update(Conversation& conversation, const Counts& before, const Counts& after,
                                  const mailbox::IndexRecord* old, const mailbox::IndexRecord* now) {
  const mailbox::IndexRecord& record = now != nullptr ? *now : *old;
  CYR_TRY(const std::uint32_t number, folder_number());
  Conversation::Folder& folder = folder_of(conversation, number);
  const Conversation::Folder folder_before = folder;
  const std::uint32_t unseen_before = conversation.unseen;
  const std::int64_t exists = step(before.exists, after.exists);
  apply(conversation.num_records, step(before.records, after.records));
  apply(conversation.exists, exists);
  apply(conversation.unseen, step(before.unseen, after.unseen));
  apply(conversation.size, exists * static_cast<std::int64_t>(record.size));
  apply(folder.num_records, step(before.folder_records, after.folder_records));
  apply(folder.exists, step(before.folder_exists, after.folder_exists));
  apply(folder.unseen, step(before.folder_unseen, after.folder_unseen));
  conversation.counts.resize(counted_flags_.size());
  count_flags(now, conversation.counts, true);
  count_flags(old, conversation.counts, false);
  const std::uint64_t modseq =
      std::max(old != nullptr ? old->modseq : 0, now != nullptr ? now->modseq : std::uint64_t{0});
  conversation.modseq = std::max(conversation.modseq, modseq);
  folder.modseq = std::max(folder.modseq, modseq);
  if (record.createdmodseq != 0 &&
      (conversation.createdmodseq == 0 || record.createdmodseq < conversation.createdmodseq)) {
    conversation.createdmodseq = record.createdmodseq;
  }
  CYR_CHECK(update_folders(conversation, unseen_before, folder_before, before, after, modseq));
  const std::string key = meta::conversation_key(record.cid);
  return conversation.num_records == 0 ? transaction_->erase(key)
                                       : transaction_->put(key, meta::encode_conversation(conversation));
}

// What the folders say of their threads. A thread is unseen in a folder when any of its messages is, outside
// Trash; in Trash only those of Trash count.
Status ConversationUpdate::update_folders(const Conversation& conversation, std::uint32_t unseen_before,
                                          const Conversation::Folder& folder_before, const Counts& before,
                                          const Counts& after, std::uint64_t modseq) {
  const bool in_trash = !trash_.empty() && header_.uniqueid == trash_;
  for (const auto& folder : conversation.folders) {
    if (folder.number >= folders_.size() || folders_[folder.number].empty()) {
      continue;
    }
    const std::string& id = folders_[folder.number];
    auto place = status_.find(id);
    if (place == status_.end()) {
      CYR_TRY(const auto stored, transaction_->get(meta::conversation_folder_key(id)));
      const auto decoded = stored ? meta::decode_conversation_status(*stored)
                                  : Result<meta::ConversationFolderStatus>(meta::ConversationFolderStatus());
      place = status_.emplace(id, decoded.value_or(meta::ConversationFolderStatus())).first;
    }
    auto& status = place->second;
    if (id == header_.uniqueid) {
      const std::uint32_t unseen = in_trash ? folder.unseen : conversation.unseen;
      const std::uint32_t unseen_then = in_trash ? folder_before.unseen : unseen_before;
      apply(status.emailexists, step(before.folder_exists, after.folder_exists));
      apply(status.emailunseen, step(before.folder_unseen, after.folder_unseen));
      apply(status.threadexists, step(folder_before.exists, folder.exists));
      if (folder.exists != 0 && folder_before.exists == 0) {
        apply(status.threadunseen, unseen != 0 ? 1 : 0);
      } else if (folder.exists == 0 && folder_before.exists != 0) {
        apply(status.threadunseen, unseen_then != 0 ? -1 : 0);
      } else if (folder.exists != 0) {
        apply(status.threadunseen, step(unseen_then, unseen));
      }
    } else if (!in_trash && id != trash_ && folder.exists != 0) {
      apply(status.threadunseen, step(unseen_before, conversation.unseen));
    }
    status.threadmodseq = std::max(status.threadmodseq, modseq);
  }
  return success();
}

Status ConversationUpdate::commit() {
  for (const auto& [id, status] : status_) {
    CYR_CHECK(transaction_->put(meta::conversation_folder_key(id), meta::encode_conversation_status(status)));
  }
  if (quota_) {
    CYR_CHECK(transaction_->put(meta::conversation_quota_key, meta::encode_conversation_quota(*quota_)));
  }
  return transaction_->commit();
}

}  // namespace cyr::store
