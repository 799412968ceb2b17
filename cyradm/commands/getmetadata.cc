// getmetadata and info.
#include <algorithm>

#include "cyradm/commands/all.h"
#include "cyradm/commands/metadata_text.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> getmetadata_options = {{{"json", {}, "a JSON object for each entry"}}};
constexpr std::array<Word, 2> getmetadata_words = {Word::mailbox, Word::metadata_key};
constexpr std::array<Word, 2> info_words = {Word::mailbox, Word::entry};

Status run_getmetadata(Session& session, const Arguments& arguments) {
  session.set_json_once(arguments.has("json"));
  std::vector<std::string> entries;
  for (std::size_t i = 1; i < arguments.operands.size(); ++i) {
    entries.push_back(metadata_entry(arguments.operands[i]));
  }
  return print_metadata_of(session, arguments.operands, entries);
}

Status run_info(Session& session, const Arguments& arguments) {
  session.set_json_once(arguments.has("json"));
  std::vector<std::string> entries;
  for (std::size_t i = 1; i < arguments.operands.size(); ++i) {
    entries.push_back("/private" + arguments.operands[i]);
    entries.push_back("/shared" + arguments.operands[i]);
  }
  return print_metadata_of(session, arguments.operands, entries);
}

}  // namespace

constexpr Command getmetadata = {
    .name = "getmetadata",
    .aliases = {"getmd"},
    .synopsis = "[mailbox]",
    .summary = "display mailbox/server metadata",
    .options = getmetadata_options,
    .most = any_number,
    .words = getmetadata_words,
    .repeated = 1,
    .bare_errors = true,
    .details =
        "Entries may follow the mailbox: comment (the private one), expire, news2mail, pop3showafter,\n"
        "sharedseen, sieve, specialuse, squat, or a full name such as /shared/comment. The mailbox \"\" is\n"
        "the server.",
    .examples =
        "getmd user/bovik\n"
        "getmd user/bovik expire /shared/comment",
    .run = &run_getmetadata,
};

constexpr Command info = {
    .name = "info",
    .synopsis = "[mailbox]",
    .summary = "display mailbox/server annotations",
    .options = getmetadata_options,
    .most = any_number,
    .words = info_words,
    .repeated = 1,
    .bare_errors = true,
    .details = "Entries may follow the mailbox, without /shared and /private: both are shown.",
    .examples =
        "info\n"
        "info user/bovik /comment",
    .run = &run_info,
};

}  // namespace cyr::cyradm::commands
