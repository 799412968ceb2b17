// The problem table (problems.def) as types, and one finding of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::check {

enum class Severity : std::uint8_t { info, derived, damage, loss };
enum class Policy : std::uint8_t {
  safe,   // repaired whenever changes are allowed
  ask,    // only with the option made for it
  never,  // reported only
};

// Named by what is wrong; the code ("F501") is for people and scripts.
enum class Problem : std::uint16_t {
#define CYR_PROBLEM(code, slug, severity, verb, policy, text) slug,
#include "format/check/problems.def"
#undef CYR_PROBLEM
};

struct ProblemRow {
  Problem problem;
  std::string_view code;
  std::string_view slug;
  Severity severity;
  std::string_view verb;
  Policy policy;
  std::string_view text;
};
[[nodiscard]] std::span<const ProblemRow> problem_table();
[[nodiscard]] const ProblemRow& row_of(Problem problem);
[[nodiscard]] std::string_view name_of(Severity severity);

// What happened to a finding.
enum class Outcome : std::uint8_t {
  found,    // dry run: would be repaired
  fixed,    // repaired, or about to be with the mailbox's commit
  remains,  // left as it is
};
[[nodiscard]] std::string_view name_of(Outcome outcome);

struct Finding {
  Problem problem{};
  std::string mailbox;               // internal name; empty for the whole store
  std::optional<std::uint32_t> uid;  // or the number of a user flag, for H120 and H121
  fs::path path;
  std::optional<std::uint64_t> offset;  // bytes
  std::string found, expected, detail;  // as the row's text uses them
  Outcome outcome = Outcome::found;
};

// The row's text with its places filled, control characters made visible; one line without a line feed.
[[nodiscard]] std::string text_of(const Finding& finding);
// {"code":"R310","problem":"message_missing",...}: one JSON object without a line feed (reconstruct --json).
[[nodiscard]] std::string json_of(const Finding& finding);

}  // namespace cyr::check
