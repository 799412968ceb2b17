// Message files that a pass is about to ask for, parsed by several threads. What a pass finds, and in which
// order, stays its own matter: it goes through its records alone, and takes a message from here when it is
// there.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "format/mime/summary.h"
#include "format/store/message_files.h"

namespace cyr::check {

struct MessageToParse {
  std::uint32_t uid = 0;
  bool archived = false;
  std::uint64_t internaldate = 0;  // seconds since 1970; stands in for an unusable Date field
  std::uint32_t name = 0;          // the UID under which the file lies now
  std::uint64_t size = 0;          // bytes, as the file was listed; 0: not known

  [[nodiscard]] bool same_as(const MessageToParse& other) const {
    return uid == other.uid && archived == other.archived && internaldate == other.internaldate;
  }
};

// Reads and parses one message file, in this thread.
Result<mime::MessageSummary> parse(const store::MessageReader& reader, const MessageToParse& message,
                                   const mime::ParseOptions& options);

class ParsedAhead {
 public:
  // Messages parsed at once, which bounds the memory; records that a pass looks ahead.
  static constexpr std::size_t kMost = 512;

  // Parses all of these with up to `threads` threads; what was parsed before and not taken is forgotten.
  // With one thread nothing is done: there is nothing to be gained.
  void prepare(const store::MessageReader& reader, std::vector<MessageToParse> messages,
               const mime::ParseOptions& options, unsigned threads);
  // What became of this message, if it was prepared and not taken yet.
  [[nodiscard]] std::optional<Result<mime::MessageSummary>> take(const MessageToParse& message);
  void clear();

 private:
  std::vector<MessageToParse> messages_;
  std::vector<std::optional<Result<mime::MessageSummary>>> parsed_;  // one for each of messages_
  std::size_t next_ = 0;  // messages are mostly taken in their order: where to look first
};

}  // namespace cyr::check
