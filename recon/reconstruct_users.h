// reconstruct --users: the databases of users.
#pragma once

#include "format/check/users.h"
#include "recon/reconstruct_run.h"

namespace cyr::recon {

// One line for each finding, with `json` one object.
void print_user_finding(const check::UserFinding& finding, bool json, bool dry_run);

Result<int> run_users(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options);

}  // namespace cyr::recon
