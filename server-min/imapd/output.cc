// See output.h.
#include "server-min/imapd/output.h"

#include "format/text/imap_string.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kFlushAbove = std::size_t{32} << 10;
constexpr std::size_t kKeepCapacity = std::size_t{64} << 10;  // an idle connection holds no more

}  // namespace

void Output::literal(std::string_view bytes, bool binary) {
  fmt::format_to(std::back_inserter(buffer_), "{}{{{}}}\r\n", binary ? "~" : "", bytes.size());
  if (bytes.size() < kFlushAbove) {
    buffer_ += bytes;
    return;
  }
  (void)flush();
  if (state_) {
    state_ = write_(bytes);
  }
}

void Output::string(std::string_view text) {
  if (text::is_quotable(text)) {
    buffer_ += '"';
    buffer_ += text;
    buffer_ += '"';
  } else {
    literal(text);
  }
}

void Output::nstring(std::string_view text, bool nil) {
  if (nil) {
    buffer_ += "NIL";
  } else {
    string(text);
  }
}

void Output::relieve() {
  if (buffer_.size() >= kFlushAbove) {
    (void)flush();
  }
}

Status Output::flush() {
  if (state_ && !buffer_.empty()) {
    state_ = write_(buffer_);
  }
  buffer_.clear();
  if (buffer_.capacity() > kKeepCapacity) {
    buffer_.shrink_to_fit();
  }
  return state_;
}

}  // namespace cyr::imapd
