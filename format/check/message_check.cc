#include "format/check/message_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

// sentdate is a local midnight: another TZ of the server moves it by up to 14 hours, which is no damage.
bool same_day(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t apart = a > b ? a - b : b - a;
  return apart <= std::uint64_t{26} * 3600;
}

}  // namespace

bool guid_is_known(const Guid& guid) {
  const auto tail = std::span(guid.raw).last(8);
  return !std::all_of(tail.begin(), tail.end(), [](std::byte b) { return b == std::byte{0}; });
}

void MessageCheck::set_aside(Problem why, const fs::path& path) {
  state_.actions.push_back({FileAction::Kind::set_aside, why, path, {}});
}

void MessageCheck::report_unreadable(std::uint32_t uid, const fs::path& path, const Error& error) {
  Finding finding = context_.of(Problem::message_unreadable, uid);
  finding.path = path;
  finding.detail = error.reason();
  context_.note(std::move(finding));
}

void MessageCheck::remove(std::size_t i) {
  state_.write_index = true;
  if (mailbox::has_record_crc(state_.records.layout())) {
    // As after EXPUNGED, UNLINKED and a repack: clients with QRESYNC learn of it by deletedmodseq.
    state_.index.deletedmodseq = std::max(state_.index.deletedmodseq, next_modseq(state_));
    state_.index.changes_epoch = static_cast<std::uint64_t>(context_.now);
  }
  state_.records.drop(i);
}

// Both places have the message. The record says which one counts; the other goes aside when it is the same,
// or when the one that counts is proven right by its GUID.
Result<store::MessageFile> MessageCheck::settle_twins(const mailbox::IndexRecord& record,
                                                      const store::MessageFile& spool,
                                                      const store::MessageFile& archive) {
  const bool prefers_archive = record.has(mailbox::flag::archived);
  const store::MessageFile& first = prefers_archive ? archive : spool;
  const store::MessageFile& second = prefers_archive ? spool : archive;
  CYR_TRY(const auto first_bytes,
          context_.store.io().read_file(state_.files.message(first.uid, prefers_archive)));
  CYR_TRY(const auto second_bytes,
          context_.store.io().read_file(state_.files.message(second.uid, !prefers_archive)));
  const Guid first_guid = sha1(first_bytes.bytes());
  const Guid second_guid = sha1(second_bytes.bytes());
  const bool second_is_right = first_guid != record.guid && second_guid == record.guid;
  const bool take_archive = prefers_archive != second_is_right;
  Finding finding = context_.of(
      first_guid == second_guid ? Problem::duplicate_archive : Problem::duplicate_differs, record.uid);
  finding.path = state_.files.message(record.uid, !take_archive);
  finding.detail = fmt::format("keeping the {} one", take_archive ? "archive's" : "spool's");
  const Problem why = finding.problem;
  const fs::path path = finding.path;
  context_.fix(std::move(finding));
  set_aside(why, path);
  return take_archive ? archive : spool;
}

void MessageCheck::settle_place(std::size_t i, mailbox::IndexRecord& record, const store::MessageFile& file,
                                bool& changed) {
  const bool archived = file.archived != 0;
  if (archived == record.has(mailbox::flag::archived)) {
    return;
  }
  context_.fix(context_.of(archived ? Problem::archived_set : Problem::archived_clear, record.uid));
  record.system_flags ^= mailbox::flag::archived;
  state_.records.set_cache_bad(i);  // its cache record lies in the other cache
  changed = true;
}

Status MessageCheck::check(std::size_t i, const store::MessageFile& file, const store::MessageFile* twin) {
  auto record = state_.records.get(i);
  if (record.has(mailbox::flag::unlinked)) {
    return success();  // the file is about to be removed by Cyrus itself
  }
  store::MessageFile used = file;
  if (twin != nullptr && !record.has(mailbox::flag::needs_cleanup)) {
    CYR_TRY(used, settle_twins(record, file, *twin));
  } else if (twin != nullptr) {
    used = record.has(mailbox::flag::archived) ? *twin : file;
  }
  if (context_.options.stat_files && used.size == 0) {
    wrong_.push_back({i, used, {}, false});
    return success();
  }
  bool changed = false;
  settle_place(i, record, used, changed);
  std::uint64_t cached = 0;
  if (!state_.records.cache_bad(i)) {
    CYR_TRY(cached, caches_.size_of(i));
  }
  const bool wrong_size = context_.options.stat_files && used.size != record.size;
  if (cached != 0 && !wrong_size && !context_.options.force_reparse && !changed) {
    next_offset(record) += cached;
    return success();
  }
  return compare(i, std::move(record), used, cached, changed);
}

Result<bool> MessageCheck::has_cache(std::size_t i) {
  if (state_.records.cache_bad(i)) {
    return false;
  }
  CYR_TRY(const auto cached, caches_.size_of(i));
  return cached != 0;
}

std::vector<std::string> MessageCheck::differing_fields(const mailbox::IndexRecord& record,
                                                        const mime::MessageSummary& summary) const {
  const unsigned layout = state_.records.layout();
  std::vector<std::string> out;
  if (!same_day(record.sentdate, summary.sentdate)) {
    out.emplace_back("sentdate");
  }
  if (record.size != summary.size) {
    out.emplace_back("size");
  }
  if (record.header_size != summary.header_size) {
    out.emplace_back("header_size");
  }
  if (mailbox::has_record_crc(layout) && record.gmtime != summary.gmtime) {
    out.emplace_back("gmtime");
  }
  if (mailbox::has_record_crc(layout) && record.guid != summary.guid) {
    out.emplace_back("guid");
  }
  return out;
}

Status MessageCheck::compare(std::size_t i, mailbox::IndexRecord record, const store::MessageFile& file,
                             std::uint64_t cached, bool changed) {
  auto summary = parse_message_file(context_, file.uid, file.archived != 0, record.internaldate);
  if (!summary) {
    report_unreadable(file.uid, state_.files.message(file.uid, file.archived != 0), summary.error());
    return success();
  }
  if (mailbox::has_guid(state_.records.layout()) && guid_is_known(record.guid) &&
      record.guid != summary->guid) {
    wrong_.push_back({i, file, summary->guid, changed});
    return success();
  }
  auto fields = differing_fields(record, *summary);
  if (record.internaldate == 0 && file.mtime > 0) {  // as zeros in a record without a CRC leave it
    record.internaldate = static_cast<std::uint64_t>(file.mtime);
    fields.emplace_back("internaldate");
  }
  for (const auto& field : fields) {
    context_.fix(with(context_.of(Problem::message_field, record.uid), {.detail = field}));
  }
  // A record written by another cache version may differ in bytes and still be right.
  const bool same_version = record.cache_version == summary->cache_version;
  const bool stale_cache = mailbox::has_record_crc(state_.records.layout()) && same_version &&
                           record.cache_crc != summary->cache_crc;
  if (!fields.empty() || changed) {
    const std::uint64_t sentdate = record.sentdate;
    const auto crc = record.cache_crc;
    const auto version = record.cache_version;
    take_summary(state_, *summary, record);
    record.sentdate = same_day(sentdate, summary->sentdate) ? sentdate : record.sentdate;
    record.cache_crc = crc;
    record.cache_version = version;
    record.modseq = next_modseq(state_);
    record.last_updated = static_cast<std::uint64_t>(context_.now);
    state_.write_index = true;
  }
  if (cached == 0 || stale_cache || (!fields.empty() && !same_version)) {
    if (summary->cache_record.empty()) {  // it was taken for one that nobody would want
      CYR_TRY(*summary, parse_message_file(context_, file.uid, file.archived != 0, record.internaldate));
    }
    return rebuild_cache(i, record, *summary);
  }
  next_offset(record) += cached;
  return fields.empty() && !changed ? success() : state_.records.set(i, record);
}

// Where the next record would stand in the cache, rewritten, that is to have this one.
std::uint64_t& MessageCheck::next_offset(const mailbox::IndexRecord& record) {
  return next_offsets_[record.has(mailbox::flag::archived) && state_.files.has_archive() ? 1 : 0];
}

Status MessageCheck::rebuild_cache(std::size_t i, mailbox::IndexRecord& record,
                                   mime::MessageSummary& summary) {
  const std::uint64_t old_offset = record.cache_offset;
  const std::uint32_t old_crc = record.cache_crc;
  std::uint64_t& next = next_offset(record);
  context_.fix(with(context_.of(Problem::cache_record, record.uid),
                    {.detail = fmt::format("offset {} to {}, crc {} to {}/{}", old_offset, next, old_crc,
                                           summary.cache_crc, summary.cache_crc)}));
  next += summary.cache_record.size();
  record.cache_crc = summary.cache_crc;
  record.cache_version = summary.cache_version;
  state_.records.set_cache_bad(i);
  const bool archived = record.has(mailbox::flag::archived) && state_.files.has_archive();
  (archived ? state_.write_archive_cache : state_.write_cache) = true;
  state_.write_index = true;
  keep_rebuilt(state_, record.uid, std::move(summary.cache_record));
  return state_.records.set(i, record);
}

Status MessageCheck::settle_wrong(const WrongContent& wrong) {
  auto record = state_.records.get(wrong.record);
  if (!wrong.found.is_null()) {
    record.system_flags ^= wrong.place_changed ? mailbox::flag::archived : 0U;
    return guid_mismatch(wrong.record, record, wrong);
  }
  context_.fix(context_.of(Problem::message_missing, record.uid));
  context_.fix(context_.of(Problem::message_empty, record.uid));
  set_aside(Problem::message_empty, state_.files.message(wrong.file.uid, wrong.file.archived != 0));
  remove(wrong.record);
  return success();
}

Status MessageCheck::guid_mismatch(std::size_t i, const mailbox::IndexRecord& record,
                                   const WrongContent& wrong) {
  const store::MessageFile& file = wrong.file;
  const fs::path path = state_.files.message(file.uid, file.archived != 0);
  Finding finding = context_.of(Problem::guid_mismatch, record.uid);
  finding.path = path;
  finding.found = wrong.found.hex();
  finding.expected = record.guid.hex();
  const auto act = [&](Problem problem) {
    context_.fix(finding);
    context_.fix(context_.of(problem, record.uid));
    remove(i);
  };
  if (record.has(mailbox::flag::expunged)) {
    act(Problem::guid_expunged);
    set_aside(Problem::guid_expunged, path);
  } else if (context_.options.guid_discard) {
    act(Problem::guid_discard);
    set_aside(Problem::guid_discard, path);
  } else if (context_.options.guid_keep) {
    CYR_TRY(auto summary, parse_message_file(context_, file.uid, file.archived != 0, record.internaldate));
    act(Problem::guid_upgrade);
    upgrades_.push_back({record, std::move(summary), file.archived != 0});
  } else {
    context_.note(std::move(finding));
  }
  return success();
}

Status MessageCheck::append(const mailbox::IndexRecord& record, mime::MessageSummary summary) {
  CYR_CHECK(state_.records.append(record));
  state_.records.set_cache_bad(state_.records.size() - 1);
  const bool archived = record.has(mailbox::flag::archived) && state_.files.has_archive();
  (archived ? state_.write_archive_cache : state_.write_cache) = true;
  state_.write_index = true;
  keep_rebuilt(state_, record.uid, std::move(summary.cache_record));
  return success();
}

// Unlike Cyrus, -R keeps flags and internaldate: it is the same message to the reader, whatever happened to
// its file.
Status MessageCheck::append_upgraded() {
  for (auto& upgrade : upgrades_) {
    const std::uint32_t old_uid = upgrade.record.uid;
    context_.fix(context_.of(Problem::message_rediscovered, old_uid));
    mailbox::IndexRecord record = upgrade.record;
    record.uid = ++state_.index.last_uid;
    take_summary(state_, upgrade.summary, record);
    record.modseq = next_modseq(state_);
    record.createdmodseq = record.modseq;
    record.last_updated = static_cast<std::uint64_t>(context_.now);
    state_.renumbered.emplace_back(old_uid, record.uid);
    state_.actions.push_back({FileAction::Kind::rename, Problem::guid_upgrade,
                              state_.files.message(old_uid, upgrade.archived),
                              state_.files.message(record.uid, upgrade.archived)});
    CYR_CHECK(append(record, std::move(upgrade.summary)));
  }
  return success();
}

Status MessageCheck::check_generations() {
  const auto check = [this](const mailbox::CacheReader& cache, bool& rewrite) {
    if (rewrite || !cache.exists() ||
        (cache.has_generation() && cache.generation() == state_.index.generation_no)) {
      return;
    }
    context_.fix(with(context_.of(Problem::cache_generation),
                      {.found = cache.has_generation() ? std::to_string(cache.generation()) : "none",
                       .expected = std::to_string(state_.index.generation_no)}));
    rewrite = true;
  };
  check(caches_.main(), state_.write_cache);
  if (caches_.archive() != nullptr) {
    check(*caches_.archive(), state_.write_archive_cache);
  }
  state_.write_index = state_.write_index || state_.write_cache || state_.write_archive_cache;
  return success();
}

}  // namespace cyr::check
