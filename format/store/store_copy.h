// A whole store copied into one directory, each place under its own path: "/var/spool/imap" becomes
// "TOP/var/spool/imap" (conf/relocation.h). The original is only read.
//
// A file gets its name in the copy when all of it is on the disk, so a copy that was interrupted is gone on
// with by the same call, and no part of a file is ever taken for the whole. What is being copied, and the
// state of the copy, lies in TOP/.cyrkit-copy.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/base/file.h"
#include "format/conf/relocation.h"

namespace cyr::store {

struct CopyNeeds {
  std::uint64_t files = 0;     // regular files, one with several links once
  std::uint64_t bytes = 0;     // that they take, in blocks
  std::uint64_t there = 0;     // of these, what an interrupted copy has left
  std::uint64_t metadata = 0;  // of `bytes`, everything but messages: what a conversion writes anew
  std::uint64_t free = 0;      // where the copy is to lie
};

struct CopyTotals {
  std::uint64_t files = 0, links = 0, directories = 0;  // made now
  std::uint64_t bytes = 0;
  std::uint64_t there = 0;         // files of an earlier run
  std::vector<std::string> notes;  // what is not in the copy, or not as in the original; a line each
};

class StoreCopy {
 public:
  // Bytes looked at so far, and the file.
  using Watch = std::function<void(std::uint64_t bytes, const fs::path& path)>;

  // Writes nothing. Errc::invalid: `top` lies in a place of the store, or one in it. Errc::exists: it is not
  // empty, and no copy of this store.
  static Result<StoreCopy> open(Io& source, Io& target, conf::StorePlaces places, fs::path top);

  [[nodiscard]] bool complete() const { return complete_; }  // finish() was reached before
  [[nodiscard]] bool begun() const { return begun_; }        // by an earlier run
  [[nodiscard]] const fs::path& top() const { return top_; }

  // Reads names and sizes only.
  Result<CopyNeeds> look(const std::atomic<bool>* stop = nullptr);
  // Errc::cancelled when `stop` becomes true, Errc::locked when another process copies there, or a file of
  // the original is written to all the time.
  Result<CopyTotals> copy(const Watch& watch, const std::atomic<bool>* stop = nullptr);
  // Everything is on the disk, then `config_text` as TOP/imapd.conf, then the copy is complete.
  Status finish(const std::string& config_text);

 private:
  class Walk;
  class Looker;
  class Copier;
  StoreCopy(Io& source, Io& target, conf::StorePlaces places, fs::path top)
      : source_(source), target_(target), places_(std::move(places)), top_(std::move(top)) {}
  Status refuse_overlap();
  Status read_state();
  Status write_state(std::string_view phase);
  Status begin();
  [[nodiscard]] std::string title() const;
  [[nodiscard]] fs::path workshop() const;

  Io& source_;
  Io& target_;
  conf::StorePlaces places_;
  fs::path top_;
  bool begun_ = false, complete_ = false;
  File lock_;
};

}  // namespace cyr::store
