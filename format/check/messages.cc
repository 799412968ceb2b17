#include "format/check/messages.h"

#include <algorithm>

#include "format/mailbox/index_layout.h"
#include "format/store/parse_options.h"

namespace cyr::check {

namespace {

// Bytes of memory for cache records kept for the commit; less beside the records of a mailbox of very many.
constexpr std::size_t kRebuiltRoom = std::size_t{24} << 20U;
constexpr std::size_t kRebuiltRoomBesideMany = std::size_t{4} << 20U;
constexpr std::size_t kMany = 200000;     // records
constexpr std::size_t kRebuiltCost = 96;  // bytes that keeping one takes beside its own
constexpr std::uint16_t kNewestCacheVersion = 14;

}  // namespace

mime::ParseOptions parse_options(const Context& context) {
  mime::ParseOptions options = store::parse_options(context.store.config());
  options.profile = context.state.cache_profile != nullptr
                        ? context.state.cache_profile
                        : mime::cache_profile_for_version(context.state.cache_version);
  return options;
}

MessageToParse message_to_parse(const Context& context, std::uint32_t uid, bool archived,
                                std::uint64_t internaldate) {
  const auto moved = context.state.content_at.find({uid, archived});
  const std::uint32_t name = moved == context.state.content_at.end() ? uid : moved->second;
  return {uid, archived, internaldate, name, 0};
}

Result<mime::MessageSummary> parse_message_file(Context& context, std::uint32_t uid, bool archived,
                                                std::uint64_t internaldate) {
  const auto message = message_to_parse(context, uid, archived, internaldate);
  auto ready = context.ahead.take(message);
  auto summary = ready ? std::move(*ready) : parse(context.message_reader(), message, parse_options(context));
  context.summary.parsed += summary ? 1 : 0;
  return summary;
}

void keep_rebuilt(State& state, std::uint32_t uid, std::string cache_record) {
  const std::size_t cost = cache_record.size() + kRebuiltCost;
  const std::size_t messages = std::max(state.records.size(), state.listing.messages.size());
  const std::size_t room = messages < kMany ? kRebuiltRoom : kRebuiltRoomBesideMany;
  if (state.rebuilt_bytes + cost > room) {
    return;
  }
  state.rebuilt_bytes += cost;
  cache_record.shrink_to_fit();  // it has grown by doubling
  state.rebuilt.insert_or_assign(uid, std::move(cache_record));
}

void take_summary(const State& state, const mime::MessageSummary& summary, mailbox::IndexRecord& record) {
  const unsigned layout = state.records.layout();
  record.size = summary.size;
  record.header_size = summary.header_size;
  record.content_offset = mailbox::has_record_crc(layout) ? 0 : summary.header_size;
  record.gmtime = summary.gmtime;
  record.sentdate = summary.sentdate;
  record.guid = summary.guid;
  record.cache_version = summary.cache_version;
  record.cache_crc = summary.cache_crc;
  // v5 to v13 count lines; later releases write 0 there.
  record.content_lines = layout >= 5 && layout < 14 ? summary.content_lines : 0;
}

mailbox::IndexRecord new_record(Context& context, const store::MessageFile& file,
                                const mime::MessageSummary& summary) {
  State& state = context.state;
  mailbox::IndexRecord record;
  record.uid = file.uid;
  record.internaldate =
      file.mtime > 0 ? static_cast<std::uint64_t>(file.mtime) : static_cast<std::uint64_t>(context.now);
  record.internaldate_nsec = mailbox::has_nanoseconds(state.records.layout()) ? file.mtime_nsec : 0;
  take_summary(state, summary, record);
  record.last_updated = static_cast<std::uint64_t>(context.now);
  record.savedate = static_cast<std::uint64_t>(context.now);
  record.modseq = next_modseq(state);
  record.createdmodseq = record.modseq;
  if (file.archived != 0) {
    record.system_flags |= mailbox::flag::archived;
  }
  return record;
}

std::vector<store::MessageFile>::const_iterator find_file(const State& state, std::uint32_t uid) {
  const auto& files = state.listing.messages;
  const auto at =
      std::lower_bound(files.begin(), files.end(), uid,
                       [](const store::MessageFile& file, std::uint32_t value) { return file.uid < value; });
  return at != files.end() && at->uid == uid ? at : files.end();
}

std::uint16_t choose_cache_version(const State& state) {
  if (state.records.layout() < 6) {
    return 0;
  }
  std::uint32_t newest = 0;
  // A sample is enough: mailboxes do not mix more than a few versions, and the newest records stand at the
  // end.
  const std::size_t from = state.records.size() > 256 ? state.records.size() - 256 : 0;
  for (std::size_t i = from; i < state.records.size(); ++i) {
    if (state.records.crc_ok(i)) {
      const auto version = state.records.get(i).cache_version;
      if (version <= kNewestCacheVersion && mime::cache_profile_for_version(version) != nullptr) {
        newest = std::max(newest, version);
      }
    }
  }
  if (newest == 0) {
    const auto* row = mailbox::index_version(state.records.layout());
    newest = row != nullptr ? row->cache_version : 11;
  }
  return static_cast<std::uint16_t>(newest);
}

}  // namespace cyr::check
