// What `quota` prints of a root: the table of Cyrus 3.x (tools.md 4.1) and its JSON. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/meta/quota.h"

namespace cyr::check {

// "   Quota   % Used     Used             Resource Root" and a line feed.
[[nodiscard]] std::string_view quota_table_header();
// One line for each resource. `name` is what the root is called outside.
[[nodiscard]] std::string quota_table_lines(const meta::QuotaRoot& root, std::string_view name);

struct NamedQuota {
  std::string name;
  meta::QuotaRoot root;
};
// One object keyed by name, indented by 2, as `quota -J` prints it; without line feed. Limits in bytes or
// items.
[[nodiscard]] std::string quota_json(const std::vector<NamedQuota>& roots);
// {"quotaroot": NAME, "STORAGE": {...}, ...} in one line.
[[nodiscard]] std::string quota_json_line(const NamedQuota& root);

}  // namespace cyr::check
