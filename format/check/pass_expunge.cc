// cyrus.expunge of Cyrus 2.3 (mailbox.md 7). Beside an index before v12 it is part of the mailbox: its UIDs
// are messages that are expunged and not yet removed. Beside a newer index it is left over, and Cyrus 2.5 and
// later would delete every message file it names; its records are taken into the index as expunged ones
// instead and the file is set aside.
#include <algorithm>

#include "format/check/context.h"
#include "format/check/messages.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

Status merge(Context& context, const mailbox::IndexImage& image) {
  State& state = context.state;
  std::vector<std::uint32_t> present;
  present.reserve(state.records.size());
  for (std::size_t i = 0; i < state.records.size(); ++i) {
    present.push_back(state.records.uid(i));
  }
  for (const auto& old : image.records) {
    const bool known = std::binary_search(present.begin(), present.end(), old.uid);
    if (old.uid == 0 || known || find_file(state, old.uid) == state.listing.messages.end()) {
      continue;
    }
    const auto summary = parse_message_file(context, old.uid, false, old.internaldate);
    if (!summary || summary->size == 0) {
      continue;  // pass_files says what is wrong with the file
    }
    auto record = old;
    take_summary(state, *summary, record);  // fields that 2.3 did not have
    record.cache_crc = old.cache_crc;       // until the cache is made
    record.system_flags |= mailbox::flag::expunged;
    record.modseq = std::max<std::uint64_t>(record.modseq, 1);
    record.createdmodseq = record.modseq;
    record.savedate = record.internaldate;
    CYR_CHECK(state.records.append(record));
    state.records.set_cache_bad(state.records.size() - 1);
    state.write_cache = true;
    present.insert(std::lower_bound(present.begin(), present.end(), old.uid), old.uid);
    state.index.last_uid = std::max(state.index.last_uid, old.uid);
  }
  state.records.tidy();
  return success();
}

}  // namespace

Status pass_expunge_file(Context& context) {
  State& state = context.state;
  const auto file = context.store.io().read_file(state.files.expunge);
  if (!file) {
    return file.error().code == Errc::not_found ? success() : Status(file.error());
  }
  const auto image = mailbox::decode_index(file->bytes());
  const bool belongs = !state.index_lost && !mailbox::has_record_crc(state.index.minor_version);
  if (belongs) {
    if (image) {
      state.expunge_header = image->header;
      state.expunge.reset(mailbox::record_layout(image->header), image->header.record_size);
      for (const auto& record : image->records) {
        CYR_CHECK(state.expunge.append(record));
        state.expunge_uids.push_back(record.uid);
      }
      std::sort(state.expunge_uids.begin(), state.expunge_uids.end());
    }
    return success();
  }
  context.fix(with(context.of(Problem::expunge_file),
                   {.found = image ? std::to_string(image->records.size()) : "unreadable"}));
  state.actions.push_back({FileAction::Kind::set_aside, Problem::expunge_file, state.files.expunge, {}});
  state.write_index = true;
  return image ? merge(context, *image) : success();
}

}  // namespace cyr::check
