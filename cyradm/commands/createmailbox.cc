#include "cyradm/commands/all.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 2> createmailbox_options = {{
    {"partition", Word::partition, "where its messages are to lie"},
    {"specialuse", Word::special_use, "such as \\\\Junk"},
}};
constexpr std::array<Word, 2> createmailbox_words = {Word::new_mailbox, Word::partition};

Status run_createmailbox(Session& session, const Arguments& arguments) {
  if (arguments.operands.size() == 2 && arguments.has("partition")) {
    return usage_error(createmailbox);
  }
  CYR_TRY(auto* const store, session.backend());
  CreateOptions how;
  how.partition = arguments.value("partition");
  how.special_use = arguments.value("specialuse");
  if (arguments.operands.size() == 2) {
    how.partition = arguments.operands[1];
  }
  const std::string mailbox = session.mailbox_name(arguments.operands[0]);
  CYR_CHECK(store->create(mailbox, how));
  session.undo_hint({"deletemailbox", mailbox});
  return success();
}

}  // namespace

constexpr Command createmailbox = {
    .name = "createmailbox",
    .aliases = {"create", "cm"},
    .synopsis = "[--partition partition] [--specialuse specialuse] mailbox [partition]",
    .summary = "create mailbox",
    .usage = "createmailbox [--partition partition] mailbox [partition]",
    .option_usage = "createmailbox [--partition partition] [--specialuse specialuse] mailbox [partition]",
    .options = createmailbox_options,
    .least = 1,
    .most = 2,
    .words = createmailbox_words,
    .effect = Effect::changes,
    .details =
        "The new mailbox takes over the ACL of the nearest mailbox above it; a user's INBOX gives its\n"
        "owner every right. A special use is typed with two backslashes, or in quotes with two.",
    .examples =
        "cm user/bovik\n"
        "cm --partition fast user/bovik/Archive\n"
        "cm --specialuse \\\\Junk user/bovik/Spam",
    .run = &run_createmailbox,
};

}  // namespace cyr::cyradm::commands
