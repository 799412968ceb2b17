// One message: its index record against its file and its cache record.
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "format/check/cache_looks.h"
#include "format/check/context.h"
#include "format/check/messages.h"

namespace cyr::check {

// 2.3's down-converted identifiers are no hash: 12 bytes padded with zeros (mailbox.md 11).
[[nodiscard]] bool guid_is_known(const Guid& guid);

// A record whose file holds something else.
struct WrongContent {
  std::size_t record = 0;
  store::MessageFile file;
  Guid found;                  // of the content; null: the file is empty
  bool place_changed = false;  // and the record said the other directory
};

class MessageCheck {
 public:
  explicit MessageCheck(Context& context) : context_(context), state_(context.state), caches_(context) {}

  Status open_caches() { return caches_.open(); }
  // Record `i` and the file of its UID; `twin` is the archive's copy when both places have one.
  Status check(std::size_t i, const store::MessageFile& file, const store::MessageFile* twin);
  // Record `i` has a sound cache record where it says; another one's message will be read.
  Result<bool> has_cache(std::size_t i);
  // The records whose file holds another message than the record says, so far; they are not settled yet.
  [[nodiscard]] std::vector<WrongContent> take_wrong() { return std::exchange(wrong_, {}); }
  Status settle_wrong(const WrongContent& wrong);
  // Takes record `i` out of the index as Cyrus does for a removed message.
  void remove(std::size_t i);
  // A new record with its cache record.
  Status append(const mailbox::IndexRecord& record, mime::MessageSummary summary);
  // The messages that -R gave a new UID.
  Status append_upgraded();
  // The generation numbers of the caches against the index.
  Status check_generations();
  void report_unreadable(std::uint32_t uid, const fs::path& path, const Error& error);

 private:
  struct Upgrade {
    mailbox::IndexRecord record;
    mime::MessageSummary summary;
    bool archived = false;
  };
  Result<store::MessageFile> settle_twins(const mailbox::IndexRecord& record, const store::MessageFile& spool,
                                          const store::MessageFile& archive);
  void settle_place(std::size_t i, mailbox::IndexRecord& record, const store::MessageFile& file,
                    bool& changed);
  Status compare(std::size_t i, mailbox::IndexRecord record, const store::MessageFile& file,
                 std::uint64_t cached, bool changed);
  Status guid_mismatch(std::size_t i, const mailbox::IndexRecord& record, const WrongContent& wrong);
  std::vector<std::string> differing_fields(const mailbox::IndexRecord& record,
                                            const mime::MessageSummary& summary) const;
  Status rebuild_cache(std::size_t i, mailbox::IndexRecord& record, mime::MessageSummary& summary);
  std::uint64_t& next_offset(const mailbox::IndexRecord& record);
  void set_aside(Problem why, const fs::path& path);

  Context& context_;
  State& state_;
  CacheLooks caches_;
  std::vector<Upgrade> upgrades_;
  std::vector<WrongContent> wrong_;
  std::array<std::uint64_t, 2> next_offsets_{mailbox::kCacheStart, mailbox::kCacheStart};  // spool, archive
};

}  // namespace cyr::check
