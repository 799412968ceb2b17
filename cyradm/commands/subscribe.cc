// subscribe and unsubscribe.
#include "cyradm/commands/all.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Word, 1> subscription_words = {Word::mailbox};

using Change = Status (Backend::*)(const std::string& mailbox);

Status change(Session& session, const std::string& word, Change how, std::string_view verb,
              std::string_view opposite) {
  CYR_TRY(auto* const store, session.backend());
  return session.for_each_mailbox(word, verb, [&](const std::string& mailbox) -> Status {
    CYR_CHECK((store->*how)(mailbox));
    session.undo_hint({std::string(opposite), mailbox});
    return success();
  });
}

Status run_subscribe(Session& session, const Arguments& arguments) {
  return change(session, arguments.operands[0], &Backend::subscribe, "Subscribing to", "unsubscribe");
}

Status run_unsubscribe(Session& session, const Arguments& arguments) {
  return change(session, arguments.operands[0], &Backend::unsubscribe, "Unsubscribing from", "subscribe");
}

}  // namespace

constexpr Command subscribe = {
    .name = "subscribe",
    .aliases = {"sub"},
    .synopsis = "[mailbox]",
    .summary = "subscribe to a mailbox",
    .least = 1,
    .most = 1,
    .words = subscription_words,
    .bare_errors = true,
    .effect = Effect::changes,
    .details = "Whose subscription it is: that of the user who is logged in (--authz).",
    .examples = "sub shared/news",
    .run = &run_subscribe,
};

constexpr Command unsubscribe = {
    .name = "unsubscribe",
    .aliases = {"unsub"},
    .synopsis = "[mailbox]",
    .summary = "unsubscribe from a mailbox",
    .least = 1,
    .most = 1,
    .words = subscription_words,
    .bare_errors = true,
    .effect = Effect::changes,
    .examples = "unsub shared/news",
    .run = &run_unsubscribe,
};

}  // namespace cyr::cyradm::commands
