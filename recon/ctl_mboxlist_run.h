// The three works of ctl_mboxlist: dump, undump, verify (tools.md 5.4).
#pragma once

#include <optional>
#include <string>

#include "format/conf/imapd_conf.h"
#include "format/store/list_dump.h"
#include "format/store/store.h"

namespace cyr::recon {

struct MailboxListOptions {
  std::string partition;       // -p: dump only mailboxes of this partition
  bool remove = false;         // -x: erase what was dumped
  bool intermediates = false;  // -y: dump names that only have children too
  bool full_history = false;   // --history
  bool legacy = false;         // -L: undump reads text lines whatever they begin with
  bool dry_run = false;        // -n
  std::string release;         // --release: dump in its form; load an empty list in its form
};

// --release as a release; nothing when it is not given, Errc::invalid when it is none.
Result<std::optional<conf::Release>> release_of(const MailboxListOptions& options);

// To standard output. Exit status 1 when a record could not be read or dumped; each is named on stderr.
Result<int> dump_list(store::Store& store, const MailboxListOptions& options);
// From standard input: every form, told by its first byte. 1 when an entry was refused.
Result<int> undump_list(store::Store& store, const MailboxListOptions& options);
// Entries without a directory and directories without an entry. 1 when there is one.
Result<int> verify_list(store::Store& store);

}  // namespace cyr::recon
