// Records as the real cyr_dbtool printed them: "key TAB value" lines of the golden listings.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_store.h"

namespace cyr::test {

using Records = std::vector<std::pair<std::string, std::string>>;

// Every golden listing of `store` whose file name contains `part` ("%mailboxes.db."), with its name.
[[nodiscard]] std::vector<std::pair<std::string, Records>> golden_listings(const TempStore& store,
                                                                           std::string_view part);

}  // namespace cyr::test
