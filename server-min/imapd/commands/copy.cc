// COPY and MOVE (RFC 3501 6.4.7, RFC 6851, RFC 4315 COPYUID).
#include "server-min/imapd/commands/copy.h"

#include "format/base/log.h"
#include "format/store/quota_limits.h"
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/commands/target.h"

namespace cyr::imapd {

namespace {

namespace flag = mailbox::flag;

Result<bool> same_quota_root(Session& session, const Selected& from, const meta::MailboxEntry& target) {
  CYR_TRY(const auto root, store::quota_root_of(session.store, target));
  const auto& own = from.view().header().quotaroot;
  return root && own && root->name == *own;
}

Result<store::QuotaDemand> demand_of(Selected& selected, const std::vector<std::uint32_t>& msgnos) {
  store::QuotaDemand demand = store::no_quota_demand;
  std::int64_t& bytes = demand[static_cast<std::size_t>(meta::Resource::storage)];
  bytes = 0;
  for (const std::uint32_t msgno : msgnos) {
    CYR_TRY(const mailbox::IndexRecord record, selected.view().records().record(selected.row(msgno).recno));
    bytes += static_cast<std::int64_t>(record.size);
  }
  demand[static_cast<std::size_t>(meta::Resource::message)] = static_cast<std::int64_t>(msgnos.size());
  return demand;
}

Status expunge_moved(Session& session, Selected& selected, const std::vector<std::uint32_t>& msgnos) {
  CYR_TRY(const auto edit, selected.edit(session.now()));
  for (const std::uint32_t msgno : msgnos) {
    const MessageRow& row = selected.row(msgno);
    const auto at = edit->at(row.recno, row.uid);
    if (at && !at->record.has(flag::expunged)) {
      CYR_CHECK(edit->expunge(*at, true));
    }
  }
  CYR_CHECK(edit->commit());
  log(LogLevel::notice, "Expunged {} messages from {}", msgnos.size(), selected.name());
  return success();
}

// The flags of a copy: those of the original that the caller may set there.
store::CopyOptions copy_options(Selected& selected, const MessageRow& row, acl::Rights rights) {
  FlagList flags;
  flags.system = selected.view().records().system_flags(row.recno) &
                 (flag::answered | flag::flagged | flag::draft | flag::deleted);
  flags.system |= selected.seen(row) ? flag::seen : 0;
  narrow(flags, rights);
  return {.system_flags = flags.system, .user_flags = rights.has('w'), .annotations = true};
}

Result<Answer> copy_or_move(Invocation& invocation, CopyMode mode) {
  Session& session = invocation.session;
  CYR_TRY(MessageSet set, take_set(invocation));
  CYR_CHECK(invocation.parser.space());
  CYR_TRY(const std::string name, invocation.parser.astring());
  CYR_CHECK(invocation.parser.end());
  Selected& selected = *session.selected;
  CYR_TRY(const meta::MailboxEntry target, find_target(session, name));
  const bool move = mode == CopyMode::move;
  if (move && (selected.examined() || !selected.rights().has('t') || !selected.rights().has('e'))) {
    return no("Permission denied");
  }
  CYR_CHECK(selected.refresh());
  std::erase_if(set.msgnos, [&](std::uint32_t msgno) { return !selected.is_live(selected.row(msgno)); });
  if (set.msgnos.empty()) {
    return set.by_uid || set.is_saved ? ok() : no_messages(set);
  }
  CYR_TRY(const CopyResult result, copy_messages(session, selected, target, set.msgnos, mode));
  const std::string code =
      fmt::format("[COPYUID {} {} {}] Completed", result.uidvalidity, result.from.print(), result.to.print());
  const bool may_know = session.caller->rights(target).has('r');  // RFC 4315 3: only of what one can select
  if (!move) {
    return ok(may_know ? code : "Completed");
  }
  if (may_know) {
    session.out.untagged("OK {}", code);
  }
  session.report(true, invocation.uid);
  return ok();
}

}  // namespace

Result<CopyResult> copy_messages(Session& session, Selected& from, const meta::MailboxEntry& target,
                                 const std::vector<std::uint32_t>& msgnos, CopyMode mode) {
  const acl::Rights rights = session.caller->rights(target);
  CYR_TRY(const bool same_root, same_quota_root(session, from, target));
  CopyResult result;
  {
    CYR_TRY(const auto edit, store::MailboxEdit::open(session.store, target, session.locks, session.now()));
    edit->act_for(session.caller->id());
    if (mode == CopyMode::copy || !same_root) {
      CYR_TRY(const store::QuotaDemand demand, demand_of(from, msgnos));
      CYR_TRY(const auto full, edit->over_quota(demand));
      if (full) {
        return refuse("Over quota");
      }
    }
    for (const std::uint32_t msgno : msgnos) {
      const MessageRow& row = from.row(msgno);
      CYR_TRY(const std::uint32_t uid, edit->copy(from.view(), row.recno, copy_options(from, row, rights)));
      result.from.add(row.uid);
      result.to.add(uid);
    }
    CYR_CHECK(edit->commit());
    result.uidvalidity = edit->index().uidvalidity;
  }
  if (mode == CopyMode::move) {
    CYR_CHECK(expunge_moved(session, from, msgnos));
  }
  return result;
}

Result<Answer> run_copy(Invocation& invocation) { return copy_or_move(invocation, CopyMode::copy); }
Result<Answer> run_move(Invocation& invocation) { return copy_or_move(invocation, CopyMode::move); }

}  // namespace cyr::imapd
