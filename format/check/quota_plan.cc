// What is done about a quota root, decided from what the first pass found. No I/O.
#include "format/check/quota_check.h"

namespace cyr::check {

RootAction decide(const RootTally& root, const QuotaOptions& options) {
  if (root.problem && root.problem->code != Errc::corrupt) {
    return RootAction::leave;  // not even its bytes are known
  }
  if (root.mailboxes.empty() && root.complete) {
    if (!root.record) {
      const bool limits = meta::salvage_quota(root.name, root.value).root.has_limit();
      return limits && !options.remove_unused ? RootAction::rebuild : RootAction::remove;
    }
    return root.record->has_limit() && !options.remove_unused ? RootAction::keep_unused : RootAction::remove;
  }
  if (!root.record) {
    return RootAction::rebuild;
  }
  if (!root.complete) {
    return RootAction::leave;
  }
  const bool right = root.record->used == root.used && !root.record->scan && !root.touched;
  return right && !options.count_all ? RootAction::keep : RootAction::recount;
}

}  // namespace cyr::check
