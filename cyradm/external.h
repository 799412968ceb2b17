// Commands that are none of ours go to /bin/sh, as in the stock shell (tools.md 2.3).
#pragma once

#include "cyradm/shell_parser.h"

namespace cyr::cyradm {

// Runs `command.source` and waits. Errc::not_found "NAME: No such file or directory" when there is no such
// program and nothing was run; Errc::invalid "NAME: exit status 3" when it failed.
Status run_external(const SimpleCommand& command);

}  // namespace cyr::cyradm
