#include "cyradm/commands/all.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> reconstruct_options = {{{"r", {}, "and every mailbox below"}}};
constexpr std::array<Word, 1> reconstruct_words = {Word::mailbox};

Status run_reconstruct(Session& session, const Arguments& arguments) {
  CYR_TRY(auto* const store, session.backend());
  const bool recursive = arguments.has("r");
  return session.for_each_mailbox(arguments.operands[0], "Reconstructing", [&](const std::string& mailbox) {
    return store->reconstruct(mailbox, recursive,
                              [&session](std::string_view line) { session.out().print("{}\n", line); });
  });
}

}  // namespace

constexpr Command reconstruct = {
    .name = "reconstruct",
    .synopsis = "mailbox",
    .summary = "reconstruct mailbox (if supported)",
    .usage = "reconstruct [-r] mailbox",
    .options = reconstruct_options,
    .least = 1,
    .most = 1,
    .words = reconstruct_words,
    .effect = Effect::changes,
    .details = "With -r every mailbox below is reconstructed, too.",
    .examples =
        "reconstruct user/bovik\n"
        "reconstruct -r user/bovik",
    .run = &run_reconstruct,
};

}  // namespace cyr::cyradm::commands
