#include "server-min/pop3d/maildrop.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "format/acl/acl.h"
#include "format/store/mailbox_edit.h"

namespace cyr::pop3d {
namespace {

using conf::Option;
namespace flag = mailbox::flag;

}  // namespace

Result<std::unique_ptr<Maildrop>> Maildrop::open(store::Store& store, const names::MailboxName& name,
                                                 const session::Identity& who) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  CYR_TRY(const auto entry, list->find(name.to_internal(store.name_space())));
  if (!entry || !entry->type.local()) {
    return make_error(Errc::not_found, "Mailbox does not exist");
  }
  const auto rights = acl::Acl::parse(entry->acl.value_or("")).rights([&who](std::string_view id) {
    return who.is_member(id);
  });
  const bool by_acl = store.config().is_on(Option::popuseacl);
  if (by_acl && !rights.has('r')) {
    return make_error(Errc::permission, "Permission denied");
  }
  CYR_TRY(auto view, store::MailboxView::open(store, *entry));
  std::unique_ptr<Maildrop> drop(
      new Maildrop(store, std::move(view), names::UserId::parse(who.user(), store.name_space())));
  drop->may_delete_ = !by_acl || (rights.has('t') && rights.has('e'));
  drop->may_set_seen_ = !by_acl || rights.has('s');
  CYR_CHECK(drop->list());
  return drop;
}

// What had to wait because this session had the mailbox open is done now.
Maildrop::~Maildrop() { (void)store::MailboxView::close(std::move(view_), locks_, std::time(nullptr)); }

Status Maildrop::list() {
  const auto& records = view_->records();
  const bool imap_flags = store_.config().is_on(Option::popuseimapflags);
  const std::uint64_t after = view_->index().pop3_show_after;
  for (std::uint32_t recno = 1; recno <= records.size(); ++recno) {
    const std::uint32_t flags = records.system_flags(recno);
    if ((flags & flag::expunged) != 0 || (imap_flags && (flags & flag::deleted) != 0)) {
      continue;
    }
    CYR_TRY(const mailbox::IndexRecord record, records.record(recno));
    if (after == 0 || record.internaldate > after) {
      messages_.push_back({recno, record.uid, record.size});
    }
  }
  return success();
}

Message* Maildrop::find(std::uint32_t number) {
  if (number < 1 || number > messages_.size() || messages_[number - 1].deleted) {
    return nullptr;
  }
  return &messages_[number - 1];
}

std::string Maildrop::uidl(const Message& message) const {
  const mailbox::IndexHeader& index = view_->index();
  return (index.options & mailbox::option::pop3_new_uidl) != 0
             ? fmt::format("{}.{}", index.uidvalidity, message.uid)
             : fmt::format("{}", message.uid);
}

void Maildrop::reset() {
  for (auto& message : messages_) {
    message.deleted = false;
  }
}

Result<std::size_t> Maildrop::update() {
  const bool imap_flags = store_.config().is_on(Option::popuseimapflags) && may_set_seen_;
  const auto concerned = [imap_flags](const Message& message) {
    return message.deleted || (imap_flags && message.seen);
  };
  if (std::none_of(messages_.begin(), messages_.end(), concerned)) {
    return std::size_t{0};
  }
  CYR_TRY(const auto edit, store::MailboxEdit::open(store_, view_->entry(), locks_, std::time(nullptr)));
  edit->act_for(user_);
  std::size_t deleted = 0;
  for (const auto& message : messages_) {
    if (!concerned(message)) {
      continue;
    }
    const auto at = edit->at(message.recno, message.uid);
    if (!at || at->record.has(flag::expunged)) {
      continue;  // somebody was faster
    }
    if (message.deleted) {
      CYR_CHECK(edit->expunge(*at));
      ++deleted;
    } else {
      CYR_CHECK(edit->change_flags(*at, {.set = flag::seen}));
    }
  }
  CYR_CHECK(edit->commit());
  return deleted;
}

void append_stuffed(std::string& out, std::string_view message, std::uint64_t lines) {
  bool in_header = true;
  while (!message.empty() && (in_header || lines > 0)) {
    const auto end = message.find('\n');
    std::string_view line = message.substr(0, end);
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
    if (!line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    if (!in_header) {
      --lines;
    } else if (line.empty()) {
      in_header = false;
    }
    if (!line.empty() && line.front() == '.') {
      out += '.';
    }
    out.append(line).append("\r\n");
  }
}

}  // namespace cyr::pop3d
