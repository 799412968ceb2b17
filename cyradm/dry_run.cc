#include "cyradm/dry_run.h"

#include <fmt/format.h>

#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

std::string on_partition(const std::optional<std::string>& partition) {
  return partition ? " on partition " + *partition : "";
}

}  // namespace

Status DryRunBackend::would(const std::string& what) {
  say_("would " + printable(what));
  return success();
}

Status DryRunBackend::create(const std::string& mailbox, const CreateOptions& options) {
  return would(fmt::format("create {}{}{}", mailbox, on_partition(options.partition),
                           options.special_use ? " for " + *options.special_use : ""));
}

Status DryRunBackend::remove(const std::string& mailbox) { return would("delete " + mailbox); }

Status DryRunBackend::rename(const std::string& from, const std::string& to,
                             const std::optional<std::string>& partition) {
  return would(from == to && partition ? fmt::format("move {} to partition {}", from, *partition)
                                       : fmt::format("rename {} to {}{}", from, to, on_partition(partition)));
}

Status DryRunBackend::set_acl(const std::string& mailbox, const std::string& id, const std::string& rights) {
  return would(fmt::format("set the rights of {} on {} to \"{}\"", id, mailbox, rights));
}

Status DryRunBackend::delete_acl(const std::string& mailbox, const std::string& id) {
  return would(fmt::format("remove the rights of {} on {}", id, mailbox));
}

Status DryRunBackend::set_quota(const std::string& root, const std::vector<QuotaLimit>& limits) {
  std::string text;
  for (const auto& limit : limits) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", limit.resource, limit.limit);
  }
  return would(limits.empty() ? "remove the limits of " + root
                              : fmt::format("set the limits of {} to {}", root, text));
}

Status DryRunBackend::set_metadata(const std::string& mailbox, const std::string& entry,
                                   const std::optional<std::string>& value) {
  const std::string where = mailbox.empty() ? "the server" : mailbox;
  return would(value ? fmt::format("set {} of {} to \"{}\"", entry, where, *value)
                     : fmt::format("remove {} of {}", entry, where));
}

Status DryRunBackend::subscribe(const std::string& mailbox) { return would("subscribe to " + mailbox); }
Status DryRunBackend::unsubscribe(const std::string& mailbox) { return would("unsubscribe from " + mailbox); }

Status DryRunBackend::reconstruct(const std::string& mailbox, bool recursive, const ReportLine& report) {
  (void)report;
  return would(fmt::format("reconstruct {}{}", mailbox, recursive ? " and everything below" : ""));
}

Status DryRunBackend::fix_quota(const std::string& root, const ReportLine& report) {
  (void)report;
  return would("count again what is used at and below " + (root.empty() ? "every quota root" : root));
}

Status DryRunBackend::transfer(const std::string& mailbox, const std::string& server,
                               const std::optional<std::string>& partition) {
  return would(fmt::format("transfer {} to {}{}", mailbox, server, on_partition(partition)));
}

}  // namespace cyr::cyradm
