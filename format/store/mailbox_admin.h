// Administration of a store, one function per operation (format/doc/administration.md):
//
//   create_mailbox delete_mailbox rename_mailbox      set_acl rights_of possible_rights
//   set_quota get_quota quota_root_of                 set_metadata get_metadata set_server_metadata
//   special_uses subscribe unsubscribe subscriptions_of            autocreate_user
//
// Each takes the locks that Cyrus takes, checks what admin.actor may do, and does what 3.6.1 does in the
// store. An Error that refusal_of() knows has the server's words; any other is trouble with the store. With a
// read-only Io everything is checked and nothing written.
#pragma once

#include "format/store/administration.h"      // IWYU pragma: export
#include "format/store/autocreate.h"          // IWYU pragma: export
#include "format/store/create_mailbox.h"      // IWYU pragma: export
#include "format/store/delete_mailbox.h"      // IWYU pragma: export
#include "format/store/mailbox_acl.h"         // IWYU pragma: export
#include "format/store/metadata.h"            // IWYU pragma: export
#include "format/store/quota_limits.h"        // IWYU pragma: export
#include "format/store/rename_mailbox.h"      // IWYU pragma: export
#include "format/store/user_subscriptions.h"  // IWYU pragma: export
