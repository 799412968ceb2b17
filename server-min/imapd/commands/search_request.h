// The front of SEARCH, SORT and THREAD, and the ESEARCH response (RFC 4731, 5182, 5267).
#pragma once

#include "server-min/imapd/commands/message_set.h"
#include "server-min/imapd/search_program.h"

namespace cyr::imapd {

struct ReturnOptions {
  bool given = false;  // RETURN (...) stood there: the answer is ESEARCH
  bool min = false, max = false, all = false, count = false, save = false;
};

// "RETURN (...)", if it comes next; `parser` stands on the first byte.
Result<ReturnOptions> take_return(CommandParser& parser);
// The charset word of SORT and THREAD and the search keys to the end of the line.
Result<SearchProgram> take_program(Session& session, CommandParser& parser, std::string charset);

// "Completed (7 msgs in 0.000 secs)".
[[nodiscard]] Answer found_messages(std::size_t count);
// The highest modseq of some messages.
[[nodiscard]] std::uint64_t highest_modseq(Selected& selected, const std::vector<std::uint32_t>& msgnos);
// UIDs or message numbers as the command wants them.
[[nodiscard]] std::uint32_t number_of(Selected& selected, std::uint32_t msgno, bool uid);
// "* ESEARCH (TAG "a1") ..." for messages in result order (SORT) or ascending, and what SAVE keeps.
void write_esearch(Invocation& invocation, const ReturnOptions& options,
                   const std::vector<std::uint32_t>& msgnos, bool modseq, bool sorted);

}  // namespace cyr::imapd
