#include "format/check/checker.h"

#include <ctime>

#include "format/check/context.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

using Pass = Status (*)(Context&);

Status list_files(Context& context) {
  State& state = context.state;
  const auto stat = context.options.stat_files ? store::StatFiles::yes : store::StatFiles::no;
  CYR_TRY(state.listing,
          store::list_message_files(context.store.io(), state.files, stat, context.options.threads));
  if (!state.listing.data_exists && state.index_lost && !state.header_exists) {
    Finding finding = context.of(Problem::directory_missing);
    finding.path = state.files.data;
    context.fix(std::move(finding));
  }
  return success();
}

Status run_passes(Context& context, const meta::MailboxEntry& entry) {
  context.state.entry = entry;
  CYR_TRY(context.state.files, context.store.files(entry));
  constexpr Pass passes[] = {pass_index_header, pass_header, list_files,       pass_records,
                             pass_expunge_file, pass_files,  pass_annotations, pass_convert,
                             pass_totals,       pass_list};
  for (const Pass pass : passes) {
    CYR_CHECK(pass(context));
    if (context.stop()) {
      break;
    }
  }
  const auto& index = context.state.index;
  context.summary.messages =
      mailbox::has_record_crc(index.minor_version) ? index.exists : context.state.records.size();
  return success();
}

}  // namespace

// Looking comes first, under shared locks and without making a lock file, so that a sound mailbox is left
// without a trace. Only when something is to be written the exclusive locks are taken and everything is
// looked at again.
Result<Summary> Checker::mailbox(const meta::MailboxEntry& entry, Reporter& reporter) {
  const std::int64_t now = options_.now != 0 ? options_.now : static_cast<std::int64_t>(std::time(nullptr));
  CYR_TRY(const auto files, store_.files(entry));
  const bool dry_run = store_.io().read_only();
  {
    CYR_TRY(const auto lock, store::MailboxLock::take(store_.io(), files, store::LockFor::examine, locks_));
    Context context(store_, options_, reporter, now, !dry_run);
    CYR_CHECK(run_passes(context, entry));
    if (dry_run || !context.wants_write()) {
      context.flush();
      return context.summary;
    }
  }
  CYR_TRY(const auto lock, store::MailboxLock::take(store_.io(), files, store::LockFor::replace, locks_));
  Context context(store_, options_, reporter, now, false);
  CYR_CHECK(run_passes(context, entry));
  if (context.wants_write()) {
    CYR_CHECK(commit(context, saved_));
  }
  return context.summary;
}

}  // namespace cyr::check
