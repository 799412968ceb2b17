#include <algorithm>

#include "cyradm/commands/all.h"

namespace cyr::cyradm {
namespace {

constexpr std::array<const Command*, 28> table = {
    &commands::authenticate,  &commands::chdir,       &commands::createmailbox, &commands::deleteaclmailbox,
    &commands::deletemailbox, &commands::disconnect,  &commands::exit,          &commands::getmetadata,
    &commands::help,          &commands::import,      &commands::info,          &commands::listacl,
    &commands::listmailbox,   &commands::listquota,   &commands::listquotaroot, &commands::mboxcfg,
    &commands::quota,         &commands::reconstruct, &commands::renamemailbox, &commands::server,
    &commands::setaclmailbox, &commands::setinfo,     &commands::setmetadata,   &commands::setquota,
    &commands::subscribe,     &commands::unsubscribe, &commands::version,       &commands::xfermailbox,
};

}  // namespace

std::span<const Command* const> all_commands() { return table; }

const Command* find_command(std::string_view word) {
  const auto found = std::find_if(table.begin(), table.end(), [word](const Command* command) {
    return command->name == word ||
           (!word.empty() &&
            std::find(command->aliases.begin(), command->aliases.end(), word) != command->aliases.end());
  });
  return found != table.end() ? *found : nullptr;
}

}  // namespace cyr::cyradm
