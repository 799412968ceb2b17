// A scratch store, damages on it, and checks of its mailboxes.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "format/check/checker.h"
#include "format/mailbox/index_file.h"
#include "format/store/select.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

namespace cyr::test {

struct Findings {
  [[nodiscard]] std::size_t count(check::Problem problem) const {
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [problem](const auto& one) { return one.problem == problem; }));
  }
  std::vector<check::Finding> all;
};

class Collector : public check::Reporter {
 public:
  explicit Collector(Findings& into) : into_(into) {}
  void report(const check::Finding& finding) override { into_.all.push_back(finding); }

 private:
  Findings& into_;
};

// Checks the mailbox of a target, or everything.
struct Bench {
  explicit Bench(const std::string& store_name, Io& which = posix_io()) : temp(store_name), io(which) {}

  Findings run(const std::string& argument, check::Options options = {}) {
    Findings findings;
    Collector collector(findings);
    auto store = store::Store::open(io, temp.conf());
    REQUIRE_OK(store);
    auto selection = store::select_mailboxes(
        **store, argument.empty() ? std::vector<std::string>{} : std::vector{argument}, {});
    REQUIRE_OK(selection);
    REQUIRE(selection->unmatched.empty());
    store::SavedCopies saved(io, (*store)->saved_roots(), "run" + std::to_string(++runs), true);
    store::UserLocks locks;
    check::Checker checker(**store, options, saved, locks);
    for (const auto& entry : selection->entries) {
      CAPTURE(entry.name);
      const auto summary = checker.mailbox(entry, collector);
      REQUIRE_OK(summary);
      last = *summary;
    }
    return findings;
  }

  [[nodiscard]] mailbox::IndexImage index(const std::string& target = "user_bovik") const {
    const auto where = temp.target(target);
    const auto file = posix_io().read_file(temp / where.at("meta") / "cyrus.index");
    REQUIRE_OK(file);
    const auto image = mailbox::decode_index(file->bytes());
    REQUIRE_OK(image);
    return *image;
  }

  TempStore temp;
  Io& io;
  check::Summary last;
  int runs = 0;
};

// Everything of a record that a repair must not change.
inline bool same_facts(const mailbox::IndexRecord& a, const mailbox::IndexRecord& b) {
  return a.uid == b.uid && a.internaldate == b.internaldate && a.system_flags == b.system_flags &&
         a.user_flags == b.user_flags && a.guid == b.guid && a.size == b.size && a.cid == b.cid;
}

}  // namespace cyr::test
