#include "format/store/staged_message.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <ctime>

#include "format/store/parse_options.h"

namespace cyr::store {

namespace {

constexpr ::mode_t kStagedMode = 0600;
constexpr ::mode_t kStageDirectoryMode = 0755;
constexpr std::size_t kPending = std::size_t{64} << 10U;
constexpr std::size_t kMaxFieldName = 4000;
constexpr std::string_view kMboxLine = "From ";  // a message that came out of an mbox file

// Makes names of stage files different within this process; the process id does the rest.
std::uint64_t next_number() {
  static std::atomic<std::uint64_t> counter{0};
  return ++counter;
}

}  // namespace

std::string_view fault_text(MessageFault fault) {
  switch (fault) {
    case MessageFault::none:
      break;
    case MessageFault::empty:
      return "Zero-length message";
    case MessageFault::nul:
      return "Message contains NUL characters";
    case MessageFault::bare_newline:
      return "Message contains bare newlines";
    case MessageFault::bad_header:
      return "Message contains invalid header";
    case MessageFault::eight_bit:
      return "Message contains non-ASCII characters in headers";
  }
  return "";
}

void MessageScreen::pass(std::string_view piece, std::string& out) {
  for (const char c : piece) {
    if (source_ == SourceOf::delivery) {
      if (c == '\r') {  // comes back before its LF
        continue;
      }
      if (c == '\n') {
        take('\r', out);
      }
    }
    take(c, out);
  }
}

void MessageScreen::take(char c, std::string& out) {
  any_ = true;
  look(c);
  const bool eight_bit = in_header_ && static_cast<unsigned char>(c) >= 0x80;
  out.push_back(eight_bit && munge8bit_ && !reject8bit_ ? 'X' : c);
  last_ = c;
}

void MessageScreen::look(char c) {
  const bool lenient = source_ == SourceOf::binary && !in_header_;
  if (c == '\0' && !lenient) {
    blame(MessageFault::nul);
  }
  if (c == '\n' && last_ != '\r' && !lenient) {
    blame(MessageFault::bare_newline);
  }
  if (in_header_) {
    look_in_header(c);
  }
}

void MessageScreen::look_in_header(char c) {
  if (static_cast<unsigned char>(c) >= 0x80 && reject8bit_) {
    blame(MessageFault::eight_bit);
  }
  if (line_start_) {
    line_start_ = false;
    if (c == '\r') {
      in_header_ = false;
      return;
    }
    in_name_ = c != ' ' && c != '\t';
    name_.clear();
  }
  if (in_name_ && c == ':') {
    in_name_ = false;
    if (name_.empty()) {
      blame(MessageFault::bad_header);
    }
  } else if (in_name_) {
    name_.push_back(c);
    if (name_ == kMboxLine) {
      in_name_ = false;
    } else if (name_.size() > kMaxFieldName ||
               (static_cast<unsigned char>(c) <= ' ' && !kMboxLine.starts_with(name_))) {
      blame(MessageFault::bad_header);
      in_name_ = false;
    }
  }
  line_start_ = c == '\n';
}

void MessageScreen::end() {
  if (!any_) {
    blame(MessageFault::empty);
  }
  if (in_header_ && !line_start_) {  // cut off inside a line of the header
    blame(MessageFault::bad_header);
  }
}

StagedMessage::StagedMessage(Store& store, std::string partition, SourceOf source)
    : store_(&store),
      partition_(std::move(partition)),
      screen_(source, store.config().is_on(conf::Option::munge8bit),
              store.config().is_on(conf::Option::reject8bit)) {}

StagedMessage::StagedMessage(StagedMessage&& other) noexcept
    : store_(other.store_),
      partition_(std::move(other.partition_)),
      screen_(std::move(other.screen_)),
      file_(std::move(other.file_)),
      pending_(std::move(other.pending_)),
      size_(other.size_),
      copies_(std::move(other.copies_)),
      summary_(std::move(other.summary_)),
      summary_date_(other.summary_date_) {
  other.copies_.clear();  // it has nothing to remove any more
}

StagedMessage::~StagedMessage() {
  for (const auto& [partition, copy] : copies_) {
    (void)store_->io().unlink(copy.path);
  }
}

Result<StagedMessage> StagedMessage::create(Store& store, const std::string& partition, SourceOf source) {
  StagedMessage staged(store, partition, source);
  CYR_TRY(const fs::path path, staged.new_path(partition));
  CYR_TRY(staged.file_,
          File::open(store.io(), path, {.write = true, .create = true, .exclusive = true}, kStagedMode));
  staged.add_copy(partition, path);
  return staged;
}

Result<fs::path> StagedMessage::new_path(const std::string& partition) {
  CYR_TRY(const fs::path root, store_->partitions().root(partition, conf::RootKind::data));
  const fs::path directory = root / "stage.";
  CYR_CHECK(store_->io().make_directories(directory, kStageDirectoryMode));
  return directory / fmt::format("{}-{}-{}", ::getpid(), std::time(nullptr), next_number());
}

Status StagedMessage::flush() {
  CYR_CHECK(file_.write(as_bytes(pending_), size_));
  size_ += pending_.size();
  pending_.clear();
  return success();
}

Status StagedMessage::write(std::string_view bytes) {
  screen_.pass(bytes, pending_);
  return pending_.size() < kPending ? success() : flush();
}

Status StagedMessage::finish() {
  screen_.end();
  CYR_CHECK(flush());
  return file_.close();
}

Result<FileBytes> StagedMessage::bytes() const { return store_->io().read_file(copies_.at(partition_).path); }

Result<const mime::MessageSummary*> StagedMessage::summary(std::uint64_t internaldate) {
  const bool fits =
      summary_ && (summary_date_ == internaldate || (summary_->date_is_usable && summary_->time_is_usable));
  if (!fits) {
    CYR_TRY(const FileBytes message, bytes());
    summary_ = mime::summarise(message.text(), internaldate, parse_options(store_->config()));
    summary_date_ = internaldate;
  }
  return &*summary_;
}

StagedMessage::Copy& StagedMessage::add_copy(const std::string& partition, fs::path path) {
  return copies_[partition] = Copy{std::move(path), std::make_shared<bool>(false)};
}

Result<StagedMessage::Copy> StagedMessage::on_partition(const std::string& partition) {
  if (const auto found = copies_.find(partition); found != copies_.end()) {
    return found->second;
  }
  CYR_TRY(const FileBytes message, bytes());
  CYR_TRY(const fs::path path, new_path(partition));
  CYR_TRY(File copy,
          File::open(store_->io(), path, {.write = true, .create = true, .exclusive = true}, kStagedMode));
  const Copy& added = add_copy(partition, path);
  CYR_CHECK(copy.write(message.bytes(), 0));
  return added;
}

}  // namespace cyr::store
