// Several syncs at a time: a disk does them in hardly more time than one, since a journal commits for all who
// wait.
#pragma once

#include <functional>
#include <vector>

#include "format/base/io.h"

namespace cyr {

// Calls all of `syncs`, each of which waits for the disk and touches nothing that another one does; all of
// them, also when one fails; the first error. One after another where `io` is not that of the system: a test
// counts them.
Status sync_together(Io& io, const std::vector<std::function<Status()>>& syncs);

}  // namespace cyr
