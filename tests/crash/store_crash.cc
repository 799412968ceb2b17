// What an interruption leaves of a whole store: after a power loss at every point of `reconstruct -m`,
// `quota -f` and `reconstruct --to-release`, and after an error of every call of the Io, the same command
// once more completes it, and no mailbox, message, flag, subscription or limit is lost. Arguments and output:
// trial.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <cstdio>
#include <stdexcept>

#include "format/check/quota_check.h"
#include "recon/reconstruct_copy.h"
#include "recon/reconstruct_run.h"
#include "tests/crash/store_site.h"

namespace {

using namespace cyr;
using namespace cyr::test;

// The program's words are not for the table.
class Silence {
 public:
  Silence() {
    std::fflush(stdout);
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (int fd = 1; fd <= 2; ++fd) {
      kept_[fd] = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
      ::dup2(null, fd);
    }
    ::close(null);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    std::fflush(stdout);
    for (int fd = 1; fd <= 2; ++fd) {
      ::dup2(kept_[fd], fd);
      ::close(kept_[fd]);
    }
  }

 private:
  int kept_[3] = {};
};

struct StoreScenario {
  const char* name;
  const char* store;
  void (*prepare)(StoreSite& site);  // may be null; throws
  // `now` differs from run to run, as the ids of their old versions do. The exit status of the program.
  Result<int> (*run)(Io& io, const StoreSite& site, std::int64_t now);
  const char* copy = nullptr;  // the directory below the store's that the result is in
};

Result<std::shared_ptr<const conf::Config>> load(Io& io, const std::string& file) {
  CYR_TRY(auto config, conf::Config::load(io, file, {.ident = "reconstruct", .prefix = {}}));
  return std::make_shared<const conf::Config>(std::move(config));
}

// ---- reconstruct -m ----

recon::ReconstructOptions rebuilding(Io& io, std::int64_t now) {
  recon::ReconstructOptions options;
  options.rebuild_list = true;
  options.quiet = true;
  options.jobs = 1;
  options.check.now = now;
  options.io = &io;
  return options;
}

Result<int> rebuild(Io& io, const StoreSite& site, std::int64_t now) {
  CYR_TRY(auto config, load(io, site.conf()));
  return recon::run_reconstruct(std::move(config), rebuilding(io, now));
}

void lose_list(StoreSite& site) { fs::remove(site / "config/mailboxes.db"); }
void cut_list(StoreSite& site) {
  fs::resize_file(site / "config/mailboxes.db", fs::file_size(site / "config/mailboxes.db") / 2);
}

// ---- quota -f ----

// What is left, for the complaint.
class Remains : public check::Reporter {
 public:
  void report(const check::Finding& finding) override {
    if (finding.outcome == check::Outcome::remains) {
      text += check::text_of(finding) + "; ";
    }
  }
  std::string text;
};

Result<int> count_quotas(Io& io, const StoreSite& site, std::int64_t now) {
  Opened opened(io, site.conf());
  auto roots = opened.store->saved_roots();
  roots.push_back(opened.store->paths().quotas_db().parent_path());
  store::SavedCopies saved(io, roots, fmt::format("crash{}", now), true);
  check::QuotaOptions options;
  options.threads = 1;
  Remains reporter;
  check::QuotaChecker checker(*opened.store, options, saved, opened.locks, reporter);
  CYR_TRY(const auto summary, checker.run());
  return summary.problems == 0 ? Result<int>(0) : make_error(Errc::corrupt, "left: " + reporter.text);
}

void set_root(StoreSite& site, const std::string& name,
              const std::function<void(std::optional<meta::QuotaRoot>& root)>& change) {
  const Opened opened(posix_io(), site.conf());
  const auto quotas = opened.store->quotas();
  const Status done =
      !quotas ? Status(quotas.error()) : (*quotas)->change(name, [&](std::optional<meta::QuotaRoot>& root) {
        change(root);
        return Result<bool>(true);
      });
  if (!done) {
    throw std::runtime_error(done.error().text());
  }
}

// Usage that is wrong; a root that two headers do not name yet; one that nothing is left of.
void disturb_quotas(StoreSite& site) {
  set_root(site, std::string(site_user), [](std::optional<meta::QuotaRoot>& root) {
    if (!root) {
      root.emplace().name = site_user;
    }
    root->limit[0] = 4000;
    root->used = {123456789, 77, 0, 9};
  });
  set_root(site, "user.fred.Work", [](std::optional<meta::QuotaRoot>& root) {
    root.emplace().name = "user.fred.Work";
    root->limit[0] = 500;
    root->limit[1] = 60;
  });
  set_root(site, "user.gone",
           [](std::optional<meta::QuotaRoot>& root) { root.emplace().name = "user.gone"; });
}

// ---- reconstruct --to-release ----

recon::ReconstructOptions converting(Io& io, std::int64_t now, const char* release) {
  auto options = rebuilding(io, now);
  options.release = conf::Release::parse(release);
  options.version = release;
  options.check.accept_loss = true;
  return options;
}

Result<int> convert(Io& io, const StoreSite& site, std::int64_t now, const char* release) {
  CYR_TRY(auto config, load(io, site.conf()));
  return recon::run_reconstruct(std::move(config), converting(io, now, release));
}
Result<int> to_2_4(Io& io, const StoreSite& site, std::int64_t now) { return convert(io, site, now, "2.4"); }
Result<int> to_3_2(Io& io, const StoreSite& site, std::int64_t now) { return convert(io, site, now, "3.2"); }
Result<int> to_3_6(Io& io, const StoreSite& site, std::int64_t now) { return convert(io, site, now, "3.6"); }
Result<int> to_3_12(Io& io, const StoreSite& site, std::int64_t now) {
  return convert(io, site, now, "3.12");
}

constexpr const char* copy_name = "copy";
Result<int> copy_to_2_4(Io& io, const StoreSite& site, std::int64_t now) {
  CYR_TRY(auto config, load(io, site.conf()));
  return recon::run_on_copy(std::move(config), converting(io, now, "2.4"), site / copy_name);
}

// Taken down before, with nothing left of that.
void be_2_4(StoreSite& site) {
  const Silence silence;
  const auto done = to_2_4(posix_io(), site, site_now - 1000);
  if (!done || *done != 0) {
    throw std::runtime_error("not taken down: " + (done ? std::to_string(*done) : done.error().text()));
  }
  for (const char* below : {"config", "spool", "archive", "sieve"}) {
    fs::remove_all(site / below / "undo.");
  }
}

constexpr StoreScenario scenarios[] = {
    {"-m, by id, list lost", "default", lose_list, rebuild},
    {"-m, by name, list lost", "classic", lose_list, rebuild},
    {"-m, list cut", "modern", cut_list, rebuild},
    {"quota -f, files", "classic", disturb_quotas, count_quotas},
    {"quota -f, twoskip", "modern", disturb_quotas, count_quotas},
    {"quota -f, skiplist", "skiplist", disturb_quotas, count_quotas},
    {"3.6 to 2.4", "default", nullptr, to_2_4},
    {"3.6 to 3.2, archive", "modern", nullptr, to_3_2},
    {"3.6 to 2.4 in a copy", "default", nullptr, copy_to_2_4, copy_name},
    {"2.4 to 3.6", "default", be_2_4, to_3_6},
    {"3.6 to 3.12", "classic", nullptr, to_3_12},
};

class StoreSubject final : public Subject {
 public:
  explicit StoreSubject(const StoreScenario& scenario) : scenario_(scenario), site_(scenario.store) {
    if (scenario.prepare != nullptr) {
      scenario.prepare(site_);
    }
  }
  [[nodiscard]] std::string name() const override { return scenario_.name; }
  [[nodiscard]] After after() const override { return After::completed; }
  [[nodiscard]] fs::path root() const override { return site_.root(); }

  Status run(Io& io) override {
    CYR_TRY(const int status, once(io));
    if (usual_ < 0) {
      usual_ = status;
    }
    return status == usual_ ? success() : make_error(Errc::io, fmt::format("exit status {}", status));
  }

  [[nodiscard]] bool promises() const override { return usual_ == 0; }

  // Of a copy, the original too.
  [[nodiscard]] Look look(Io& io) const override {
    Look out = site_.look(io);
    if (scenario_.copy != nullptr) {
      const Look copy = site_.look(io, (site_ / scenario_.copy / "imapd.conf").native());
      out.problems += copy.problems;
      for (const auto& line : copy.lines) {
        out.lines.insert("copy: " + line);
      }
    }
    return out;
  }

  std::string repair(Io& io) override {
    const auto status = once(io);
    if (!status) {
      return status.error().text();
    }
    return *status == 0 || *status == usual_ ? "" : fmt::format("exit status {}", *status);
  }

 private:
  Result<int> once(Io& io) {
    const Silence silence;
    return scenario_.run(io, site_, site_now + runs_++);
  }

  const StoreScenario& scenario_;
  StoreSite site_;
  std::int64_t runs_ = 0;
  int usual_ = -1;  // the exit status when nothing interrupts it
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<NamedSubject> subjects;
  for (const auto& scenario : scenarios) {
    subjects.emplace_back(scenario.name, [&scenario] { return std::make_unique<StoreSubject>(scenario); });
  }
  return run_trials(argc, argv, subjects);
}
