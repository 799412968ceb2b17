// EXPUNGE and UID EXPUNGE (RFC 3501 6.4.3, RFC 4315).
#include "format/base/log.h"
#include "server-min/imapd/commands/message_set.h"
#include "server-min/imapd/commands/registry.h"

namespace cyr::imapd {

Result<std::uint32_t> expunge_deleted(Session& session, const text::SequenceSet* uids) {
  Selected& selected = *session.selected;
  CYR_CHECK(selected.refresh());
  const mailbox::RecordBlock& records = selected.view().records();
  std::vector<std::uint32_t> recnos;
  for (std::uint32_t recno = 1; recno <= records.size(); ++recno) {
    const std::uint32_t flags = records.system_flags(recno);
    if ((flags & mailbox::flag::deleted) != 0 && (flags & mailbox::flag::expunged) == 0 &&
        (uids == nullptr || uids->contains(records.uid(recno)))) {
      recnos.push_back(recno);
    }
  }
  std::uint32_t count = 0;
  if (recnos.empty()) {
    return count;
  }
  CYR_TRY(const auto edit, selected.edit(session.now()));
  for (const std::uint32_t recno : recnos) {
    const auto at = edit->at(recno, records.uid(recno));
    if (at && at->record.has(mailbox::flag::deleted) && !at->record.has(mailbox::flag::expunged)) {
      CYR_CHECK(edit->expunge(*at));
      ++count;
    }
  }
  CYR_CHECK(edit->commit());
  log(LogLevel::notice, "Expunged {} messages from {}", count, selected.name());
  return count;
}

Result<Answer> run_expunge(Invocation& invocation) {
  Session& session = invocation.session;
  std::optional<text::SequenceSet> uids;
  if (invocation.uid) {
    CYR_TRY(MessageSet set, take_set(invocation));
    uids = std::move(set.set);
  }
  CYR_CHECK(invocation.parser.end());
  Selected& selected = *session.selected;
  if (selected.examined() || !selected.rights().has('e')) {
    return no("Permission denied");
  }
  CYR_TRY(const std::uint32_t count, expunge_deleted(session, uids ? &*uids : nullptr));
  session.report(true, invocation.uid);
  if (count > 0 && session.selected && session.selected->highestmodseq() > 0) {
    return ok(fmt::format("[HIGHESTMODSEQ {}] Completed", session.selected->highestmodseq()));
  }
  return ok();
}

}  // namespace cyr::imapd
