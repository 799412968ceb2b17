// LIST and LSUB of an administrator, from the mailbox list itself.
#pragma once

#include "cyradm/backend.h"
#include "format/store/administration.h"

namespace cyr::cyradm {

Status list_mailboxes(store::Administration& admin, const ListQuery& query,
                      const std::function<Status(MailboxRow)>& visit);

}  // namespace cyr::cyradm
