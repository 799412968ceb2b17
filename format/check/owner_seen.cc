#include "format/check/owner_seen.h"

#include <algorithm>

#include "format/base/text.h"
#include "format/check/undo_files.h"
#include "format/store/user_files.h"

namespace cyr::check {

namespace {

// cyrus.seen of 2.0 and older, which 2.1 still looks into.
std::optional<meta::SeenRecord> legacy_seen(Context& context, const std::string& userid) {
  const auto file = context.store.io().read_file(context.state.files.data / "cyrus.seen");
  if (!file) {
    return {};
  }
  for (const auto line : split(file->text(), '\n')) {
    if (auto decoded = meta::decode_seen_line(line); decoded && decoded->userid == userid) {
      return decoded->record;
    }
  }
  return {};
}

}  // namespace

Result<std::optional<SeenState>> owner_seen(Context& context) {
  const State& state = context.state;
  names::UserId user = state.files.user;
  if ((state.index.options & mailbox::option::imap_sharedseen) != 0) {
    user = names::UserId::parse("anyone", context.store.name_space());
  } else if (user.empty()) {
    return std::optional<SeenState>();
  }
  SeenState out;
  out.key = state.entry.uniqueid.empty() ? state.header.uniqueid : state.entry.uniqueid;
  CYR_TRY(out.path, store::user_file(context.store, user, "seen"));
  CYR_TRY(out.stored, database_value(context.store, out.path, out.key));
  std::optional<meta::SeenRecord> record;
  if (out.stored) {
    if (auto decoded = meta::decode_seen(*out.stored)) {
      record = std::move(*decoded);
    }
  } else {
    record = legacy_seen(context, user.text());
  }
  if (record) {
    out.record = std::move(*record);
    if (auto uids = text::SequenceSet::parse(out.record.uids, std::max(state.index.last_uid, 1U))) {
      out.uids = std::move(*uids);
    }
  }
  return std::optional(std::move(out));
}

std::string seen_value(const SeenState& state, const text::SequenceSet& uids, std::uint32_t recentuid,
                       std::uint64_t recenttime) {
  meta::SeenRecord record = state.record;
  record.lastuid = recentuid;
  record.lastchange = static_cast<std::int64_t>(recenttime);
  record.lastread = state.stored ? record.lastread : record.lastchange;
  if (!(uids == state.uids) || !state.stored) {
    record.uids = uids.print();
  }
  return meta::encode_seen(record);
}

}  // namespace cyr::check
