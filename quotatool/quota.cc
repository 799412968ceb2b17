// quota: reports quota roots, and with -f counts them again (quota.8, tools.md 4).
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/check/quota_check.h"
#include "format/check/quota_report.h"
#include "format/check/quota_select.h"
#include "format/check/quota_set.h"
#include "format/cli/app.h"
#include "format/store/quota_limits.h"

namespace {

using namespace cyr;

struct Arguments {
  cli::CommonOptions common;
  check::QuotaArguments which;
  bool fix = false;
  bool dry_run = false;
  bool quiet = false;
  bool json_report = false;
  bool test_sync = false;
  bool remove_unused = false;
  bool no_keep = false;
  unsigned threads = 0;
  std::optional<std::int64_t> over;  // percent
  check::QuotaOrder order = check::QuotaOrder::name;
  bool sorted = false;
  std::vector<std::tuple<std::string, std::string, std::string>> set;  // root, resource, limit
};

const std::map<std::string, check::QuotaOrder> orders{{"name", check::QuotaOrder::name},
                                                      {"used", check::QuotaOrder::used},
                                                      {"percent", check::QuotaOrder::percent},
                                                      {"limit", check::QuotaOrder::limit}};

void add_options(CLI::App& app, Arguments& arguments) {
  cli::add_common_options(app, arguments.common);
  app.add_option("-d,--domain", arguments.which.domain, "only the roots of this domain")->type_name("DOMAIN");
  app.add_flag("-f,--fix", arguments.fix, "count again, correct quota roots in headers, remove unused roots");
  app.add_flag("-n,--report-only", arguments.dry_run,
               "with -f: only say what would be done; changes nothing");
  app.add_flag("-q,--quiet", arguments.quiet, "with -f: no report afterwards");
  app.add_flag("-J", arguments.json_report, "report as one JSON object");
  app.add_flag("-u,--userids", arguments.which.users, "the arguments are user ids");
  app.add_flag("-Z,--test-sync-mode", arguments.test_sync, "wait for files in quota-sync (for tests)");
  app.add_flag("--remove-unused", arguments.remove_unused,
               "with -f: also remove unused roots that have a limit");
  app.add_flag("--no-keep", arguments.no_keep, "do not keep old versions of what is changed");
  app.add_option("-j,--jobs", arguments.threads, "mailboxes read at the same time")->type_name("N");
  app.add_option(
         "--over", arguments.over,
         "only what is used to so many percent of its limit or more; nothing at all when there is none")
      ->type_name("PERCENT")
      ->check(CLI::Range(0, 1000000));
  app.add_option("--sort", arguments.order, "order of the report: name, used, percent or limit")
      ->type_name("KEY")
      ->transform(CLI::Validator(
          [](std::string& key) {
            const auto order = orders.find(lower_ascii(key));
            if (order == orders.end()) {
              return "'" + printable(key) + "' is no order: name, used, percent or limit";
            }
            key = std::to_string(static_cast<int>(order->second));
            return std::string();
          },
          ""))
      ->each([&arguments](const std::string&) { arguments.sorted = true; });
  app.add_option("--set", arguments.set,
                 "set a limit: a number in the resource's unit (K, M, G, T multiply by 1024) or none")
      ->type_name("ROOT RESOURCE LIMIT");
  app.add_option("name", arguments.which.names, "mailboxes, with everything below them; * and % match");
}

class Printer : public check::Reporter {
 public:
  explicit Printer(bool json) : json_(json) {}
  void report(const check::Finding& finding) override {
    if (finding.problem == check::Problem::quota_unused) {
      removed_.insert(finding.mailbox);
    }
    const std::string text = check::text_of(finding);
    if (json_) {
      std::printf("%s\n", check::json_of(finding).c_str());
    } else {
      std::fprintf(stderr, "%s\n", text.c_str());
    }
    log_line(finding.outcome == check::Outcome::remains ? LogLevel::error : LogLevel::notice, text);
  }
  [[nodiscard]] const std::set<std::string>& removed() const { return removed_; }

 private:
  bool json_;
  std::set<std::string> removed_;
};

// -Z: a test makes CONFIGDIR/quota-sync/NAME to let the next mailbox be counted.
void wait_for_signal(Io& io, const fs::path& file, const std::string& mailbox) {
  using namespace std::chrono_literals;
  constexpr int polls_per_second = 50;
  constexpr int most_seconds = 30;
  log(LogLevel::notice, "quota -Z waiting for signal to do {}", mailbox);
  for (int i = 0; i < most_seconds * polls_per_second; ++i) {
    const auto there = io.exists(file);
    if (there && *there) {
      if (i == 0) {
        log(LogLevel::notice, "quota -Z did not wait");
      } else {
        log(LogLevel::notice, "quota -Z waited {}.{:03} sec", i / polls_per_second,
            i % polls_per_second * 20);
      }
      return;
    }
    std::this_thread::sleep_for(20ms);
  }
  log(LogLevel::notice, "quota -Z timed out");
}

check::QuotaOptions quota_options(const Arguments& arguments, check::QuotaSelection selection,
                                  store::Store& store) {
  check::QuotaOptions options;
  options.selection = std::move(selection);
  options.remove_unused = arguments.remove_unused;
  options.threads =
      arguments.threads != 0 ? arguments.threads : std::max(2U, std::thread::hardware_concurrency());
  options.stop = &cli::stop_requested();
  if (arguments.test_sync) {
    options.count_all = true;
    Io& io = store.io();
    const fs::path folder = store.paths().config_directory() / "quota-sync";
    options.before_mailbox = [&io, folder](const std::string& name) {
      wait_for_signal(io, folder / name, name);
    };
    options.after_mailbox = [&io, folder](const std::string& name) {
      (void)io.unlink(folder / name);  // the test may have taken it away itself
      log(LogLevel::notice, "quota -Z done with {}", name);
    };
  }
  return options;
}

std::vector<fs::path> saved_roots(const store::Store& store) {
  auto roots = store.saved_roots();
  roots.push_back(store.paths().quotas_db().parent_path());
  return roots;
}

Result<bool> fix(store::Store& store, const Arguments& arguments, const check::QuotaSelection& selection,
                 Printer& printer) {
  store::SavedCopies saved(store.io(), saved_roots(store),
                           store::new_saved_id(std::time(nullptr), ::getpid()), !arguments.no_keep);
  store::UserLocks locks;
  check::QuotaChecker checker(store, quota_options(arguments, selection, store), saved, locks, printer);
  CYR_TRY(const auto summary, checker.run());
  if (arguments.common.verbose > 0) {
    std::fprintf(
        stderr, "%llu roots, %llu mailboxes, %llu changes, %llu problems left\n",
        static_cast<unsigned long long>(summary.roots), static_cast<unsigned long long>(summary.mailboxes),
        static_cast<unsigned long long>(summary.changed), static_cast<unsigned long long>(summary.problems));
    for (const auto& directory : saved.directories()) {
      std::fprintf(stderr, "old versions are kept in %s\n", printable(directory.native()).c_str());
    }
  }
  return summary.problems == 0;
}

// "100", "20M" ... in the resource's unit, so that "1G" of STORAGE is 1 GiB: its unit is a kibibyte.
Result<std::optional<std::int64_t>> limit_of(const std::string& text, meta::Resource resource) {
  if (equal_ignoring_case(text, "none") || equal_ignoring_case(text, "unlimited") || text == "-1") {
    return std::optional<std::int64_t>();
  }
  constexpr std::string_view letters = "KMGT";
  const std::size_t letter = text.empty() ? std::string_view::npos : letters.find(text.back() & ~0x20);
  const auto number =
      parse_number<std::int64_t>(letter == std::string_view::npos ? text : text.substr(0, text.size() - 1));
  // STORAGE is in KiB already.
  const bool kibibytes = meta::resources[static_cast<std::size_t>(resource)].unit == 1024;
  const int shift =
      letter == std::string_view::npos ? 0 : static_cast<int>(letter + (kibibytes ? 0 : 1)) * 10;
  if (!number || *number < 0 || *number > (std::int64_t{1} << 52) >> shift) {
    return make_error(Errc::invalid, "'" + printable(text) + "' is no limit")
        .with_hint("a number, one with K, M, G or T behind it, or none");
  }
  return std::optional(*number << shift);
}

std::string limit_text(const std::optional<std::int64_t>& limit) {
  return limit ? std::to_string(*limit) : "none";
}

// --set. The roots to count again, so that a new root has its mailboxes.
Result<std::vector<std::string>> set_limits(store::Store& store, const Arguments& arguments) {
  store::SavedCopies saved(store.io(), saved_roots(store),
                           store::new_saved_id(std::time(nullptr), ::getpid()), !arguments.no_keep);
  std::vector<std::string> counted;
  for (const auto& [name, resource, limit] : arguments.set) {
    check::QuotaArguments one;
    one.names = {name};
    one.users = arguments.which.users;
    CYR_TRY(const auto selection, check::select_quotas(store, one));
    if (selection.names.size() != 1) {
      return make_error(Errc::invalid,
                        "--set needs the name of one quota root, not '" + printable(name) + "'");
    }
    check::QuotaSetting setting{.root = selection.names.front(), .resource = {}, .limit = {}};
    const auto known = store::resource_of(resource);
    if (!known) {
      return make_error(Errc::invalid, "no quota resource '" + printable(resource) + "'")
          .with_hint("STORAGE, MESSAGE, X-ANNOTATION-STORAGE or X-NUM-FOLDERS");
    }
    setting.resource = *known;
    CYR_TRY(setting.limit, limit_of(limit, *known));
    CYR_TRY(const auto done, check::set_quota_limit(store, setting, saved));
    const std::string text = printable(setting.root) + ": " +
                             std::string(meta::resources[static_cast<std::size_t>(setting.resource)].name) +
                             (store.io().read_only() ? " limit is " : " limit was ") +
                             limit_text(done.before) + (store.io().read_only() ? ", would be " : ", now ") +
                             limit_text(setting.limit) + (done.created ? " (a new root)" : "");
    std::fprintf(stderr, "%s\n", text.c_str());
    log_line(LogLevel::notice, text);
    if (done.created) {
      CYR_TRY(auto root, check::outermost_root(store, setting.root));
      counted.push_back(std::move(root));
    }
  }
  return counted;
}

void print_report(store::Store& store, const Arguments& arguments, const check::QuotaListing& listing,
                  const std::set<std::string>& removed) {
  std::vector<check::NamedQuota> roots;
  for (const auto& root : listing.roots) {
    if (!removed.contains(root.name) && (!arguments.over || check::is_over(root, *arguments.over))) {
      const bool domain = root.name.ends_with('!');
      roots.push_back(
          {domain ? "@" + root.name.substr(0, root.name.size() - 1) : store.external_name(root.name), root});
    }
  }
  if (arguments.sorted) {
    check::sort_quotas(roots, arguments.order);
  }
  if (arguments.json_report) {
    std::printf("%s\n", check::quota_json(roots).c_str());
    return;
  }
  // cron sends what is printed: nothing over the limit, no mail.
  if (!arguments.common.json && !(arguments.over && roots.empty())) {
    std::fputs(std::string(check::quota_table_header()).c_str(), stdout);
  }
  for (const auto& root : roots) {
    const std::string text = arguments.common.json
                                 ? check::quota_json_line(root) + "\n"
                                 : check::quota_table_lines(root.root, printable(root.name), arguments.over);
    std::fputs(text.c_str(), stdout);
  }
}

Result<int> run(const Arguments& arguments) {
  CYR_TRY(auto config, cli::start_program(arguments.common, "quota"));
  cli::install_stop_handlers();
  const bool read_only = !(arguments.fix || !arguments.set.empty()) || arguments.dry_run;
  CYR_TRY(auto store, store::Store::open(read_only ? read_only_io() : posix_io(),
                                         std::make_shared<const conf::Config>(std::move(config))));
  CYR_TRY(const auto counted, set_limits(*store, arguments));
  CYR_TRY(const auto selection, check::select_quotas(*store, arguments.which));
  Printer printer(arguments.common.json);
  if (!counted.empty() && !store->io().read_only()) {
    store->close_databases();
    CYR_TRY([[maybe_unused]] const bool fixed,
            fix(*store, arguments, {.names = counted, .patterns = {}, .domain = {}}, printer));
  }
  if (!arguments.set.empty() && !arguments.fix && arguments.which.names.empty()) {
    return int{cli::exit_ok};
  }
  // Whoever counts everything and prints nothing needs no listing.
  const bool names_given = !arguments.which.names.empty();
  const bool prints = !(arguments.quiet && arguments.fix);
  check::QuotaListing listing;
  if (!arguments.fix || names_given) {
    CYR_TRY(listing, check::list_quotas(*store, selection));
  }
  bool good = true;
  for (const auto& name : listing.unmatched) {
    cli::print_error("quota",
                     make_error(Errc::not_found, "no quota root or mailbox '" + printable(name) + "'"));
    good = false;
  }
  if (arguments.fix && (good || listing.unmatched.size() < arguments.which.names.size())) {
    CYR_TRY(const bool fixed, fix(*store, arguments, selection, printer));
    good = good && fixed;
    if (prints) {
      CYR_TRY(listing, check::list_quotas(*store, selection));
    }
  }
  if (!arguments.fix) {
    for (const auto& [name, error] : listing.unreadable) {
      cli::print_error("quota",
                       Error(error).at(name).with_hint("quota -f keeps the old record and counts it anew"));
      good = false;
    }
  }
  if (prints) {
    print_report(*store, arguments, listing, printer.removed());
  }
  return good || arguments.common.compat_exit ? cli::exit_ok : cli::exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("report quota roots, and count them again", "quota");
  Arguments arguments;
  add_options(app, arguments);
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("quota", [&] { return run(arguments); });
}
