#include "format/check/problem.h"

#include <fmt/args.h>
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "format/base/text.h"

namespace cyr::check {

namespace {

constexpr ProblemRow table[] = {
#define CYR_PROBLEM(code, slug, severity, verb, policy, text) \
  {Problem::slug, #code, #slug, Severity::severity, verb, Policy::policy, text},
#include "format/check/problems.def"
#undef CYR_PROBLEM
};

}  // namespace

std::span<const ProblemRow> problem_table() { return table; }

const ProblemRow& row_of(Problem problem) { return table[static_cast<std::size_t>(problem)]; }

std::string_view name_of(Severity severity) {
  constexpr std::array names{"info", "derived", "damage", "loss"};
  return names[static_cast<std::size_t>(severity)];
}

std::string_view name_of(Outcome outcome) {
  constexpr std::array names{"found", "fixed", "remains"};
  return names[static_cast<std::size_t>(outcome)];
}

std::string text_of(const Finding& finding) {
  const auto number = [](const auto& value) { return value ? std::to_string(*value) : std::string("?"); };
  const std::string text =
      fmt::format(fmt::runtime(row_of(finding.problem).text), fmt::arg("mailbox", finding.mailbox),
                  fmt::arg("uid", number(finding.uid)), fmt::arg("path", finding.path.native()),
                  fmt::arg("offset", number(finding.offset)), fmt::arg("found", finding.found),
                  fmt::arg("expected", finding.expected), fmt::arg("detail", finding.detail));
  return printable(text);
}

std::string json_of(const Finding& finding) {
  const ProblemRow& row = row_of(finding.problem);
  nlohmann::ordered_json line{{"code", row.code}, {"problem", row.slug}, {"severity", name_of(row.severity)}};
  const auto add = [&line](const char* key, const std::string& value) {
    if (!value.empty()) {
      line[key] = value;
    }
  };
  add("mailbox", finding.mailbox);
  if (finding.uid) {
    line["uid"] = *finding.uid;
  }
  add("path", finding.path.native());
  if (finding.offset) {
    line["offset"] = *finding.offset;
  }
  add("found", finding.found);
  add("expected", finding.expected);
  add("detail", finding.detail);
  line["outcome"] = name_of(finding.outcome);
  line["fixed"] = finding.outcome == Outcome::fixed;
  line["text"] = text_of(finding);
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace cyr::check
