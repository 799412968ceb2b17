#include "format/store/refusal.h"

#include <algorithm>
#include <array>

namespace cyr::store {

namespace {

// In the order of the enumeration.
constexpr std::array refusals = {
    RefusalInfo{Refusal::nonexistent, Errc::not_found, "Mailbox does not exist", ""},
    RefusalInfo{Refusal::exists, Errc::exists, "Mailbox already exists", ""},
    RefusalInfo{Refusal::bad_name, Errc::invalid, "Invalid mailbox name", ""},
    RefusalInfo{Refusal::permission, Errc::permission, "Permission denied", ""},
    RefusalInfo{Refusal::not_supported, Errc::unsupported, "Operation is not supported on mailbox", ""},
    RefusalInfo{Refusal::over_quota, Errc::invalid, "Over quota", ""},
    RefusalInfo{Refusal::has_children, Errc::exists, "Mailbox has inferior hierarchical names",
                "HASCHILDREN"},
    RefusalInfo{Refusal::unknown_partition, Errc::config, "Unknown/invalid partition", ""},
    RefusalInfo{Refusal::invalid_identifier, Errc::invalid, "Invalid identifier", ""},
    RefusalInfo{Refusal::unknown_resource, Errc::invalid, "Unsupported quota resource", ""},
    RefusalInfo{Refusal::no_quota_root, Errc::not_found, "Quota root does not exist", ""},
    RefusalInfo{Refusal::rename_and_move, Errc::unsupported,
                "Cross-server or cross-partition move w/rename not supported", ""},
    RefusalInfo{Refusal::special_use, Errc::unsupported, "SPECIAL-USE flag conflict", "USEATTR"},
    RefusalInfo{Refusal::annotation_entry, Errc::invalid, "Invalid annotation entry", ""},
    RefusalInfo{Refusal::annotation_value, Errc::invalid, "Invalid annotation value", ""},
    RefusalInfo{Refusal::bad_parameters, Errc::invalid, "Syntax error in parameters", ""},
};

}  // namespace

const RefusalInfo& info_of(Refusal refusal) { return refusals[static_cast<std::size_t>(refusal)]; }

Error refuse(Refusal refusal) {
  const RefusalInfo& info = info_of(refusal);
  return make_error(info.code, std::string(info.text));
}

std::optional<Refusal> refusal_of(const Error& error) {
  const auto found = std::find_if(refusals.begin(), refusals.end(),
                                  [&](const RefusalInfo& row) { return row.text == error.what; });
  return found == refusals.end() ? std::nullopt : std::optional(found->refusal);
}

}  // namespace cyr::store
