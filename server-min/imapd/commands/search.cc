// SEARCH and UID SEARCH (RFC 3501 6.4.4).
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/commands/search_request.h"
#include "server-min/imapd/search_target.h"

namespace cyr::imapd {

Result<Answer> run_search(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const ReturnOptions options, take_return(parser));
  std::string charset = "US-ASCII";
  if (parser.accept_word("CHARSET")) {
    CYR_CHECK(parser.space());
    CYR_TRY(charset, parser.astring());
    CYR_CHECK(parser.space());
  }
  auto program = take_program(session, parser, std::move(charset));
  if (!program) {
    if (options.save && program.error().code != Errc::invalid) {
      session.saved_result = {};  // with NO; BAD leaves it (RFC 5182 2.1)
    }
    return std::move(program).error();
  }
  Selected& selected = *session.selected;
  const std::vector<std::uint32_t> found = search(selected, *program, session.saved_result);
  if (options.given) {
    write_esearch(invocation, options, found, program->uses_modseq, false);
    return found_messages(found.size());
  }
  std::string& out = session.out.buffer();
  out += "* SEARCH";
  for (const std::uint32_t msgno : found) {
    fmt::format_to(std::back_inserter(out), " {}", number_of(selected, msgno, invocation.uid));
  }
  if (program->uses_modseq && !found.empty()) {
    fmt::format_to(std::back_inserter(out), " (MODSEQ {})", highest_modseq(selected, found));
  }
  out += "\r\n";
  return found_messages(found.size());
}

}  // namespace cyr::imapd
