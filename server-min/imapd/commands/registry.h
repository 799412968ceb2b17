// Every IMAP command: one row in registry.cc, one handler in a file of this folder.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "server-min/imapd/imap_session.h"

namespace cyr::imapd {

// When a command may be given: the states of RFC 3501 3.
enum class When : std::uint8_t { always, before_login, after_login, selected };
// What may be told about the selected mailbox before the tagged answer.
enum class Tell : std::uint8_t {
  nothing,       // the handler does it, or nothing has to be told
  not_expunges,  // message numbers stay: RFC 3501 7.4.1; with UID in front, everything
  everything,
};

using Handler = Result<Answer> (*)(Invocation& invocation);
struct CommandRow {
  std::string_view name;
  When when;
  Tell tell;
  bool uid_form;  // UID NAME exists
  Handler run;
};

[[nodiscard]] std::span<const CommandRow> command_rows();
// Nothing for an unknown name; names compare without case.
[[nodiscard]] const CommandRow* find_command(std::string_view name);

Result<Answer> run_append(Invocation& invocation);
Result<Answer> run_authenticate(Invocation& invocation);
Result<Answer> run_capability(Invocation& invocation);
Result<Answer> run_check(Invocation& invocation);
Result<Answer> run_close(Invocation& invocation);
Result<Answer> run_compress(Invocation& invocation);
Result<Answer> run_copy(Invocation& invocation);
Result<Answer> run_create(Invocation& invocation);
Result<Answer> run_delete(Invocation& invocation);
Result<Answer> run_localdelete(Invocation& invocation);
Result<Answer> run_deleteacl(Invocation& invocation);
Result<Answer> run_enable(Invocation& invocation);
Result<Answer> run_examine(Invocation& invocation);
Result<Answer> run_expunge(Invocation& invocation);
Result<Answer> run_fetch(Invocation& invocation);
Result<Answer> run_getacl(Invocation& invocation);
Result<Answer> run_getannotation(Invocation& invocation);
Result<Answer> run_getmetadata(Invocation& invocation);
Result<Answer> run_getquota(Invocation& invocation);
Result<Answer> run_getquotaroot(Invocation& invocation);
Result<Answer> run_id(Invocation& invocation);
Result<Answer> run_idle(Invocation& invocation);
Result<Answer> run_list(Invocation& invocation);
Result<Answer> run_listrights(Invocation& invocation);
Result<Answer> run_login(Invocation& invocation);
Result<Answer> run_logout(Invocation& invocation);
Result<Answer> run_lsub(Invocation& invocation);
Result<Answer> run_move(Invocation& invocation);
Result<Answer> run_myrights(Invocation& invocation);
Result<Answer> run_namespace(Invocation& invocation);
Result<Answer> run_noop(Invocation& invocation);
Result<Answer> run_reconstruct(Invocation& invocation);
Result<Answer> run_rename(Invocation& invocation);
Result<Answer> run_search(Invocation& invocation);
Result<Answer> run_select(Invocation& invocation);
Result<Answer> run_setacl(Invocation& invocation);
Result<Answer> run_setannotation(Invocation& invocation);
Result<Answer> run_setmetadata(Invocation& invocation);
Result<Answer> run_setquota(Invocation& invocation);
Result<Answer> run_sort(Invocation& invocation);
Result<Answer> run_starttls(Invocation& invocation);
Result<Answer> run_status(Invocation& invocation);
Result<Answer> run_store(Invocation& invocation);
Result<Answer> run_subscribe(Invocation& invocation);
Result<Answer> run_thread(Invocation& invocation);
Result<Answer> run_unauthenticate(Invocation& invocation);
Result<Answer> run_unselect(Invocation& invocation);
Result<Answer> run_unsubscribe(Invocation& invocation);
Result<Answer> run_xfer(Invocation& invocation);
Result<Answer> run_xlist(Invocation& invocation);

}  // namespace cyr::imapd
