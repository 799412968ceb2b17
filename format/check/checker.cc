#include "format/check/checker.h"

#include <ctime>
#include <functional>
#include <future>

#include "format/check/context.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

using Pass = std::function<Status(Context&)>;

constexpr std::uint64_t kLargeIndex = std::uint64_t{4} << 20U;  // bytes

// What lies in the directories of the mailbox; of a large one it is listed while its index is read, of
// another one before that, so that no pass has to ask for a file that is in the list.
class Listing {
 public:
  explicit Listing(Context& context) : context_(context) {}

  Status start() {
    if (!has_large_index()) {
      return take(list());
    }
    if (context_.options.threads > 1) {
      started_ = std::async(std::launch::async, [this] { return list(); });
    }
    return success();
  }

  Status finish() {
    State& state = context_.state;
    if (!state.listed) {
      CYR_CHECK(take(started_.valid() ? started_.get() : list()));
    }
    if (!state.listing.data_exists && state.index_lost && !state.header_exists) {
      Finding finding = context_.of(Problem::directory_missing);
      finding.path = state.files.data;
      context_.fix(std::move(finding));
    }
    return success();
  }

 private:
  Status take(Result<store::DirectoryListing> listing) {
    CYR_TRY(context_.state.listing, std::move(listing));
    context_.state.listed = true;
    return success();
  }
  [[nodiscard]] bool has_large_index() const {
    const File* const open = context_.locked_index;
    const auto index = open != nullptr && open->is_open()
                           ? open->info()
                           : context_.store.io().stat(context_.state.files.index);
    return index && index->size >= kLargeIndex;
  }
  // Looks at nothing of the State that a pass before it changes.
  [[nodiscard]] Result<store::DirectoryListing> list() const {
    const auto stat = context_.options.stat_files ? store::StatFiles::yes : store::StatFiles::no;
    return store::list_message_files(context_.store.io(), context_.state.files, stat,
                                     context_.options.threads);
  }

  Context& context_;
  std::future<Result<store::DirectoryListing>> started_;
};

Status run_passes(Context& context, const meta::MailboxEntry& entry, const store::MailboxFiles& files) {
  context.state.entry = entry;
  context.state.files = files;
  Listing listing(context);
  CYR_CHECK(listing.start());
  const Pass passes[] = {
      pass_index_header, pass_header,       [&listing](Context&) { return listing.finish(); },
      pass_records,      pass_expunge_file, pass_files,
      pass_annotations,  pass_convert,      pass_totals,
      pass_list};
  for (const auto& pass : passes) {
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
    CYR_TRY(auto lock, store::MailboxLock::take(store_.io(), files, store::LockFor::examine, locks_));
    Context context(store_, options_, reporter, now, !dry_run);
    context.locked_index = &lock.index();
    CYR_CHECK(run_passes(context, entry, files));
    if (dry_run || !context.wants_write()) {
      context.flush();
      return context.summary;
    }
  }
  CYR_TRY(auto lock, store::MailboxLock::take(store_.io(), files, store::LockFor::replace, locks_));
  Context context(store_, options_, reporter, now, false);
  context.locked_index = &lock.index();
  CYR_CHECK(run_passes(context, entry, files));
  if (context.wants_write()) {
    CYR_CHECK(commit(context, saved_));
  }
  return context.summary;
}

}  // namespace cyr::check
