// reconstruct --undo and --list-undo.
#pragma once

#include "recon/reconstruct_run.h"

namespace cyr::recon {

// Takes back what run `options.undo` did, in the mailboxes that the arguments name (none: in all). Exit
// status 1 when a mailbox was left as it is.
Result<int> run_undo(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options);

// --list-undo: what earlier runs kept, one line each.
Result<int> run_list_undo(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options);

}  // namespace cyr::recon
