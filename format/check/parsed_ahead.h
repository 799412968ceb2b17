// Message files that a pass is about to ask for, parsed by several threads. What a pass finds, and in which
// order, stays its own matter: it goes through its records alone, and takes a message from here when it is
// there.
#pragma once

#include <cstdint>
#include <memory>
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
  // CRC and version of a cache record that is there and sound: one that comes out the same is not kept, since
  // nobody will write it. 0: none.
  std::uint32_t cache_crc = 0, cache_version = 0;

  [[nodiscard]] bool same_as(const MessageToParse& other) const {
    return uid == other.uid && archived == other.archived && internaldate == other.internaldate;
  }
};

// Reads and parses one message file, in this thread.
Result<mime::MessageSummary> parse(const store::MessageReader& reader, const MessageToParse& message,
                                   const mime::ParseOptions& options);

// The batch that a pass takes from was parsed while it took from the one before:
//
//   begin(first batch); step(); begin(second batch);  ... take() ...  step(); begin(third batch);  ... take()
//   ...
class ParsedAhead {
 public:
  // Messages of a batch, of which there are two, which bounds the memory; records that a pass looks ahead.
  static constexpr std::size_t kMost = 512;

  // These begin to be parsed by `threads` - 1 other threads. With one thread nothing is done: there is
  // nothing to be gained. `reader` stays where it is until clear().
  void begin(const store::MessageReader& reader, std::vector<MessageToParse> messages,
             const mime::ParseOptions& options, unsigned threads);
  // What was begun is finished, with the help of this thread, and can be taken; what was not taken of the
  // batch before is forgotten.
  void step();
  // What became of this message, if it is in the batch and was not taken yet.
  [[nodiscard]] std::optional<Result<mime::MessageSummary>> take(const MessageToParse& message);
  // Also ends what was begun.
  void clear();

 private:
  class Batch;
  struct Deleter {
    void operator()(Batch* batch) const;
  };
  std::unique_ptr<Batch, Deleter> ready_, begun_;
};

}  // namespace cyr::check
