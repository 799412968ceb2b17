#include "format/check/quota_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

namespace cyr::check {
namespace {

using Json = nlohmann::ordered_json;

Json resources_of(const meta::QuotaRoot& root) {
  Json out = Json::object();
  for (std::size_t i = 0; i < meta::resource_count; ++i) {
    Json one{{"used", root.used[i]}};
    // As Cyrus: a limit of zero is left out like none.
    if (root.limit[i].value_or(0) != 0) {
      one["limit"] = *root.limit[i] * meta::resources[i].unit;
    }
    out[std::string(meta::resources[i].name)] = std::move(one);
  }
  return out;
}

// `used` of a limit in percent, cut off; 128 bits, since 100 times the usage may not fit 64.
std::int64_t percent_of(std::int64_t used, std::int64_t limit) {
  __extension__ using Wide = __int128;
  return static_cast<std::int64_t>(Wide{used} * 100 / limit);
}

// Exact, where the report's percentage is cut off.
bool is_over(std::int64_t used, std::optional<std::int64_t> limit, std::int64_t unit, std::int64_t percent) {
  __extension__ using Wide = __int128;
  if (!limit) {
    return false;
  }
  return *limit <= 0 ? used > 0 : Wide{used} * 100 >= Wide{*limit} * unit * percent;
}

// The highest of any resource; -1: no limit.
std::int64_t highest_percent(const meta::QuotaRoot& root) {
  std::int64_t out = -1;
  for (std::size_t i = 0; i < meta::resource_count; ++i) {
    const std::int64_t limit = root.limit[i].value_or(-1);
    if (limit > 0) {
      out = std::max(out, percent_of(root.used[i] / meta::resources[i].unit, limit));
    } else if (limit == 0 && root.used[i] > 0) {
      out = std::numeric_limits<std::int64_t>::max();
    }
  }
  return out;
}

}  // namespace

bool is_over(const meta::QuotaRoot& root, std::int64_t percent) {
  bool over = false;
  for (std::size_t i = 0; i < meta::resource_count; ++i) {
    over = over || is_over(root.used[i], root.limit[i], meta::resources[i].unit, percent);
  }
  return over;
}

void sort_quotas(std::vector<NamedQuota>& roots, QuotaOrder order) {
  const auto key = [order](const NamedQuota& one) -> std::int64_t {
    switch (order) {
      case QuotaOrder::name:
        return 0;
      case QuotaOrder::used:
        return one.root.used[0];
      case QuotaOrder::percent:
        return highest_percent(one.root);
      case QuotaOrder::limit:
        return one.root.limit[0].value_or(-1);
    }
    return 0;
  };
  std::stable_sort(roots.begin(), roots.end(), [&](const NamedQuota& a, const NamedQuota& b) {
    return key(a) != key(b) ? key(a) > key(b) : a.name < b.name;
  });
}

std::string_view quota_table_header() { return "   Quota   % Used     Used             Resource Root\n"; }

std::string quota_table_lines(const meta::QuotaRoot& root, std::string_view name,
                              std::optional<std::int64_t> over) {
  std::string out;
  for (std::size_t i = 0; i < meta::resource_count; ++i) {
    if (over && !is_over(root.used[i], root.limit[i], meta::resources[i].unit, *over)) {
      continue;
    }
    const std::int64_t used = root.used[i] / meta::resources[i].unit;
    const std::int64_t limit = root.limit[i].value_or(-1);
    const std::string front = limit > 0    ? fmt::format(" {:7} {:8}", limit, percent_of(used, limit))
                              : limit == 0 ? fmt::format(" {:7}         ", 0)
                                           : std::string(17, ' ');
    out += fmt::format("{} {:8} {:>20} {}\n", front, used, meta::resources[i].name, name);
  }
  return out;
}

std::string quota_json(const std::vector<NamedQuota>& roots) {
  Json out = Json::object();
  for (const auto& root : roots) {
    out[root.name] = resources_of(root.root);
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string quota_json_line(const NamedQuota& root) {
  Json out{{"quotaroot", root.name}};
  out.update(resources_of(root.root));
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cyr::check
