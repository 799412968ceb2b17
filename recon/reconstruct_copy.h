// reconstruct --to-release R --copy-to DIR: the store is copied first, and what is converted is the copy.
#pragma once

#include "recon/reconstruct_run.h"

namespace cyr::recon {

// Says how much space the copy and its conversion need; copies, or goes on with a copy that was interrupted;
// then runs `options` on it with the configuration DIR/imapd.conf. The original is only read. A dry run
// prints plan and space. Exit status 73 when the space is not there.
Result<int> run_on_copy(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options,
                        const fs::path& top);

// "12.3 MiB"
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace cyr::recon
