#include "format/meta/conversation_record.h"

#include <fmt/format.h>

#include "format/base/text.h"
#include "format/text/dlist.h"

namespace cyr::meta {

namespace {

using text::Item;

constexpr std::string_view free_folder = "-";
constexpr std::size_t max_senders = 99;  // more are not written

Error bad(std::string_view what) {
  return corrupt(fmt::format("conversations: the record of a {} cannot be read", what));
}

// "VERSION (...)": the list behind the version.
Result<Item> versioned_list(std::string_view value, std::string_view version, std::string_view what) {
  if (!value.starts_with(version) || value.substr(version.size(), 1) != " ") {
    return bad(what);
  }
  CYR_TRY(Item item, text::parse_dlist(value.substr(version.size() + 1)));
  if (!item.is_list()) {
    return bad(what);
  }
  return item;
}

// Reads the items of a list one after the other; after a wrong one everything is wrong.
class ListReader {
 public:
  explicit ListReader(const Item& list) : list_(&list) {
    ok_ = list.is_list() || (list.is_string() && list.text.empty());
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return next_ >= list_->items.size(); }
  const Item& item() {
    static const Item nothing;
    if (!ok_ || at_end()) {
      ok_ = false;
      return nothing;
    }
    return list_->items[next_++];
  }
  template <class T>
  void number(T& into) {
    const auto value = item().as_number();
    ok_ = ok_ && value.has_value();
    into = static_cast<T>(value.value_or(0));
  }
  std::optional<std::string> string() {
    const Item& one = item();
    ok_ = ok_ && (one.is_string() || one.is_nil());
    return one.is_string() ? std::optional(one.text) : std::nullopt;
  }
  // Each item of the list that comes next.
  template <class Read>
  void each(Read read) {
    ListReader inner(item());
    ok_ = ok_ && inner.ok();
    while (ok_ && !inner.at_end()) {
      read(inner);
      ok_ = ok_ && inner.ok();
    }
  }

 private:
  const Item* list_;
  std::size_t next_ = 0;
  bool ok_ = true;
};

Item string_or_nil(const std::optional<std::string>& value) {
  return value ? Item::string(*value) : Item::nil();
}

bool read_guid(const std::optional<std::string>& hex, Guid& guid) {
  const auto raw = from_hex(hex.value_or(""));
  if (!raw || raw->size() != guid.raw.size()) {
    return false;
  }
  std::copy(raw->begin(), raw->end(), guid.raw.begin());
  return true;
}

}  // namespace

std::string conversation_key(std::uint64_t cid) { return fmt::format("B{:016x}", cid); }
std::string conversation_folder_key(std::string_view uniqueid) { return fmt::format("F{}", uniqueid); }
std::string conversation_guid_key(const Guid& guid, std::uint32_t folder, std::uint32_t uid,
                                  std::string_view part) {
  return part.empty() ? fmt::format("G{}:{}:{}", guid.hex(), folder, uid)
                      : fmt::format("G{}:{}:{}[{}]", guid.hex(), folder, uid, part);
}

std::string encode_conversation_message(const ConversationMessage& message, std::uint32_t as_read) {
  std::string out;
  append_be(out, std::uint8_t{0x82});  // version 2
  append_be(out, message.cid);
  append_be(out, (message.system_flags & 0x0000FFFFU) | (as_read & 0xFFFF0000U));
  append_be(out, message.system_flags & 0xFFFF0000U);
  append_be(out, message.internaldate);
  return out;
}

std::string encode_conversation_folders(const std::vector<std::string>& folders) {
  Item list = Item::list();
  for (const auto& id : folders) {
    list.add(Item::string(id.empty() ? free_folder : std::string_view(id)));
  }
  return text::print_dlist(list);
}

Result<Conversation> decode_conversation(std::string_view value) {
  CYR_TRY(const Item list, versioned_list(value, "1", "conversation"));
  Conversation out;
  ListReader reader(list);
  bool guids = true;
  reader.number(out.modseq);
  reader.number(out.num_records);
  reader.number(out.exists);
  reader.number(out.unseen);
  reader.each([&](ListReader& in) { in.number(out.counts.emplace_back()); });
  reader.each([&](ListReader& in) {
    ListReader one(in.item());
    auto& folder = out.folders.emplace_back();
    one.number(folder.number);
    one.number(folder.modseq);
    one.number(folder.num_records);
    one.number(folder.exists);
    one.number(folder.unseen);
    guids = guids && one.ok();
  });
  reader.each([&](ListReader& in) {
    ListReader one(in.item());
    auto& sender = out.senders.emplace_back();
    sender.name = one.string();
    sender.route = one.string();
    sender.mailbox = one.string().value_or("");
    sender.domain = one.string().value_or("");
    one.number(sender.lastseen);
    one.number(sender.exists);
    guids = guids && one.ok();
  });
  out.subject = reader.string();
  reader.number(out.size);
  reader.each([&](ListReader& in) {
    ListReader one(in.item());
    auto& thread = out.threads.emplace_back();
    guids = read_guid(one.string(), thread.guid) && guids;
    one.number(thread.exists);
    one.number(thread.internaldate);
    guids = guids && one.ok();
  });
  reader.number(out.createdmodseq);
  if (!reader.ok() || !guids) {
    return bad("conversation");
  }
  return out;
}

std::string encode_conversation(const Conversation& conversation) {
  const auto number = [](auto value) { return Item::number(static_cast<std::uint64_t>(value)); };
  Item list = Item::list();
  list.add(number(conversation.modseq));
  list.add(number(conversation.num_records));
  list.add(number(conversation.exists));
  list.add(number(conversation.unseen));
  Item& counts = list.add(Item::list());
  for (const std::uint32_t count : conversation.counts) {
    counts.add(number(count));
  }
  Item& folders = list.add(Item::list());
  for (const auto& folder : conversation.folders) {
    if (folder.num_records == 0) {
      continue;
    }
    Item& one = folders.add(Item::list());
    one.add(number(folder.number));
    one.add(number(folder.modseq));
    one.add(number(folder.num_records));
    one.add(number(folder.exists));
    one.add(number(folder.unseen));
  }
  Item& senders = list.add(Item::list());
  for (const auto& sender : conversation.senders) {
    if (sender.exists == 0) {
      continue;
    }
    if (senders.items.size() == max_senders) {
      break;
    }
    Item& one = senders.add(Item::list());
    one.add(string_or_nil(sender.name));
    one.add(string_or_nil(sender.route));
    one.add(Item::string(sender.mailbox));
    one.add(Item::string(sender.domain));
    one.add(number(static_cast<std::uint32_t>(sender.lastseen)));
    one.add(number(sender.exists));
  }
  list.add(string_or_nil(conversation.subject));
  list.add(number(conversation.size));
  Item& threads = list.add(Item::list());
  for (const auto& thread : conversation.threads) {
    if (thread.exists == 0) {
      continue;
    }
    Item& one = threads.add(Item::list());
    one.add(Item::string(thread.guid.hex()));
    one.add(number(thread.exists));
    one.add(number(static_cast<std::uint32_t>(thread.internaldate)));
  }
  list.add(number(conversation.createdmodseq));
  return "1 " + text::print_dlist(list);
}

Result<ConversationFolderStatus> decode_conversation_status(std::string_view value) {
  CYR_TRY(const Item list, versioned_list(value, "0", "folder"));
  ConversationFolderStatus out;
  ListReader reader(list);
  reader.number(out.threadmodseq);
  reader.number(out.threadexists);
  reader.number(out.threadunseen);
  reader.number(out.emailexists);
  reader.number(out.emailunseen);
  if (!reader.ok()) {
    return bad("folder");
  }
  return out;
}

std::string encode_conversation_status(const ConversationFolderStatus& status) {
  return fmt::format("0 ({} {} {} {} {})", status.threadmodseq, status.threadexists, status.threadunseen,
                     status.emailexists, status.emailunseen);
}

Result<ConversationIds> decode_conversation_ids(std::string_view value) {
  const auto words = split(value, ' ');
  ConversationIds out;
  const auto stamp =
      words.size() == 3 && words[0] == "0" ? parse_number<std::int64_t>(words[2]) : std::nullopt;
  if (!stamp) {
    return bad("message id");
  }
  out.stamp = *stamp;
  for (const auto word : split(words[1], ',')) {
    const auto cid = word.size() == 16 ? parse_number<std::uint64_t>(word, 16) : std::nullopt;
    if (!cid) {
      return bad("message id");
    }
    out.cids.push_back(*cid);
  }
  return out;
}

std::string encode_conversation_ids(const ConversationIds& ids) {
  std::vector<std::string> words;
  for (const std::uint64_t cid : ids.cids) {
    words.push_back(fmt::format("{:016x}", cid));
  }
  return fmt::format("0 {} {}", join(words, ","), ids.stamp);
}

Result<ConversationQuota> decode_conversation_quota(std::string_view value) {
  constexpr std::string_view version = "1 ";
  if (!value.starts_with(version)) {
    return bad("quota");
  }
  CYR_TRY(const Item map, text::parse_dlist(value.substr(version.size())));
  const auto emails = map.number_at("E");
  const auto storage = map.number_at("S");
  if (!emails || !storage) {
    return bad("quota");
  }
  return ConversationQuota{static_cast<std::int64_t>(*emails), static_cast<std::int64_t>(*storage)};
}

std::string encode_conversation_quota(const ConversationQuota& quota) {
  return fmt::format("1 %(E {} S {})", std::max<std::int64_t>(quota.emails, 0),
                     std::max<std::int64_t>(quota.storage, 0));
}

}  // namespace cyr::meta
