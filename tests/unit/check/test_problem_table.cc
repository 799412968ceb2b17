// The problem table: codes unique and sorted, texts that can be filled, every code in reconstruct(8).
#include <set>
#include <string>

#include "format/check/problem.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

using namespace cyr;

TEST_CASE("problem codes are unique and sorted, slugs are unique", "[problems]") {
  std::string last;
  std::set<std::string_view> slugs;
  for (const auto& row : check::problem_table()) {
    CAPTURE(row.code);
    CHECK(std::string(row.code) > last);
    last = row.code;
    CHECK(slugs.insert(row.slug).second);
    CHECK(&check::row_of(row.problem) == &row);
    CHECK_FALSE(row.verb.empty());
  }
}

TEST_CASE("every problem's text takes the values of a finding", "[problems]") {
  for (const auto& row : check::problem_table()) {
    CAPTURE(row.code);
    check::Finding finding;
    finding.problem = row.problem;
    finding.mailbox = "user.bovik";
    finding.uid = 7;
    finding.path = "/spool/7.";
    finding.offset = 12;
    finding.found = "A";
    finding.expected = "B";
    finding.detail = "C";
    const std::string text = check::text_of(finding);
    CHECK(text.find('{') == std::string::npos);
    CHECK_FALSE(text.empty());
    CHECK(check::json_of(finding).find("\"code\":\"" + std::string(row.code) + "\"") != std::string::npos);
  }
}

TEST_CASE("a hostile name cannot break a line of output", "[problems]") {
  check::Finding finding;
  finding.problem = check::Problem::odd_file;
  finding.mailbox = "user.x";
  finding.path = "/spool/a\nb\x1b[2J";
  CHECK(check::text_of(finding).find('\n') == std::string::npos);
  CHECK(check::text_of(finding).find('\x1b') == std::string::npos);
}

TEST_CASE("every problem is described in a manual page", "[problems]") {
  const fs::path man = fs::path(CYRKIT_SOURCE_DIR) / "man";
  const std::string pages = test::read_text(man / "reconstruct.8") + test::read_text(man / "quota.8");
  for (const auto& row : check::problem_table()) {
    CAPTURE(row.code);
    CHECK(pages.find(row.code) != std::string::npos);
  }
}

TEST_CASE("words of real Cyrus", "[problems]") {
  check::Finding finding;
  finding.problem = check::Problem::message_missing;
  finding.mailbox = "user.alice";
  finding.uid = 3;
  CHECK(check::text_of(finding) == "user.alice uid 3 not found");
  finding.problem = check::Problem::message_rediscovered;
  CHECK(check::text_of(finding) == "user.alice uid 3 rediscovered - appending");
  finding.problem = check::Problem::total_counter;
  finding.detail = "exists";
  finding.found = "6";
  finding.expected = "5";
  CHECK(check::text_of(finding) == "user.alice: updating exists 6 => 5");
}
