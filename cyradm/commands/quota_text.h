// How listquota, listquotaroot and quota show a root.
#pragma once

#include <string>

#include "cyradm/backend.h"
#include "cyradm/session.h"

namespace cyr::cyradm {

// " STORAGE 0/1000 (0%) MESSAGE 1/3 (33.3333333333333%)": percent as Perl prints a number, none for a limit
// of 0.
[[nodiscard]] std::string quota_text(const QuotaRoot& root);
// A JSON object for each resource; one without members for a root without limits.
void print_quota_json(Session& session, const QuotaRoot& root);
// "setquota ROOT STORAGE 1000 MESSAGE 5", or "setquota ROOT none".
[[nodiscard]] std::vector<std::string> as_setquota(const QuotaRoot& root);

}  // namespace cyr::cyradm
