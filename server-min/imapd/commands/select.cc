// SELECT, EXAMINE, CLOSE, UNSELECT (RFC 3501 6.3.1, 6.4.2; RFC 3691), CONDSTORE and QRESYNC (RFC 7162).
#include <algorithm>

#include "format/base/log.h"
#include "server-min/imapd/commands/message_set.h"
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/commands/vanished.h"
#include "server-min/imapd/fetch_writer.h"
#include "server-min/imapd/quota_alert.h"

namespace cyr::imapd {

namespace {

struct QresyncRequest {
  std::uint32_t uidvalidity = 0;
  std::uint64_t modseq = 0;
  std::optional<text::SequenceSet> known_uids = {};
  std::vector<std::uint32_t> match_numbers = {}, match_uids = {};
};
struct SelectRequest {
  std::string mailbox;
  bool condstore = false;
  std::optional<QresyncRequest> qresync = {};
};

constexpr std::size_t kMaxMatches = 10'000;

// The members of a set, in its order; Errc::invalid for `*` and for too many.
Result<std::vector<std::uint32_t>> members(const std::string& text) {
  CYR_TRY(const auto ranges, parse_sequence(text));
  std::vector<std::uint32_t> out;
  for (const SequenceRange& range : ranges) {
    if (!range.first || !range.last || *range.last < *range.first ||
        *range.last - *range.first >= kMaxMatches || out.size() >= kMaxMatches) {
      return bad_argument("Invalid sequence in Select");
    }
    for (std::uint64_t number = *range.first; number <= *range.last; ++number) {
      out.push_back(static_cast<std::uint32_t>(number));
    }
  }
  return out;
}

Status take_matches(CommandParser& parser, QresyncRequest& request) {
  CYR_CHECK(parser.expect('('));
  CYR_TRY(const std::string numbers, parser.sequence());
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string uids, parser.sequence());
  CYR_CHECK(parser.expect(')'));
  CYR_TRY(request.match_numbers, members(numbers));
  CYR_TRY(request.match_uids, members(uids));
  return request.match_numbers.size() == request.match_uids.size()
             ? success()
             : Status(bad_argument("Invalid sequence in Select"));
}

Result<QresyncRequest> take_qresync(CommandParser& parser) {
  QresyncRequest request;
  CYR_CHECK(parser.space());
  CYR_CHECK(parser.expect('('));
  CYR_TRY(const std::uint64_t validity, parser.number(UINT32_MAX));
  request.uidvalidity = static_cast<std::uint32_t>(validity);
  CYR_CHECK(parser.space());
  CYR_TRY(request.modseq, parser.number(INT64_MAX));
  while (parser.accept(' ')) {
    if (parser.peek() == '(') {
      CYR_CHECK(take_matches(parser, request));
      continue;
    }
    CYR_TRY(const std::string text, parser.sequence());
    CYR_TRY(const auto ranges, parse_sequence(text));
    request.known_uids = resolve_sequence(ranges, UINT32_MAX);
  }
  CYR_CHECK(parser.expect(')'));
  return request;
}

Result<SelectRequest> parse_select(Session& session, CommandParser& parser) {
  SelectRequest request;
  CYR_CHECK(parser.space());
  CYR_TRY(request.mailbox, parser.astring());
  if (parser.accept(' ')) {
    const auto take_one = [&]() -> Status {
      if (parser.accept_word("CONDSTORE")) {
        request.condstore = true;
        return success();
      }
      if (parser.accept_word("QRESYNC") && session.qresync) {
        request.condstore = true;
        CYR_TRY(request.qresync, take_qresync(parser));
        return success();
      }
      return bad_argument("Invalid modifier in " + parser.command());
    };
    CYR_CHECK(parser.list(take_one));
  }
  CYR_CHECK(parser.end());
  return request;
}

// From where on the client's messages may differ: what he says of matching numbers and UIDs spares him
// VANISHED for those below (RFC 7162 3.2.5.2).
std::uint32_t first_unsure_uid(Selected& selected, const QresyncRequest& request) {
  std::uint32_t sure = 0;
  for (std::size_t i = 0; i < request.match_uids.size(); ++i) {
    const auto msgno = selected.find_uid(request.match_uids[i]);
    if (msgno != request.match_numbers[i]) {
      break;
    }
    sure = request.match_uids[i];
  }
  return sure + 1;
}

void write_resync(Session& session, const QresyncRequest& request) {
  Selected& selected = *session.selected;
  if (request.uidvalidity != selected.view().index().uidvalidity) {
    return;
  }
  text::SequenceSet among;
  const std::uint32_t first = first_unsure_uid(selected, request);
  const std::uint32_t last = selected.view().index().last_uid;
  if (first <= last) {
    text::SequenceSet all;
    all.add(first, last);
    for (const auto& range : (request.known_uids ? *request.known_uids : all).ranges()) {
      if (range.last >= first && range.first <= last) {
        among.add(std::max(range.first, first), std::min(range.last, last));
      }
    }
  }
  write_vanished_earlier(session.out, selected, request.modseq, &among);
  FetchRequest items;
  items.add(FetchItem::uid);
  items.add(FetchItem::flags);
  items.add(FetchItem::modseq);
  for (std::uint32_t msgno = 1; msgno <= selected.exists(); ++msgno) {
    const MessageRow& row = selected.row(msgno);
    const bool known = !request.known_uids || request.known_uids->contains(row.uid);
    if (row.recno != 0 && known && selected.view().records().modseq(row.recno) > request.modseq) {
      (void)write_fetch(session.out, selected, msgno, items, true);
    }
  }
}

void write_responses(Session& session) {
  Selected& selected = *session.selected;
  const mailbox::IndexHeader& index = selected.view().index();
  Output& out = session.out;
  alert_quota(session);
  out.untagged("{} EXISTS", selected.exists());
  out.untagged("{} RECENT", selected.recent());
  out.untagged("FLAGS {}", selected.flag_list());
  out.untagged("OK [PERMANENTFLAGS {}] Ok", selected.permanent_flag_list());
  if (const auto unseen = selected.first_unseen(); unseen) {
    out.untagged("OK [UNSEEN {}] Ok", *unseen);
  }
  out.untagged("OK [UIDVALIDITY {}] Ok", index.uidvalidity);
  out.untagged("OK [UIDNEXT {}] Ok", std::uint64_t{index.last_uid} + 1);
  out.untagged("OK [HIGHESTMODSEQ {}] Ok", index.highestmodseq);
  out.untagged("OK [MAILBOXID ({})] Ok", selected.view().header().uniqueid);
}

Result<Answer> select(Invocation& invocation, bool examine) {
  Session& session = invocation.session;
  auto request = parse_select(session, invocation.parser);
  if (!request) {
    return std::move(request).error();
  }
  if (session.selected) {
    session.close_selected();
    session.out.untagged("OK [CLOSED] Ok");
  }
  CYR_TRY(const meta::MailboxEntry entry, session.find_mailbox(request->mailbox, 'r'));
  CYR_TRY(session.selected,
          Selected::open(session.store, session.locks, *session.caller, entry, examine, session.now()));
  session.saved_result = {};
  session.condstore = session.condstore || request->condstore;
  log(LogLevel::debug, "open: user {} opened {}", session.caller->user(), session.print_name(entry.name));
  write_responses(session);
  if (request->qresync) {
    write_resync(session, *request->qresync);
  }
  return ok(session.selected->read_only() ? "[READ-ONLY] Completed" : "[READ-WRITE] Completed");
}

}  // namespace

Result<Answer> run_select(Invocation& invocation) { return select(invocation, false); }
Result<Answer> run_examine(Invocation& invocation) { return select(invocation, true); }

Result<Answer> run_unselect(Invocation& invocation) {
  CYR_CHECK(invocation.parser.end());
  invocation.session.close_selected();
  return ok();
}

Result<Answer> run_close(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_CHECK(invocation.parser.end());
  Selected& selected = *session.selected;
  if (!selected.examined() && selected.rights().has('e')) {
    if (const auto expunged = expunge_deleted(session, nullptr); !expunged) {
      log(LogLevel::error, "{}: {}", selected.name(), expunged.error().text());
    }
  }
  session.close_selected();
  return ok();
}

}  // namespace cyr::imapd
