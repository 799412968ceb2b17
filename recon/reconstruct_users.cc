#include "recon/reconstruct_users.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/cli/printer.h"

namespace cyr::recon {

namespace {

std::string_view words_of(check::UserStep step, bool dry_run) {
  constexpr std::string_view done[] = {"converted", "repaired", "united", "reattached", "guessed", "left"};
  constexpr std::string_view would[] = {"would be converted",  "would be repaired", "would be united",
                                        "would be reattached", "would be guessed",  "left"};
  const auto i = static_cast<std::size_t>(step);
  return dry_run ? would[i] : done[i];
}

}  // namespace

void print_user_finding(const check::UserFinding& finding, bool json, bool dry_run) {
  const std::string_view words = words_of(finding.step, dry_run);
  if (json) {
    cli::JsonLine line;
    line.add("users", name_of(finding.step)).add("user", finding.user).add("path", finding.path.native());
    line.add("text", finding.text).add("dry_run", dry_run).print();
    return;
  }
  std::string where = finding.user;
  where += finding.path.empty() ? "" : (where.empty() ? "" : ": ") + finding.path.native();
  const std::string text = fmt::format("{}{}{} ({})", where, where.empty() ? "" : ": ", words, finding.text);
  fmt::print("{}\n", printable(text));
  log(finding.step == check::UserStep::left ? LogLevel::warning : LogLevel::notice, "{}", text);
}

Result<int> run_users(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options) {
  Io& io = options.dry_run ? read_only_io() : posix_io();
  CYR_TRY(const auto store, store::Store::open(io, std::move(config)));
  check::UsersOptions how;
  for (const auto& argument : options.arguments) {
    how.users.push_back(names::UserId::parse(argument, store->name_space()));
  }
  how.merge = options.merge;
  how.guess = options.guess;
  how.stop = &cli::stop_requested();
  store::SavedCopies saved(io, store->saved_roots(), store::new_saved_id(std::time(nullptr), ::getpid()),
                           options.keep, options.undo_directory);
  store::UserLocks locks;
  CYR_TRY(const auto summary,
          check::mend_users(*store, how, saved, locks, [&](const check::UserFinding& finding) {
            print_user_finding(finding, options.json, options.dry_run);
          }));
  if (!options.quiet && !options.json) {
    fmt::print("{} users, {} databases, {} changes, {} left\n", summary.users, summary.files, summary.changed,
               summary.left);
  }
  RunTotals totals;
  totals.found = summary.changed + summary.left;
  totals.remaining = summary.left;
  return exit_status(totals, options);
}

}  // namespace cyr::recon
