// What must hold between mailboxes.db, the directory trees, quota roots and user files, by the numbers of
// store.md 3.9 (format/doc/invariants.md). What must hold inside one mailbox is the Checker's matter; 6 is
// seen by both, here only as far as the directory is there at all. Reads only.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "format/store/store.h"

namespace cyr::check {

struct Violation {
  unsigned invariant = 0;  // 1-17
  bool warning = false;    // allowed, or a habit of a release
  std::string subject;     // internal name of a mailbox or quota root, key, or path
  std::string text;        // one phrase
};
using ViolationSink = std::function<void(const Violation& violation)>;

// Checks the whole store. Errc::... when mailboxes.db cannot be read at all.
Status check_invariants(store::Store& store, const ViolationSink& sink,
                        const std::atomic<bool>* stop = nullptr);

}  // namespace cyr::check
