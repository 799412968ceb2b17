// Why an operation on a mailbox was refused, in the words of Cyrus 3.6 (imap/imap_err). The text is what a
// server says after NO, and by it refusal_of() knows the reason again, so that an Error can travel through
// any caller.
#pragma once

#include <optional>
#include <string_view>

#include "format/base/error.h"

namespace cyr::store {

enum class Refusal : std::uint8_t {
  nonexistent,         // or the caller may not know that it exists
  exists,              //
  bad_name,            //
  permission,          //
  not_supported,       // INBOX deleted by its owner, a user renamed without allowusermoves ...
  over_quota,          //
  has_children,        // HASCHILDREN
  unknown_partition,   //
  invalid_identifier,  // of an ACL entry
  unknown_resource,    // of a quota
  no_quota_root,       //
  rename_and_move,     // another name and another partition at once
  special_use,         // another mailbox of the user has it, or specialuse_protect; CREATE says USEATTR
  annotation_entry,    // no such entry or no such special use
  annotation_value,    // not of the entry's type
  bad_parameters,      // no date
};

struct RefusalInfo {
  Refusal refusal;
  Errc code;
  std::string_view text;           // "Mailbox does not exist"
  std::string_view response_code;  // of the tagged NO, "HASCHILDREN"; mostly empty
};

[[nodiscard]] const RefusalInfo& info_of(Refusal refusal);
[[nodiscard]] Error refuse(Refusal refusal);
// Nothing for an error that is none of these: a failed system call, a damaged file.
[[nodiscard]] std::optional<Refusal> refusal_of(const Error& error);

}  // namespace cyr::store
