// A message on its way into mailboxes: streamed once into the stage directory of a partition, checked and
// parsed once, then linked into every mailbox that gets it (single instance store; mailbox.md 6.2, 6.4).
// Nothing of it is held in memory while it is written.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/base/file.h"
#include "format/mime/summary.h"
#include "format/store/store.h"

namespace cyr::store {

// Why a message may not be stored.
enum class MessageFault : std::uint8_t {
  none,
  empty,
  nul,           // a NUL octet
  bare_newline,  // a LF without CR; only SourceOf::append
  bad_header,    // a line of the header that is neither a field nor a continuation
  eight_bit,     // an octet above 127 in the header, where reject8bit is on
};
// As Cyrus words it: "Message contains NUL characters".
[[nodiscard]] std::string_view fault_text(MessageFault fault);

// How line ends are treated.
enum class SourceOf : std::uint8_t {
  append,    // IMAP APPEND: a bare LF is a fault, a bare CR stays
  binary,    // IMAP APPEND of literal8: the same, and the body may hold NUL and bare LF
  delivery,  // LMTP: a bare LF becomes CR LF, a bare CR is dropped
};

// Looks at a message as it passes: finds its faults and, with munge8bit, makes octets above 127 in the header
// into `X`. Pure; a field name is at most 4,000 octets long, as for Cyrus.
class MessageScreen {
 public:
  MessageScreen(SourceOf source, bool munge8bit, bool reject8bit)
      : source_(source), munge8bit_(munge8bit), reject8bit_(reject8bit) {}
  // Appends to `out` what shall be stored of the next piece.
  void pass(std::string_view piece, std::string& out);
  void end();  // after the last piece
  [[nodiscard]] MessageFault fault() const { return fault_; }

 private:
  void take(char c, std::string& out);
  void look(char c);
  void look_in_header(char c);
  void blame(MessageFault fault) { fault_ = fault_ == MessageFault::none ? fault : fault_; }
  SourceOf source_;
  bool munge8bit_;
  bool reject8bit_;
  MessageFault fault_ = MessageFault::none;
  bool any_ = false;
  bool in_header_ = true;
  bool line_start_ = true;
  bool in_name_ = false;  // of a header field, before its colon
  std::string name_;      // so far, to know the `From ` line of an mbox
  char last_ = '\n';
};

class StagedMessage {
 public:
  // A new file in the stage directory of `partition`; Errc::config for an unknown one.
  static Result<StagedMessage> create(Store& store, const std::string& partition,
                                      SourceOf source = SourceOf::append);
  StagedMessage(StagedMessage&& other) noexcept;
  StagedMessage& operator=(StagedMessage&&) = delete;
  StagedMessage(const StagedMessage&) = delete;
  StagedMessage& operator=(const StagedMessage&) = delete;
  ~StagedMessage();  // removes the stage files; what was linked stays

  Status write(std::string_view bytes);
  // No more bytes come: fault() and size() are known from here on. The commit of the mailbox that it goes to
  // has it synced.
  Status finish();

  [[nodiscard]] MessageFault fault() const { return screen_.fault(); }
  [[nodiscard]] std::uint64_t size() const { return size_; }  // bytes as stored
  // What index and cache say of it. Parsed at the first call; `internaldate` (seconds) stands in for a Date
  // that is missing.
  Result<const mime::MessageSummary*> summary(std::uint64_t internaldate);
  // The message as stored, mapped when large.
  Result<FileBytes> bytes() const;
  // The stage file on `partition`: copied there first when the message was staged on another one.
  struct Copy {
    fs::path path;
    std::shared_ptr<bool> synced;  // whoever syncs the file says so here
  };
  Result<Copy> on_partition(const std::string& partition);

 private:
  StagedMessage(Store& store, std::string partition, SourceOf source);
  Result<fs::path> new_path(const std::string& partition);
  Status flush();
  Copy& add_copy(const std::string& partition, fs::path path);

  Store* store_;
  std::string partition_;
  MessageScreen screen_;
  File file_;
  std::string pending_;
  std::uint64_t size_ = 0;
  std::map<std::string, Copy> copies_;  // by partition
  std::optional<mime::MessageSummary> summary_;
  std::uint64_t summary_date_ = 0;
};

}  // namespace cyr::store
