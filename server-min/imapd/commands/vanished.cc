// See vanished.h.
#include "server-min/imapd/commands/vanished.h"

#include <algorithm>

namespace cyr::imapd {

namespace {

void add_missing(text::SequenceSet& gone, std::uint32_t first, std::uint32_t last,
                 const text::SequenceSet* among) {
  if (among == nullptr) {
    if (first <= last) {
      gone.add(first, last);
    }
    return;
  }
  for (const auto& range : among->ranges()) {
    const std::uint32_t from = std::max(range.first, first);
    const std::uint32_t to = std::min(range.last, last);
    if (from <= to) {
      gone.add(from, to);
    }
  }
}

}  // namespace

void write_vanished_earlier(Output& out, Selected& selected, std::uint64_t since,
                            const text::SequenceSet* among) {
  const mailbox::RecordBlock& records = selected.view().records();
  const mailbox::IndexHeader& index = selected.view().index();
  const bool records_lost = since < index.deletedmodseq;
  text::SequenceSet gone;
  std::uint32_t next = 1;
  for (std::uint32_t recno = 1; recno <= records.size(); ++recno) {
    const std::uint32_t uid = records.uid(recno);
    if (records_lost && uid > next) {
      add_missing(gone, next, uid - 1, among);
    }
    next = uid + 1;
    const bool expunged = (records.system_flags(recno) & mailbox::flag::expunged) != 0;
    if (expunged && (records_lost || records.modseq(recno) > since) &&
        (among == nullptr || among->contains(uid))) {
      gone.add(uid);
    }
  }
  if (records_lost) {
    add_missing(gone, next, index.last_uid, among);
  }
  if (!gone.empty()) {
    out.untagged("VANISHED (EARLIER) {}", gone.print());
  }
}

}  // namespace cyr::imapd
