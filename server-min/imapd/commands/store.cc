// STORE and UID STORE (RFC 3501 6.4.6), with UNCHANGEDSINCE (RFC 7162 3.1.3).
#include <algorithm>

#include "format/base/text.h"
#include "server-min/imapd/commands/message_set.h"
#include "server-min/imapd/commands/registry.h"

namespace cyr::imapd {

namespace {

namespace flag = mailbox::flag;
constexpr std::uint32_t kChangeable =
    flag::answered | flag::flagged | flag::draft | flag::deleted | flag::seen;

enum class StoreMode : std::uint8_t { replace, add, remove };

struct StoreRequest {
  StoreMode mode = StoreMode::replace;
  bool silent = false;
  std::optional<std::uint64_t> unchanged_since = {};
  FlagList flags;
};

Result<StoreRequest> parse_store(CommandParser& parser) {
  StoreRequest request;
  CYR_CHECK(parser.space());
  if (parser.peek() == '(') {
    const auto take_one = [&]() -> Status {
      if (!parser.accept_word("UNCHANGEDSINCE")) {
        return bad_argument("Invalid Store modifier");
      }
      CYR_CHECK(parser.space());
      CYR_TRY(request.unchanged_since, parser.number(INT64_MAX));
      return success();
    };
    CYR_CHECK(parser.list(take_one));
    CYR_CHECK(parser.space());
  }
  request.mode = parser.accept('+')   ? StoreMode::add
                 : parser.accept('-') ? StoreMode::remove
                                      : StoreMode::replace;
  const std::string item = parser.word();
  request.silent = equal_ignoring_case(item, "FLAGS.SILENT");
  if (!request.silent && !equal_ignoring_case(item, "FLAGS")) {
    return bad_argument("Invalid Store attribute");
  }
  CYR_CHECK(parser.space());
  CYR_TRY(request.flags, take_flags(parser, "Invalid system flag in Store command"));
  CYR_CHECK(parser.end());
  return request;
}

// What the request does to every message, given what the caller may change.
Result<store::FlagChange> plan_change(const StoreRequest& request, acl::Rights rights,
                                      store::MailboxEdit& edit) {
  store::FlagChange change;
  if (request.mode == StoreMode::replace) {
    FlagList all{.system = kChangeable, .keywords = {}};
    narrow(all, rights);
    change.clear = all.system;
    if (rights.has('w')) {
      change.clear_user.fill(~std::uint32_t{0});
    }
  }
  (request.mode == StoreMode::remove ? change.clear : change.set) |= request.flags.system;
  for (const std::string& keyword : request.flags.keywords) {
    if (request.mode == StoreMode::remove) {
      if (const auto bit = mailbox::find_flag(edit.header(), keyword); bit) {
        change.clear_user_flag(*bit);
      }
      continue;
    }
    auto bit = edit.user_flag(keyword);
    if (!bit && bit.error().code == Errc::invalid) {
      return refuse("Too many user flags in mailbox");
    }
    CYR_TRY(const std::size_t place, std::move(bit));
    change.set_user_flag(place);
  }
  return change;
}

// RFC 4314 4: one of the flags is enough. Without any named, a replacement needs one that may be taken away.
bool may_change(const StoreRequest& request, const FlagList& narrowed, acl::Rights rights) {
  if (request.mode == StoreMode::replace && request.flags.empty()) {
    return rights.has('w') || rights.has('s') || rights.has('t');
  }
  return request.flags.empty() || !narrowed.empty();
}

// What became of the messages of a set.
struct StoreOutcome {
  text::SequenceSet modified;          // left alone because of UNCHANGEDSINCE; numbers as in the command
  std::vector<std::uint32_t> changed;  // message numbers
};

Result<StoreOutcome> apply(Invocation& invocation, const MessageSet& set, const StoreRequest& request) {
  Session& session = invocation.session;
  Selected& selected = *session.selected;
  StoreOutcome outcome;
  CYR_TRY(const auto edit, selected.edit(session.now()));
  CYR_TRY(const store::FlagChange change, plan_change(request, selected.rights(), *edit));
  for (const std::uint32_t msgno : set.msgnos) {
    const MessageRow& row = selected.row(msgno);
    if (row.recno == 0) {
      continue;
    }
    const auto at = edit->at(row.recno, row.uid);
    if (!at || at->record.has(flag::expunged)) {
      continue;
    }
    if (request.unchanged_since && at->record.modseq > *request.unchanged_since) {
      outcome.modified.add(invocation.uid ? row.uid : msgno);
      continue;
    }
    CYR_TRY(const bool any, edit->change_flags(*at, change));
    if (any) {
      outcome.changed.push_back(msgno);
    }
  }
  CYR_CHECK(selected.commit(*edit, outcome.changed));
  if (((change.set | change.clear) & flag::seen) != 0) {
    for (const std::uint32_t msgno : outcome.changed) {
      selected.set_seen(selected.row(msgno), (change.set & flag::seen) != 0);
    }
  }
  return outcome;
}

// The answers to .SILENT: only the modseq, and only for clients that follow it.
void settle_silently(Session& session, const StoreOutcome& outcome, bool uid) {
  Selected& selected = *session.selected;
  for (const std::uint32_t msgno : outcome.changed) {
    MessageRow& row = selected.row(msgno);
    selected.told(row);
    if (session.condstore && selected.is_live(row)) {
      const std::string uid_item = uid || session.qresync ? fmt::format("UID {} ", row.uid) : "";
      session.out.untagged("{} FETCH ({}MODSEQ ({}))", msgno, uid_item,
                           selected.view().records().modseq(row.recno));
      session.out.relieve();
    }
  }
}

}  // namespace

Result<Answer> run_store(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_TRY(const MessageSet set, take_set(invocation));
  CYR_TRY(StoreRequest request, parse_store(invocation.parser));
  Selected& selected = *session.selected;
  if (selected.examined()) {
    return no("Permission denied");
  }
  FlagList narrowed = request.flags;
  narrow(narrowed, selected.rights());
  if (!may_change(request, narrowed, selected.rights())) {
    return no("Permission denied");
  }
  request.flags = std::move(narrowed);
  if (request.unchanged_since) {
    session.enable_condstore("UNCHANGEDSINCE");
  }
  if (set.msgnos.empty()) {
    return ok();
  }
  CYR_TRY(const StoreOutcome outcome, apply(invocation, set, request));
  CYR_CHECK(selected.refresh());
  if (request.silent) {
    settle_silently(session, outcome, invocation.uid);
  }
  if (!outcome.modified.empty()) {
    return ok(fmt::format("[MODIFIED {}] Completed", outcome.modified.print()));
  }
  return ok();
}

}  // namespace cyr::imapd
