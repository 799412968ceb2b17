// ctl_mboxlist -v, in the words of the real program. Other than that of 3.6.1 it knows directories named
// after unique ids, and says nothing of tombstones, which have no directory.
#include <fmt/format.h>

#include <set>

#include "format/base/text.h"
#include "format/check/disk_scan.h"
#include "format/cli/common.h"
#include "recon/ctl_mboxlist_run.h"

namespace cyr::recon {

Result<int> verify_list(store::Store& store) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  std::set<fs::path> expected;
  bool found = false;
  CYR_CHECK(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (!item.entry || !item.entry->type.local()) {
      if (!item.entry) {
        fmt::print(stderr, "ctl_mboxlist: {}: {}\n", printable(item.name),
                   printable(item.entry.error().text()));
        found = true;
      }
      return db::Visit::go_on;
    }
    const auto files = store.files(*item.entry);
    bool there = false;
    for (const auto& directory : files ? files->directories() : std::vector<fs::path>{}) {
      const auto exists = store.io().exists(directory);
      there = there || (exists && *exists);
      expected.insert(directory);
    }
    if (!there) {
      fmt::print("'{}' has a DB entry but no directory on partition '{}'\n", printable(item.name),
                 printable(item.entry->partition));
      found = true;
    }
    return db::Visit::go_on;
  }));
  CYR_TRY(const auto scan, check::scan_partitions(store, {}, &cli::stop_requested()));
  for (const auto& mailbox : scan.mailboxes) {
    if (!expected.contains(mailbox.directory)) {
      fmt::print("'{}' has a directory '{}' but no DB entry\n", printable(mailbox.entry.name),
                 printable(mailbox.directory.native()));
      found = true;
    }
  }
  for (const auto& error : scan.unreadable) {
    fmt::print(stderr, "ctl_mboxlist: {}\n", printable(error.text()));
    found = true;
  }
  return found ? cli::exit_failed : cli::exit_ok;
}

}  // namespace cyr::recon
