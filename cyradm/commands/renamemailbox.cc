#include "cyradm/commands/all.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> renamemailbox_options = {{{"partition", Word::partition, "move it there"}}};
constexpr std::array<Word, 3> renamemailbox_words = {Word::mailbox, Word::new_mailbox, Word::partition};

Status run_renamemailbox(Session& session, const Arguments& arguments) {
  std::optional<std::string> partition = arguments.value("partition");
  if (arguments.operands.size() == 3) {
    if (partition) {
      return usage_error(renamemailbox);
    }
    partition = arguments.operands[2];
  }
  CYR_TRY(auto* const store, session.backend());
  const std::string& from = arguments.operands[0];
  const std::string& to = arguments.operands[1];
  if (Session::is_pattern(from) || Session::is_pattern(to)) {
    if (from != to || !partition) {
      return make_error(Errc::invalid, "a pattern can only be moved: give it twice, and a partition");
    }
    return session.for_each_mailbox(from, "Moving mailbox", [store, &partition](const std::string& mailbox) {
      return store->rename(mailbox, mailbox, partition);
    });
  }
  CYR_CHECK(store->rename(session.mailbox_name(from), session.mailbox_name(to), partition));
  if (from != to) {
    session.undo_hint({"renamemailbox", to, from});
  }
  return success();
}

}  // namespace

constexpr Command renamemailbox = {
    .name = "renamemailbox",
    .aliases = {"renm", "rename"},
    .synopsis = "[--partition partition] oldname newname [partition]",
    .summary = "rename (and optionally relocate) mailbox",
    .usage = "renamemailbox [--partition name] oldname newname [partition]",
    .options = renamemailbox_options,
    .least = 2,
    .most = 3,
    .words = renamemailbox_words,
    .effect = Effect::changes,
    .details =
        "A mailbox with children takes them along. To move it to another partition only, give its name\n"
        "twice; then a pattern will do as well.",
    .examples =
        "renm user/bovik user/bovik2\n"
        "renm --partition fast user/bovik user/bovik",
    .run = &run_renamemailbox,
};

}  // namespace cyr::cyradm::commands
