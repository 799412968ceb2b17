// The messages of a POP3 session: the list as it was at login, and what the client wants deleted (server.md
// 5). Nothing is changed before update().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "format/store/locks.h"
#include "format/store/mailbox_view.h"
#include "server-min/session/identity.h"

namespace cyr::pop3d {

struct Message {
  std::uint32_t recno = 0;
  std::uint32_t uid = 0;
  std::uint64_t size = 0;  // bytes
  bool deleted = false;
  bool seen = false;  // RETR sent it
};

class Maildrop {
 public:
  // `user` with popsubfolders: "name+folder" was split by the caller. Errc::not_found, permission
  // (popuseacl).
  static Result<std::unique_ptr<Maildrop>> open(store::Store& store, const names::MailboxName& name,
                                                const session::Identity& who);
  Maildrop(const Maildrop&) = delete;
  Maildrop& operator=(const Maildrop&) = delete;
  ~Maildrop();

  [[nodiscard]] const std::string& name() const { return view_->entry().name; }
  [[nodiscard]] const std::vector<Message>& messages() const { return messages_; }
  // A message that is there and not marked as deleted; `number` from 1. Nothing: no such message.
  [[nodiscard]] Message* find(std::uint32_t number);
  [[nodiscard]] std::string uidl(const Message& message) const;
  Result<FileBytes> bytes(const Message& message) { return view_->message(message.recno); }
  [[nodiscard]] bool may_delete() const { return may_delete_; }
  // Takes the marks back.
  void reset();
  // popminpoll: seconds since 1970 of the last login, 0: none.
  [[nodiscard]] std::uint64_t last_login() const { return view_->index().pop3_last_login; }

  // Deletes what is marked, sets \Seen (popuseimapflags). Messages that are gone meanwhile are left out. How
  // many were deleted.
  Result<std::size_t> update();

 private:
  Maildrop(store::Store& store, std::unique_ptr<store::MailboxView> view, names::UserId user)
      : store_(store), view_(std::move(view)), user_(std::move(user)) {}
  Status list();
  store::Store& store_;
  store::UserLocks locks_;
  std::unique_ptr<store::MailboxView> view_;
  names::UserId user_;
  std::vector<Message> messages_;
  bool may_delete_ = true;
  bool may_set_seen_ = true;
};

// Appends `message` with the dots at line starts doubled, every line ended by CRLF. `lines`: so many of the
// body, after the header.
void append_stuffed(std::string& out, std::string_view message, std::uint64_t lines = UINT64_MAX);

}  // namespace cyr::pop3d
