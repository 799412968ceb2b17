// FETCH and UID FETCH (RFC 3501 6.4.5), with CHANGEDSINCE and VANISHED (RFC 7162).
#include "format/base/log.h"
#include "server-min/imapd/commands/message_set.h"
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/commands/vanished.h"
#include "server-min/imapd/fetch_writer.h"

namespace cyr::imapd {

namespace {

struct FetchModifiers {
  std::optional<std::uint64_t> changed_since = {};
  bool vanished = false;
};

Result<FetchModifiers> take_modifiers(CommandParser& parser) {
  FetchModifiers modifiers;
  if (!parser.accept(' ')) {
    return modifiers;
  }
  const auto take_one = [&]() -> Status {
    if (parser.accept_word("CHANGEDSINCE")) {
      CYR_CHECK(parser.space());
      CYR_TRY(modifiers.changed_since, parser.number(INT64_MAX));
      return success();
    }
    if (parser.accept_word("VANISHED")) {
      modifiers.vanished = true;
      return success();
    }
    return bad_argument("Invalid Fetch modifier");
  };
  CYR_CHECK(parser.list(take_one));
  return modifiers;
}

}  // namespace

Result<Answer> run_fetch(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_TRY(MessageSet set, take_set(invocation));
  CYR_CHECK(parser.space());
  CYR_TRY(FetchRequest request, parse_fetch(parser));
  CYR_TRY(const FetchModifiers modifiers, take_modifiers(parser));
  CYR_CHECK(parser.end());
  if (modifiers.vanished && (!invocation.uid || !session.qresync || !modifiers.changed_since)) {
    return bad("Invalid Fetch modifier");
  }
  if (invocation.uid) {
    request.add(FetchItem::uid);
  }
  if (modifiers.changed_since) {
    session.enable_condstore("CHANGEDSINCE");
    request.add(FetchItem::modseq);
  }
  if (request.has(FetchItem::modseq)) {
    session.enable_condstore("MODSEQ fetch");
  }
  Selected& selected = *session.selected;
  // What others did is taken over once, so that all messages are of one state.
  if (Status fresh = selected.refresh(); !fresh && fresh.error().code != Errc::not_found) {
    return std::move(fresh).error();
  }
  if (modifiers.vanished) {
    write_vanished_earlier(session.out, selected, *modifiers.changed_since, &set.set);
  }
  if (set.msgnos.empty()) {
    return no_messages(set);
  }
  if (modifiers.changed_since) {
    std::erase_if(set.msgnos, [&](std::uint32_t msgno) {
      const std::uint32_t recno = selected.row(msgno).recno;
      return recno == 0 || selected.view().records().modseq(recno) <= *modifiers.changed_since;
    });
  }
  if (request.set_seen) {
    CYR_CHECK(mark_seen(session, set.msgnos));
    CYR_CHECK(selected.refresh());
  }
  std::optional<Answer> trouble;
  for (const std::uint32_t msgno : set.msgnos) {
    if (selected.row(msgno).recno == 0 || session.out.failed()) {
      continue;
    }
    if (Status written = write_fetch(session.out, selected, msgno, request, session.condstore);
        !written && !trouble) {
      trouble = answer_for(written.error());
    }
  }
  return trouble.value_or(completed());
}

}  // namespace cyr::imapd
