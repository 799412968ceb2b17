// What `quota` prints of a root: the table of Cyrus 3.x (tools.md 4.1) and its JSON. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/meta/quota.h"

namespace cyr::check {

// "   Quota   % Used     Used             Resource Root" and a line feed.
[[nodiscard]] std::string_view quota_table_header();
// One line for each resource; with `over` for those only that are used to so many percent of their limit or
// more. `name` is what the root is called outside.
[[nodiscard]] std::string quota_table_lines(const meta::QuotaRoot& root, std::string_view name,
                                            std::optional<std::int64_t> over = {});
// A resource of the root is used to `percent` of its limit or more; a limit of 0 is when anything is used.
[[nodiscard]] bool is_over(const meta::QuotaRoot& root, std::int64_t percent);

struct NamedQuota {
  std::string name;
  meta::QuotaRoot root;
};
// Names ascend; the rest descend, roots without a limit last where it counts: STORAGE used, the highest
// percentage of any resource, the limit of STORAGE.
enum class QuotaOrder : std::uint8_t { name, used, percent, limit };
void sort_quotas(std::vector<NamedQuota>& roots, QuotaOrder order);

// One object keyed by name, indented by 2, as `quota -J` prints it; without line feed. Limits in bytes or
// items.
[[nodiscard]] std::string quota_json(const std::vector<NamedQuota>& roots);
// {"quotaroot": NAME, "STORAGE": {...}, ...} in one line.
[[nodiscard]] std::string quota_json_line(const NamedQuota& root);

}  // namespace cyr::check
