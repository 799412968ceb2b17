#include "format/meta/quota.h"

#include <fmt/format.h>

#include <limits>

#include "format/base/text.h"
#include "format/text/dlist.h"

namespace cyr::meta {
namespace {

// Signed 64-bit. 2.1 wrote unsigned long: an underflow there is a huge number and means the negative one.
std::optional<std::int64_t> parse_usage(std::string_view text) {
  if (const auto value = parse_number<std::int64_t>(text)) {
    return value;
  }
  if (const auto value = parse_number<std::uint64_t>(text)) {
    return static_cast<std::int64_t>(*value);
  }
  return {};
}

std::optional<std::int64_t> limit_of(std::int64_t number) {
  return number < 0 ? std::nullopt : std::optional<std::int64_t>(number);
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && is_space(text[at])) {
      ++at;
    }
    const std::size_t from = at;
    while (at < text.size() && !is_space(text[at])) {
      ++at;
    }
    if (at > from) {
      words.push_back(text.substr(from, at - from));
    }
  }
  return words;
}

std::optional<std::size_t> resource_of_key(std::string_view key) {
  for (std::size_t i = 0; i < resource_count; ++i) {
    if (equal_ignoring_case(resources[i].key, key)) {
      return i;
    }
  }
  return {};
}

// "USED LIMIT [SCAN]", then "NAME USED LIMIT [SCAN]" for more resources (development releases before 2.5).
Result<QuotaRoot> decode_text_quota(QuotaRoot root, std::string_view value) {
  const auto words = words_of(value);
  std::size_t resource = 0;
  std::size_t at = 0;
  root.form = QuotaForm::text;
  while (at < words.size() || at == 0) {
    if (at != 0) {
      const auto next = resource_of_key(words[at]);
      if (!next) {
        return corrupt(fmt::format("'{}' is no quota resource", printable(words[at])));
      }
      resource = *next;
      root.form = QuotaForm::dlist;
      ++at;
    }
    const auto used = at < words.size() ? parse_usage(words[at]) : std::nullopt;
    const auto limit = at + 1 < words.size() ? parse_usage(words[at + 1]) : std::nullopt;
    if (!used || !limit) {
      return corrupt("no usage and limit in the quota record", 0);
    }
    root.used[resource] = *used;
    root.limit[resource] = limit_of(*limit);
    at += 2;
    if (at < words.size() && parse_usage(words[at])) {
      ++at;  // the sum of a `quota -f` that was interrupted
    }
  }
  return root;
}

Status decode_resource(const text::Item& map, std::size_t resource, QuotaRoot& root) {
  const text::Item* item = map.find(resources[resource].key);
  if (item == nullptr || item->is_nil()) {
    return success();
  }
  const bool has_numbers = item->is_list() && !item->items.empty() && item->items[0].is_string();
  const auto used = has_numbers ? parse_usage(item->items[0].text) : std::nullopt;
  if (!used) {
    return corrupt(fmt::format("resource {} has no usage", resources[resource].key));
  }
  root.used[resource] = *used;
  if (item->items.size() > 1) {
    const auto limit = item->items[1].is_string() ? parse_usage(item->items[1].text) : std::nullopt;
    if (!limit) {
      return corrupt(fmt::format("the limit of resource {} is no number", resources[resource].key));
    }
    root.limit[resource] = limit_of(*limit);
  }
  return success();
}

// Sums that cannot be read are dropped: they are of a run that ended, and the next one starts anew.
std::optional<QuotaScan> decode_scan(const text::Item* item) {
  if (item == nullptr || !item->is_map()) {
    return {};
  }
  QuotaScan scan;
  const auto mailbox = item->string_at("MBOX");
  if (!mailbox) {
    return {};
  }
  scan.mailbox = *mailbox;
  for (std::size_t i = 0; i < resource_count; ++i) {
    if (const auto number = item->string_at(resources[i].key)) {
      const auto used = parse_usage(*number);
      if (!used) {
        return {};
      }
      scan.used[i] = *used;
    }
  }
  return scan;
}

Result<QuotaRoot> decode_dlist_quota(QuotaRoot root, std::string_view value) {
  CYR_TRY(const text::Item map, text::parse_dlist(value));
  if (!map.is_map()) {
    return corrupt("the quota record is no map", 0);
  }
  for (std::size_t i = 0; i < resource_count; ++i) {
    CYR_CHECK(decode_resource(map, i, root));
  }
  root.scan = decode_scan(map.find("SCAN"));
  root.form = map.find("MODSEQ") != nullptr ? QuotaForm::dlist_modseq : QuotaForm::dlist;
  root.modseq = map.number_at("MODSEQ").value_or(0);
  return root;
}

}  // namespace

Usage add(const Usage& a, const Usage& b) {
  Usage sum{};
  for (std::size_t i = 0; i < resource_count; ++i) {
    if (__builtin_add_overflow(a[i], b[i], &sum[i])) {
      sum[i] = b[i] > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
    }
  }
  return sum;
}

bool QuotaRoot::has_limit() const {
  for (const auto& one : limit) {
    if (one) {
      return true;
    }
  }
  return false;
}

Result<QuotaRoot> decode_quota(std::string_view name, std::string_view value) {
  QuotaRoot root;
  root.name = name;
  return value.starts_with('%') ? decode_dlist_quota(std::move(root), value)
                                : decode_text_quota(std::move(root), value);
}

SalvagedQuota salvage_quota(std::string_view name, std::string_view value) {
  SalvagedQuota out;
  out.root.name = name;
  for (std::size_t i = 0; i < resource_count; ++i) {
    const std::string front = fmt::format("{} (", resources[i].key);
    const std::size_t at = value.find(front);
    const std::size_t end = at == std::string_view::npos ? at : value.find(')', at);
    // "S (" is also the end of "AS (".
    const bool whole = end != std::string_view::npos && (at == 0 || !is_alpha(value[at - 1]));
    const auto words = whole ? words_of(value.substr(at + front.size(), end - at - front.size()))
                             : std::vector<std::string_view>();
    const auto used = words.empty() ? std::nullopt : parse_usage(words[0]);
    const auto limit = words.size() < 2 ? std::optional<std::int64_t>(-1) : parse_usage(words[1]);
    if (!used || !limit) {
      out.lost.push_back(static_cast<Resource>(i));
      continue;
    }
    out.root.used[i] = *used;
    out.root.limit[i] = limit_of(*limit);
  }
  constexpr std::string_view modseq = " MODSEQ ";
  if (const std::size_t at = value.find(modseq); at != std::string_view::npos) {
    const std::string_view rest = value.substr(at + modseq.size());
    const std::string_view digits = rest.substr(0, rest.find_first_not_of("0123456789"));
    out.root.modseq = parse_number<std::uint64_t>(digits).value_or(0);
  }
  return out;
}

std::string encode_quota(const QuotaRoot& root) {
  if (root.form == QuotaForm::text) {
    return fmt::format("{} {}", root.used[0], root.limit[0].value_or(-1));
  }
  std::string out = "%(";
  for (std::size_t i = 0; i < resource_count; ++i) {
    fmt::format_to(std::back_inserter(out), "{}{} ({}", i == 0 ? "" : " ", resources[i].key, root.used[i]);
    if (root.limit[i]) {
      fmt::format_to(std::back_inserter(out), " {}", *root.limit[i]);
    }
    out += ')';
  }
  if (root.scan) {
    out += " SCAN %(MBOX " + text::print_dlist(text::Item::string(root.scan->mailbox));
    for (std::size_t i = 0; i < resource_count; ++i) {
      fmt::format_to(std::back_inserter(out), " {} {}", resources[i].key, root.scan->used[i]);
    }
    out += ')';
  }
  if (root.form == QuotaForm::dlist_modseq) {
    fmt::format_to(std::back_inserter(out), " MODSEQ {}", root.modseq);
  }
  return out += ')';
}

bool in_domain(std::string_view name, std::string_view domain) {
  const std::size_t bang = name.find('!');
  return (bang == std::string_view::npos ? std::string_view() : name.substr(0, bang)) == domain;
}

bool covers(std::string_view root, std::string_view mailbox) {
  if (!mailbox.starts_with(root)) {
    return false;
  }
  return mailbox.size() == root.size() || mailbox[root.size()] == '.' || root.ends_with('!');
}

std::vector<std::string> quota_root_candidates(std::string_view mailbox) {
  const std::size_t bang = mailbox.find('!');
  const std::size_t domain_size = bang == std::string_view::npos ? 0 : bang + 1;
  std::vector<std::string> candidates;
  for (std::size_t end = mailbox.size(); end > domain_size && end != std::string_view::npos;) {
    candidates.emplace_back(mailbox.substr(0, end));
    const std::size_t dot = mailbox.rfind('.', end - 1);
    end = dot == std::string_view::npos || dot < domain_size ? 0 : dot;
  }
  if (domain_size != 0) {
    candidates.emplace_back(mailbox.substr(0, domain_size));
  }
  return candidates;
}

std::string_view QuotaRootFinder::find(std::string_view mailbox) const {
  for (const auto& candidate : quota_root_candidates(mailbox)) {
    if (const auto found = names_.find(candidate); found != names_.end()) {
      return *found;
    }
  }
  return {};
}

Result<std::optional<QuotaRoot>> Quotas::get(std::string_view name) {
  CYR_TRY(const auto value, database_->get(name));
  if (!value) {
    return std::optional<QuotaRoot>();
  }
  CYR_TRY(auto root, decode_quota(name, *value));
  return std::optional<QuotaRoot>(std::move(root));
}

Status Quotas::for_each(std::string_view prefix, const Visitor& visit) {
  return database_->for_each(prefix, [&](std::string_view name, std::string_view value) -> Result<db::Visit> {
    const auto root = decode_quota(name, value);
    return visit(name, value, root);
  });
}

Status Quotas::change(std::string_view name, const QuotaChange& change) {
  CYR_TRY(auto transaction, database_->begin());
  CYR_TRY(const auto value, transaction->get(name));
  std::optional<QuotaRoot> root;
  if (value) {
    CYR_TRY(root, decode_quota(name, *value));
  }
  CYR_TRY(const bool write, change(root));
  if (!write) {
    return transaction->abort();
  }
  if (root) {
    CYR_CHECK(transaction->put(name, encode_quota(*root)));
  } else {
    CYR_CHECK(transaction->erase(name));
  }
  return transaction->commit();
}

Result<std::optional<std::string>> Quotas::find_root(std::string_view mailbox) {
  for (auto& candidate : quota_root_candidates(mailbox)) {
    CYR_TRY(const auto value, database_->get(candidate));
    if (value) {
      return std::optional<std::string>(std::move(candidate));
    }
  }
  return std::optional<std::string>();
}

}  // namespace cyr::meta
