// What follows DATA: lines up to a lone ".", with the doubled dots taken off, and the Return-Path fields that
// came along dropped (the one that counts is MAIL's). A state machine on bytes: lines may be of any length.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "format/base/error.h"

namespace cyr::lmtpd {

class DataReader {
 public:
  using Sink = std::function<Status(std::string_view)>;
  explicit DataReader(Sink sink) : sink_(std::move(sink)) {}

  // Takes bytes up to the end of the message; how many it used. Ends early only at that end: done().
  Result<std::size_t> feed(std::string_view bytes);
  [[nodiscard]] bool done() const { return done_; }
  // Message-ID (or Resent-Message-ID) and Date, as duplicates are known by; empty when there is none.
  [[nodiscard]] const std::string& message_id() const {
    return message_id_.empty() ? resent_message_id_ : message_id_;
  }
  [[nodiscard]] const std::string& date() const { return date_; }

 private:
  Status end_line();
  Status take_text(std::string_view text, bool starts_line);
  Status end_field();

  Sink sink_;
  std::string line_;      // since the last LF, at most 64 KiB
  bool partial_ = false;  // line_ is the rest of a longer one
  bool in_header_ = true;
  std::string field_;      // a header field with its continuations, until it is complete
  bool overflow_ = false;  // too long to be held: its beginning is gone through already
  bool done_ = false;
  std::string message_id_;
  std::string resent_message_id_;
  std::string date_;
};

}  // namespace cyr::lmtpd
