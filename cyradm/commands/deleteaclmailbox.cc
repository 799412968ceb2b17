#include <algorithm>

#include "cyradm/commands/all.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Word, 2> deleteaclmailbox_words = {Word::mailbox, Word::identifier};

Status remove_all(Session& session, Backend& store, const std::string& mailbox,
                  const std::vector<std::string>& named) {
  std::vector<std::string> ids = named;
  std::vector<AclEntry> before;
  const bool every = ids.front() == "*";
  if (every || session.wants_undo()) {
    CYR_TRY(before, store.acl(mailbox));
  }
  if (every) {
    ids.clear();
    std::transform(before.begin(), before.end(), std::back_inserter(ids),
                   [](const AclEntry& entry) { return entry.id; });
  }
  std::vector<std::string> undo = {"setaclmailbox", mailbox};
  std::optional<Error> failure;
  for (const auto& id : ids) {
    if (auto removed = store.delete_acl(mailbox, id); !removed) {
      Error error = prefixed(std::move(removed).error(), id);
      if (failure) {
        error.what = failure->what + "\n" + error.what;
      }
      failure = std::move(error);
      continue;
    }
    for (const auto& entry : before) {
      if (entry.id == id) {
        undo.insert(undo.end(), {entry.id, entry.rights});
      }
    }
  }
  if (undo.size() > 2) {
    session.undo_hint(undo);
  }
  return failure ? Status(std::move(*failure)) : success();
}

Status run_deleteaclmailbox(Session& session, const Arguments& arguments) {
  CYR_TRY(auto* const store, session.backend());
  const std::vector<std::string> ids(arguments.operands.begin() + 1, arguments.operands.end());
  return session.for_each_mailbox(arguments.operands[0], "Deleting acl on", [&](const std::string& mailbox) {
    return remove_all(session, *store, mailbox, ids);
  });
}

}  // namespace

constexpr Command deleteaclmailbox = {
    .name = "deleteaclmailbox",
    .aliases = {"deleteacl", "dam"},
    .synopsis = "mailbox id [id ...]",
    .summary = "remove ACLs from mailbox",
    .least = 2,
    .most = any_number,
    .words = deleteaclmailbox_words,
    .repeated = 1,
    .effect = Effect::changes,
    .details = "The identifier * stands for every one that the mailbox has.",
    .examples =
        "dam shared/news bovik\n"
        "dam user/bovik/* guests",
    .run = &run_deleteaclmailbox,
};

}  // namespace cyr::cyradm::commands
