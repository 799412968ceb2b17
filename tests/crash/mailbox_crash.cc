// What an interruption leaves of a mailbox: after a power loss at every point of an operation, and after an
// error of every call of the Io, the store is in the old or in the new state, or one more reconstruct takes
// it there, and no message is lost or doubled. Arguments and output: trial.h.
#include "tests/crash/mailbox_scenarios.h"

namespace {

using namespace cyr;
using namespace cyr::test;

class MailboxSubject final : public Subject {
 public:
  explicit MailboxSubject(const MailboxScenario& scenario) : scenario_(scenario), site_(scenario.store) {
    if (scenario.prepare != nullptr) {
      scenario.prepare(site_);
    }
  }
  [[nodiscard]] std::string name() const override { return scenario_.name; }
  [[nodiscard]] After after() const override { return scenario_.after; }
  [[nodiscard]] fs::path root() const override { return site_.root(); }
  Status run(Io& io) override {
    Opened opened(io, site_.conf());
    return scenario_.run(opened);
  }
  [[nodiscard]] Look look(Io& io) const override { return site_.look(io); }
  std::string repair(Io& io) override { return site_.repair(io); }

 private:
  const MailboxScenario& scenario_;
  Site site_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<NamedSubject> subjects;
  for (const auto& scenario : mailbox_scenarios()) {
    subjects.emplace_back(scenario.name, [&scenario] { return std::make_unique<MailboxSubject>(scenario); });
  }
  return run_trials(argc, argv, subjects);
}
