// What is asked of a message: how it is appended, which flags change.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/mailbox/index.h"

namespace cyr::store {

// An annotation of a message that comes with it.
struct MessageAnnotation {
  std::string entry;   // "/comment"
  std::string userid;  // empty: shared
  std::string value;
};

struct AppendOptions {
  std::uint32_t system_flags = 0;                 // \Answered \Flagged \Deleted \Draft \Seen of mailbox::flag
  std::vector<std::string> user_flags = {};       // names; bits are given out as needed
  std::optional<std::int64_t> internaldate = {};  // seconds; nothing: now
  std::vector<MessageAnnotation> annotations = {};
};

struct CopyOptions {
  std::uint32_t system_flags = 0;  // of the copy
  bool user_flags = true;          // keep the user flags
  bool annotations = true;         // keep the shared ones and those of the user that copies
};

// A change of flags: first `clear`, then `set`. STORE FLAGS (replace) clears every flag that the user may
// change, and sets those given.
struct FlagChange {
  std::uint32_t set = 0, clear = 0;  // of mailbox::flag
  std::array<std::uint32_t, mailbox::kUserFlagWords> set_user{}, clear_user{};

  void set_user_flag(std::size_t bit) { set_user.at(bit / 32) |= 1U << (bit % 32); }
  void clear_user_flag(std::size_t bit) { clear_user.at(bit / 32) |= 1U << (bit % 32); }
};

}  // namespace cyr::store
