// The one list of commands.
#include "server-min/imapd/commands/registry.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::imapd {

namespace {

constexpr std::array kCommands{
    CommandRow{"APPEND", When::after_login, Tell::everything, false, run_append},
    CommandRow{"AUTHENTICATE", When::before_login, Tell::nothing, false, run_authenticate},
    CommandRow{"CAPABILITY", When::always, Tell::everything, false, run_capability},
    CommandRow{"CHECK", When::selected, Tell::everything, false, run_check},
    CommandRow{"CLOSE", When::selected, Tell::nothing, false, run_close},
    CommandRow{"COMPRESS", When::after_login, Tell::nothing, false, run_compress},
    CommandRow{"COPY", When::selected, Tell::everything, true, run_copy},
    CommandRow{"CREATE", When::after_login, Tell::everything, false, run_create},
    CommandRow{"DELETE", When::after_login, Tell::everything, false, run_delete},
    CommandRow{"DELETEACL", When::after_login, Tell::everything, false, run_deleteacl},
    CommandRow{"ENABLE", When::after_login, Tell::nothing, false, run_enable},
    CommandRow{"EXAMINE", When::after_login, Tell::nothing, false, run_examine},
    CommandRow{"EXPUNGE", When::selected, Tell::everything, true, run_expunge},
    CommandRow{"FETCH", When::selected, Tell::not_expunges, true, run_fetch},
    CommandRow{"GETACL", When::after_login, Tell::everything, false, run_getacl},
    CommandRow{"GETANNOTATION", When::after_login, Tell::everything, false, run_getannotation},
    CommandRow{"GETMETADATA", When::after_login, Tell::everything, false, run_getmetadata},
    CommandRow{"GETQUOTA", When::after_login, Tell::everything, false, run_getquota},
    CommandRow{"GETQUOTAROOT", When::after_login, Tell::everything, false, run_getquotaroot},
    CommandRow{"ID", When::always, Tell::everything, false, run_id},
    CommandRow{"IDLE", When::after_login, Tell::everything, false, run_idle},
    CommandRow{"LIST", When::after_login, Tell::everything, false, run_list},
    CommandRow{"LISTRIGHTS", When::after_login, Tell::everything, false, run_listrights},
    CommandRow{"LOCALCREATE", When::after_login, Tell::everything, false, run_create},
    CommandRow{"LOCALDELETE", When::after_login, Tell::everything, false, run_localdelete},
    CommandRow{"LOGIN", When::before_login, Tell::nothing, false, run_login},
    CommandRow{"LOGOUT", When::always, Tell::nothing, false, run_logout},
    CommandRow{"LSUB", When::after_login, Tell::everything, false, run_lsub},
    CommandRow{"MOVE", When::selected, Tell::everything, true, run_move},
    CommandRow{"MYRIGHTS", When::after_login, Tell::everything, false, run_myrights},
    CommandRow{"NAMESPACE", When::after_login, Tell::everything, false, run_namespace},
    CommandRow{"NOOP", When::always, Tell::everything, false, run_noop},
    CommandRow{"RECONSTRUCT", When::after_login, Tell::everything, false, run_reconstruct},
    CommandRow{"RENAME", When::after_login, Tell::everything, false, run_rename},
    CommandRow{"RLIST", When::after_login, Tell::everything, false, run_list},
    CommandRow{"RLSUB", When::after_login, Tell::everything, false, run_lsub},
    CommandRow{"SEARCH", When::selected, Tell::not_expunges, true, run_search},
    CommandRow{"SELECT", When::after_login, Tell::nothing, false, run_select},
    CommandRow{"SETACL", When::after_login, Tell::everything, false, run_setacl},
    CommandRow{"SETANNOTATION", When::after_login, Tell::everything, false, run_setannotation},
    CommandRow{"SETMETADATA", When::after_login, Tell::everything, false, run_setmetadata},
    CommandRow{"SETQUOTA", When::after_login, Tell::everything, false, run_setquota},
    CommandRow{"SORT", When::selected, Tell::not_expunges, true, run_sort},
    CommandRow{"STARTTLS", When::always, Tell::nothing, false, run_starttls},
    CommandRow{"STATUS", When::after_login, Tell::everything, false, run_status},
    CommandRow{"STORE", When::selected, Tell::not_expunges, true, run_store},
    CommandRow{"SUBSCRIBE", When::after_login, Tell::everything, false, run_subscribe},
    CommandRow{"THREAD", When::selected, Tell::not_expunges, true, run_thread},
    CommandRow{"UNAUTHENTICATE", When::after_login, Tell::nothing, false, run_unauthenticate},
    CommandRow{"UNSELECT", When::selected, Tell::nothing, false, run_unselect},
    CommandRow{"UNSUBSCRIBE", When::after_login, Tell::everything, false, run_unsubscribe},
    CommandRow{"XFER", When::after_login, Tell::everything, false, run_xfer},
    CommandRow{"XLIST", When::after_login, Tell::everything, false, run_xlist},
};

}  // namespace

std::span<const CommandRow> command_rows() { return kCommands; }

const CommandRow* find_command(std::string_view name) {
  const auto* const row = std::find_if(kCommands.begin(), kCommands.end(), [&](const CommandRow& candidate) {
    return equal_ignoring_case(candidate.name, name);
  });
  return row == kCommands.end() ? nullptr : row;
}

}  // namespace cyr::imapd
