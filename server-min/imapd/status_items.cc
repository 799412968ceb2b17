// See status_items.h. The index header answers most items; the records are only read when somebody's own seen
// state or \Recent is asked for.
#include "server-min/imapd/status_items.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/store/mailbox_view.h"
#include "format/store/seen_state.h"

namespace cyr::imapd {

namespace {

namespace flag = mailbox::flag;

struct StatusName {
  std::string_view name;
  StatusItem item;
};
// In the order of the answer.
constexpr std::array<StatusName, 10> kStatusItems{{
    {"MESSAGES", StatusItem::messages},
    {"RECENT", StatusItem::recent},
    {"UIDNEXT", StatusItem::uidnext},
    {"UIDVALIDITY", StatusItem::uidvalidity},
    {"MAILBOXID", StatusItem::mailboxid},
    {"UNSEEN", StatusItem::unseen},
    {"SIZE", StatusItem::size},
    {"HIGHESTMODSEQ", StatusItem::highestmodseq},
    {"DELETED", StatusItem::deleted},
    {"DELETED-STORAGE", StatusItem::deleted_storage},
}};
constexpr unsigned kUnseenInHeader = 15;  // the first index version that counts unseen messages

constexpr StatusItems bit(StatusItem item) { return 1U << static_cast<unsigned>(item); }

struct Counts {
  mailbox::IndexHeader index;
  std::uint32_t recent = 0;
  std::uint32_t unseen = 0;
};

Result<mailbox::IndexHeader> header_of(Session& session, const meta::MailboxEntry& entry) {
  CYR_TRY(const store::MailboxFiles files, session.store.files(entry));
  CYR_TRY(auto lock,
          store::MailboxLock::take(session.store.io(), files, store::LockFor::examine, session.locks));
  if (!lock.has_index()) {
    return refuse("Mailbox does not exist");
  }
  CYR_TRY(mailbox::IndexHeader index, mailbox::read_index_header(lock.index()));
  mailbox::apply_read_defaults(index);
  return index;
}

Result<Counts> count_records(Session& session, const meta::MailboxEntry& entry) {
  CYR_TRY(auto view, store::MailboxView::open(session.store, entry));
  Counts counts;
  counts.index = view->index();
  const names::UserId& user = session.caller->id();
  const bool in_index = store::seen_is_in_index(counts.index, view->files().user, user);
  store::SeenState seen;
  if (!in_index) {
    CYR_TRY(seen,
            store::read_seen(session.store, store::seen_user(counts.index, user), view->header().uniqueid));
  }
  const std::uint32_t told = in_index ? counts.index.recentuid : seen.record.lastuid;
  const mailbox::RecordBlock& records = view->records();
  counts.index.exists = 0;
  for (std::uint32_t recno = 1; recno <= records.size(); ++recno) {
    const std::uint32_t flags = records.system_flags(recno);
    if ((flags & flag::expunged) != 0) {
      continue;
    }
    const std::uint32_t uid = records.uid(recno);
    ++counts.index.exists;
    counts.recent += uid > told ? 1 : 0;
    counts.unseen += (in_index ? (flags & flag::seen) != 0 : seen.uids.contains(uid)) ? 0 : 1;
  }
  CYR_CHECK(store::MailboxView::close(std::move(view), session.locks, session.now()));
  return counts;
}

// The counts of a mailbox, with as little reading as the items allow.
Result<Counts> count(Session& session, const meta::MailboxEntry& entry, StatusItems items) {
  CYR_TRY(const store::MailboxFiles files, session.store.files(entry));
  Counts counts;
  CYR_TRY(counts.index, header_of(session, entry));
  const bool in_index = store::seen_is_in_index(counts.index, files.user, session.caller->id());
  const bool recent_known = in_index && counts.index.recentuid >= counts.index.last_uid;
  const bool unseen_known = in_index && counts.index.minor_version >= kUnseenInHeader;
  // What 3.6.1 takes back to an older version counts expunged messages, too.
  const bool exists_known = mailbox::has_record_crc(counts.index.minor_version);
  counts.unseen = counts.index.unseen;
  if (((items & bit(StatusItem::messages)) != 0 && !exists_known) ||
      ((items & bit(StatusItem::recent)) != 0 && !recent_known) ||
      ((items & bit(StatusItem::unseen)) != 0 && !unseen_known)) {
    return count_records(session, entry);
  }
  return counts;
}

Counts count_selected(Selected& selected) {
  Counts counts;
  counts.index = selected.view().index();
  counts.index.exists = selected.exists();
  counts.recent = selected.recent();
  for (std::uint32_t msgno = 1; msgno <= selected.exists(); ++msgno) {
    counts.unseen += selected.seen(selected.row(msgno)) ? 0 : 1;
  }
  return counts;
}

std::string value_of(StatusItem item, const Counts& counts, const std::string& uniqueid) {
  const mailbox::IndexHeader& index = counts.index;
  switch (item) {
    case StatusItem::messages:
      return std::to_string(index.exists);
    case StatusItem::recent:
      return std::to_string(counts.recent);
    case StatusItem::uidnext:
      return std::to_string(std::uint64_t{index.last_uid} + 1);
    case StatusItem::uidvalidity:
      return std::to_string(index.uidvalidity);
    case StatusItem::mailboxid:
      return "(" + uniqueid + ")";
    case StatusItem::unseen:
      return std::to_string(counts.unseen);
    case StatusItem::size:
      return std::to_string(index.quota_mailbox_used);
    case StatusItem::highestmodseq:
      return std::to_string(index.highestmodseq);
    case StatusItem::deleted:
      return std::to_string(index.deleted);
    case StatusItem::deleted_storage:
      return std::to_string(index.quota_deleted_used);
  }
  return "0";
}

}  // namespace

Result<StatusItems> parse_status_items(CommandParser& parser) {
  StatusItems items = 0;
  const auto take_one = [&]() -> Status {
    const std::string word = parser.word();
    const auto* const row =
        std::find_if(kStatusItems.begin(), kStatusItems.end(),
                     [&](const StatusName& name) { return equal_ignoring_case(name.name, word); });
    if (row == kStatusItems.end()) {
      return bad_argument("Invalid Status attributes " + lower_ascii(word));
    }
    items |= bit(row->item);
    return success();
  };
  CYR_CHECK(parser.filled_list(take_one));
  return items;
}

Status write_status(Session& session, const meta::MailboxEntry& entry, StatusItems items) {
  Counts counts;
  if (session.selected && session.selected->name() == entry.name) {
    session.report(true);  // so that the counts are those that the client knows
  }
  if (session.selected && session.selected->name() == entry.name) {
    counts = count_selected(*session.selected);
  } else {
    CYR_TRY(counts, count(session, entry, items));
  }
  std::string list;
  for (const StatusName& row : kStatusItems) {
    if ((items & bit(row.item)) != 0) {
      list += fmt::format("{}{} {}", list.empty() ? "" : " ", row.name,
                          value_of(row.item, counts, entry.uniqueid));
    }
  }
  session.out.untagged("STATUS {} ({})", session.quoted_name(entry.name), list);
  return success();
}

}  // namespace cyr::imapd
