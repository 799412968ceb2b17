// The commands, one file each; registry.cc lists them.
#pragma once

#include "cyradm/commands/command.h"

namespace cyr::cyradm::commands {

extern const Command authenticate;
extern const Command chdir;
extern const Command createmailbox;
extern const Command deleteaclmailbox;
extern const Command deletemailbox;
extern const Command disconnect;
extern const Command exit;
extern const Command getmetadata;
extern const Command help;
extern const Command import;
extern const Command info;
extern const Command listacl;
extern const Command listmailbox;
extern const Command listquota;
extern const Command listquotaroot;
extern const Command mboxcfg;
extern const Command quota;
extern const Command reconstruct;
extern const Command renamemailbox;
extern const Command server;
extern const Command setaclmailbox;
extern const Command setinfo;
extern const Command setmetadata;
extern const Command setquota;
extern const Command subscribe;
extern const Command unsubscribe;
extern const Command version;
extern const Command xfermailbox;

}  // namespace cyr::cyradm::commands
