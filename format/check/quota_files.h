// Every quota root of a store, also those that the legacy tree of files hides: real Cyrus stops at a file
// without line feed at its end and passes over an empty one (store.md 5.3), and so does the database backend.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "format/meta/quota.h"
#include "format/store/store.h"

namespace cyr::check {

using QuotaVisitor =
    std::function<void(std::string_view name, std::string_view value, const Result<meta::QuotaRoot>& root)>;

// Records in the container's order, then the damaged files of a legacy tree. `value` is what the bytes are,
// "" when they cannot be read at all (the error is then not Errc::corrupt). No database: nothing is visited,
// Errc::not_found.
Status visit_quota_roots(store::Store& store, const QuotaVisitor& visit);

// Writes a record whatever is there now, also over a damaged file.
Status overwrite_quota_root(store::Store& store, const meta::QuotaRoot& root);

// Removes it, damaged or not.
Status erase_quota_root(store::Store& store, const std::string& name);

}  // namespace cyr::check
