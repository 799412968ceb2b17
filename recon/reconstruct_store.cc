#include "recon/reconstruct_store.h"

#include <fmt/format.h>

#include <cstdio>

#include "format/base/text.h"
#include "format/check/invariants.h"
#include "format/check/quota_check.h"
#include "format/cli/common.h"
#include "format/cli/printer.h"
#include "recon/reconstruct_users.h"

namespace cyr::recon {

Result<StepTotals> mend_store_users(store::Store& store, const ReconstructOptions& options,
                                    store::SavedCopies& saved, store::UserLocks& locks,
                                    std::map<std::string, names::UserId> inboxes) {
  check::UsersOptions how;
  how.inboxes = std::move(inboxes);
  how.stop = &cli::stop_requested();
  CYR_TRY(const auto summary,
          check::mend_users(store, how, saved, locks, [&](const check::UserFinding& finding) {
            print_user_finding(finding, options.json, options.dry_run);
          }));
  return StepTotals{summary.changed + summary.left, summary.left, summary.failed};
}

Result<StepTotals> mend_store_quotas(store::Store& store, const ReconstructOptions& options,
                                     const ReportStyle& style, store::SavedCopies& saved,
                                     store::UserLocks& locks) {
  check::QuotaOptions quota;
  quota.stop = &cli::stop_requested();
  MailboxReport report(style);
  store.close_databases();
  check::QuotaChecker checker(store, quota, saved, locks, report);
  const auto summary = checker.run();
  std::fwrite(report.out.data(), 1, report.out.size(), stdout);
  std::fwrite(report.err.data(), 1, report.err.size(), stderr);
  if (!summary) {
    // A store without quotas is none the worse for it.
    return summary.error().code == Errc::not_found ? StepTotals{} : Result<StepTotals>(summary.error());
  }
  return StepTotals{summary->changed + summary->problems,
                    options.dry_run ? summary->changed + summary->problems : summary->problems};
}

Result<StepTotals> check_store_invariants(store::Store& store, const ReconstructOptions& options, bool print,
                                          std::set<unsigned>& broken) {
  StepTotals totals;
  const auto sink = [&](const check::Violation& violation) {
    if (!violation.warning) {
      broken.insert(violation.invariant);
      ++totals.found;
    }
    if (!print) {
      return;
    }
    if (options.json) {
      cli::JsonLine line;
      line.add("invariant", std::uint64_t{violation.invariant}).add("warning", violation.warning);
      line.add("subject", violation.subject).add("text", violation.text).print();
    } else if (!violation.warning || !options.quiet) {
      fmt::print("{}: {} (invariant {}{})\n", printable(violation.subject), printable(violation.text),
                 violation.invariant, violation.warning ? ", warning" : "");
    }
  };
  store.close_databases();
  CYR_CHECK(check::check_invariants(store, sink, &cli::stop_requested()));
  totals.remaining = totals.found;
  return totals;
}

}  // namespace cyr::recon
