#include "cyradm/commands/quota_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "format/base/text.h"

namespace cyr::cyradm {

std::string quota_text(const QuotaRoot& root) {
  std::string out;
  for (const auto& resource : root.resources) {
    out += fmt::format(" {} {}/{}", printable(resource.name), resource.used, resource.limit);
    if (resource.limit != 0) {
      const double percent = static_cast<double>(resource.used) * 100 / static_cast<double>(resource.limit);
      out += fmt::format(" ({:.15g}%)", percent);
    }
  }
  return out;
}

void print_quota_json(Session& session, const QuotaRoot& root) {
  if (root.resources.empty()) {
    session.print_json({{"root", root.name}, {"resource", nullptr}});
  }
  for (const auto& resource : root.resources) {
    session.print_json({{"root", root.name},
                        {"resource", resource.name},
                        {"used", resource.used},
                        {"limit", resource.limit}});
  }
}

std::vector<std::string> as_setquota(const QuotaRoot& root) {
  std::vector<std::string> out = {"setquota", root.name};
  for (const auto& resource : root.resources) {
    out.insert(out.end(), {resource.name, std::to_string(resource.limit)});
  }
  if (root.resources.empty()) {
    out.emplace_back("none");
  }
  return out;
}

}  // namespace cyr::cyradm
