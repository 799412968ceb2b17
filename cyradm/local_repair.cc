#include "cyradm/local_repair.h"

#include <fmt/format.h>
#include <unistd.h>

#include "format/check/quota_check.h"

namespace cyr::cyradm {

namespace {

class Lines : public check::Reporter {
 public:
  explicit Lines(const Backend::ReportLine& report) : report_(report) {}
  void report(const check::Finding& finding) override {
    if (report_) {
      report_(check::text_of(finding));
    }
  }

 private:
  const Backend::ReportLine& report_;
};

store::SavedCopies saved_copies(const store::Administration& admin) {
  return {admin.io(), admin.store.saved_roots(), store::new_saved_id(admin.now, ::getpid()), true};
}

}  // namespace

Status repair_mailboxes(store::Administration& admin, const meta::MailboxEntry& entry, bool recursive,
                        const Backend::ReportLine& report) {
  std::vector<meta::MailboxEntry> mailboxes = {entry};
  if (recursive) {
    CYR_TRY(const auto below, store::mailboxes_below(admin.store, entry.name));
    mailboxes.insert(mailboxes.end(), below.begin(), below.end());
  }
  auto saved = saved_copies(admin);
  check::Options options;
  options.now = admin.now;
  Lines lines(report);
  std::uint64_t remaining = 0;
  for (const auto& mailbox : mailboxes) {
    CYR_TRY(const auto summary,
            check::Checker(admin.store, options, saved, admin.locks).mailbox(mailbox, lines));
    remaining += summary.remaining;
  }
  return remaining == 0 ? success()
                        : Status(make_error(Errc::corrupt, fmt::format("{} problems remain", remaining)));
}

Status repair_quotas(store::Administration& admin, const std::string& root,
                     const Backend::ReportLine& report) {
  auto saved = saved_copies(admin);
  check::QuotaOptions options;
  if (!root.empty()) {
    options.selection.names.push_back(root);
  }
  Lines lines(report);
  CYR_TRY(const auto summary, check::QuotaChecker(admin.store, options, saved, admin.locks, lines).run());
  return summary.problems == 0
             ? success()
             : Status(make_error(Errc::corrupt, fmt::format("{} problems remain", summary.problems)));
}

}  // namespace cyr::cyradm
