#include <fmt/format.h>

#include "cyradm/commands/all.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Word, 1> deletemailbox_words = {Word::mailbox};

// A person is told of the mailboxes below before a user's INBOX takes them along.
Status confirm_children(Session& session, const std::string& mailbox) {
  if (!session.settings().interactive || session.settings().yes) {
    return success();
  }
  CYR_TRY(auto* const store, session.backend());
  CYR_TRY(const char separator, store->separator());
  CYR_TRY(const auto below, session.matching(mailbox + separator + "*"));
  if (!below.empty() && !session.confirm(fmt::format(
                            "There {} {} mailbox{} below {}. Delete it?", below.size() == 1 ? "is" : "are",
                            below.size(), below.size() == 1 ? "" : "es", session.shown_name(mailbox)))) {
    return make_error(Errc::cancelled, "nothing was deleted");
  }
  return success();
}

Status run_deletemailbox(Session& session, const Arguments& arguments) {
  CYR_TRY(auto* const store, session.backend());
  const std::string& word = arguments.operands[0];
  if (!Session::is_pattern(word)) {
    CYR_CHECK(confirm_children(session, session.mailbox_name(word)));
  }
  return session.for_each_mailbox(word, "Deleting mailbox",
                                  [store](const std::string& mailbox) { return store->remove(mailbox); });
}

}  // namespace

constexpr Command deletemailbox = {
    .name = "deletemailbox",
    .aliases = {"delete", "dm"},
    .synopsis = "mailbox [host]",
    .summary = "delete mailbox",
    .usage = "deletemailbox mailbox",
    .option_usage = "deletemailbox mailbox [host]",
    .least = 1,
    .most = 1,
    .words = deletemailbox_words,
    .effect = Effect::changes,
    .details =
        "A user's INBOX takes every mailbox below it along; any other mailbox does not. Administrators\n"
        "need the right x on it, which they may give themselves. With a pattern every match is deleted,\n"
        "up to the first failure.",
    .examples =
        "sam user/bovik admin x\n"
        "dm user/bovik\n"
        "dm user/bovik/old.*",
    .run = &run_deletemailbox,
};

}  // namespace cyr::cyradm::commands
