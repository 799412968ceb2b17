#include "cyradm/commands/all.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> xfermailbox_options = {
    {{"partition", Word::partition, "on the other server"}}};
constexpr std::array<Word, 3> xfermailbox_words = {Word::mailbox, Word::other, Word::partition};

Status run_xfermailbox(Session& session, const Arguments& arguments) {
  std::optional<std::string> partition = arguments.value("partition");
  if (arguments.operands.size() == 3) {
    if (partition) {
      return usage_error(xfermailbox);
    }
    partition = arguments.operands[2];
  }
  CYR_TRY(auto* const store, session.backend());
  const std::string& server = arguments.operands[1];
  return session.for_each_mailbox(
      arguments.operands[0], "Transferring mailbox",
      [&](const std::string& mailbox) { return store->transfer(mailbox, server, partition); });
}

}  // namespace

constexpr Command xfermailbox = {
    .name = "xfermailbox",
    .aliases = {"xfer"},
    .synopsis = "[--partition partition] mailbox server [partition]",
    .summary = "transfer (relocate) a mailbox to a different server",
    .usage = "xfermailbox [--partition name] mailbox server [partition]",
    .options = xfermailbox_options,
    .least = 2,
    .most = 3,
    .words = xfermailbox_words,
    .effect = Effect::changes,
    .examples = "xfer user/bovik backend2.example.org",
    .run = &run_xfermailbox,
};

}  // namespace cyr::cyradm::commands
