// Writes what the passes decided, in this order, so that an interruption leaves either the old mailbox, the
// new one, or something the passes find and finish (format/doc/repair.md):
//   1. directories; messages that lie under another's name; new names of messages that get another UID (as
//   links)
//   2. cyrus.cache.NEW, cyrus.header.NEW, cyrus.expunge.NEW, cyrus.index.NEW, all synced; message annotations
//      and the owner's seen state
//   3. old versions saved; renames: caches, header, expunge file, index. The index is the point of no return.
//   4. files set aside, old names removed; annotations that the new index holds itself
//   5. mailboxes.db, quota usage, statuscache.db
#include <fmt/format.h>

#include "format/base/crc32.h"
#include "format/base/log.h"
#include "format/check/context.h"
#include "format/check/list_update.h"
#include "format/check/messages.h"
#include "format/mailbox/cache_file.h"
#include "format/mailbox/cache_reader.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/store/status_cache.h"

namespace cyr::check {

namespace {

constexpr ::mode_t kFileMode = 0600;
constexpr ::mode_t kDirectoryMode = 0700;

class Commit {
 public:
  Commit(Context& context, store::SavedCopies& saved)
      : context_(context), state_(context.state), saved_(saved), io_(context.store.io()) {}

  Status run() {
    CYR_CHECK(make_directories());
    CYR_CHECK(move_back());
    CYR_CHECK(link_new_names());
    CYR_CHECK(write_files());
    CYR_CHECK(write_annotations());
    CYR_CHECK(write_seen());
    CYR_CHECK(replace_files());
    CYR_CHECK(move_files());
    CYR_CHECK(change_annotations(state_.annotation_keys_after, {}));
    CYR_CHECK(update_list());
    CYR_CHECK(update_quota());
    store::forget_status(context_.store, state_.entry.name);
    return saved_.settle(state_.entry.name);
  }

 private:
  [[nodiscard]] store::SavedCopies::Why why(std::string_view reason) const {
    return {state_.entry.name, reason};
  }

  Status make_directories() {
    for (const auto& directory : state_.files.directories()) {
      // An archive directory is made by the first archived message.
      if (directory != state_.files.archive || !state_.files.has_archive()) {
        CYR_CHECK(saved_.make_directories(directory, kDirectoryMode, why("directory")));
      }
    }
    return success();
  }

  // Each step leaves as many right names or more, and every message under some name.
  Status move_back() {
    for (const auto& action : state_.actions) {
      const auto reason = why(row_of(action.why).slug);
      if (action.kind == FileAction::Kind::move) {
        CYR_CHECK(saved_.before_rename(action.from, action.to, reason));
        CYR_CHECK(io_.rename(action.from, action.to));
      } else if (action.kind == FileAction::Kind::exchange) {
        CYR_CHECK(saved_.before_replace(action.from, reason));
        CYR_CHECK(saved_.before_replace(action.to, reason));
        CYR_CHECK(exchange(action.from, action.to));
      } else {
        continue;
      }
      CYR_CHECK(io_.sync_directory(action.to.parent_path()));
    }
    state_.content_at.clear();
    return success();
  }

  // Where the file system cannot do it at once, a third name holds one of the messages in between.
  Status exchange(const fs::path& one, const fs::path& other) {
    Status done = io_.exchange(one, other);
    if (done || done.error().code != Errc::unsupported) {
      return done;
    }
    const fs::path third = one.parent_path() / ("cyrus.moved." + one.filename().string());
    CYR_CHECK(io_.link(one, third));
    CYR_CHECK(io_.sync_directory(one.parent_path()));
    CYR_CHECK(io_.rename(other, one));
    return io_.rename(third, other);
  }

  Status link_new_names() {
    for (const auto& action : state_.actions) {
      const bool copy = action.kind == FileAction::Kind::copy;
      if (!copy && action.kind != FileAction::Kind::rename) {
        continue;
      }
      if (copy) {
        CYR_CHECK(saved_.before_create(action.to, why(row_of(action.why).slug)));
      }
      const Status linked = io_.link(action.from, action.to);
      // An interrupted run may have made the link already; the same file is the same message.
      if (!linked && linked.error().code == Errc::exists) {
        CYR_TRY(const auto from, io_.stat(action.from));
        CYR_TRY(const auto to, io_.stat(action.to));
        if (!from.same_file(to)) {
          return linked.error();
        }
      } else {
        CYR_CHECK(linked);
      }
      CYR_CHECK(io_.sync_directory(action.to.parent_path()));
    }
    return success();
  }

  [[nodiscard]] bool lies_in_archive(const mailbox::IndexRecord& record) const {
    return state_.files.has_archive() && record.has(mailbox::flag::archived);
  }

  // The cache record of an index record: the old bytes, what a pass rebuilt, or the message parsed again.
  // Empty: there is none to be had (the message is unlinked or unreadable).
  Result<Buffer> cache_bytes(mailbox::IndexRecord& record, bool bad, mailbox::CacheReader& old) {
    if (!bad) {
      const auto bytes = old.record(record);
      if (bytes) {
        return Buffer(bytes->begin(), bytes->end());
      }
      if (bytes.error().code == Errc::io) {
        return bytes.error();
      }
    }
    std::string rebuilt;
    if (const auto kept = state_.rebuilt.find(record.uid); kept != state_.rebuilt.end()) {
      rebuilt = std::move(kept->second);
      state_.rebuilt.erase(kept);
    } else if (!record.has(mailbox::flag::unlinked)) {
      if (auto summary = parse_message_file(context_, record.uid, record.has(mailbox::flag::archived),
                                            record.internaldate)) {
        rebuilt = std::move(summary->cache_record);
        record.cache_crc = summary->cache_crc;
        record.cache_version = summary->cache_version;
      }
    }
    const Bytes bytes = as_bytes(rebuilt);
    return Buffer(bytes.begin(), bytes.end());
  }

  // Both caches anew, with the next generation; sets the records' offsets.
  Status write_caches() {
    CYR_TRY(auto old_main, mailbox::CacheReader::open(io_, state_.files.cache));
    CYR_TRY(auto old_archive, mailbox::CacheReader::open(io_, state_.files.archive_cache));
    ++state_.index.generation_no;
    CYR_CHECK(cache_records(state_.records, old_main, old_archive));
    CYR_CHECK(cache_records(state_.expunge, old_main, old_archive));
    context_.ahead.clear();
    state_.write_expunge = state_.expunge_header.has_value();
    if (!cache_ && old_main.exists()) {
      CYR_CHECK(start_cache(cache_, state_.files.cache));
    }
    if (!archive_cache_ && state_.files.has_archive() && old_archive.exists()) {
      CYR_CHECK(start_cache(archive_cache_, state_.files.archive_cache));
    }
    for (auto* writer : {&cache_, &archive_cache_}) {
      if (*writer) {
        CYR_CHECK((*writer)->finish());
      }
    }
    return success();
  }

  // Has the messages parsed whose cache records were too many to be kept.
  void look_ahead(const RecordTable& records, std::size_t from) {
    if (context_.options.threads < 2) {
      return;
    }
    if (from == 0) {
      begin_parsing(records, 0);
    }
    context_.ahead.step();
    begin_parsing(records, from + ParsedAhead::kMost);
  }

  void begin_parsing(const RecordTable& records, std::size_t from) {
    std::vector<MessageToParse> wanted;
    for (std::size_t i = from; i < std::min(from + ParsedAhead::kMost, records.size()); ++i) {
      if (const auto record = records.get(i); records.cache_bad(i) && !record.has(mailbox::flag::unlinked) &&
                                              state_.rebuilt.find(record.uid) == state_.rebuilt.end()) {
        wanted.push_back(
            message_to_parse(context_, record.uid, record.has(mailbox::flag::archived), record.internaldate));
      }
    }
    context_.ahead.begin(context_.message_reader(), std::move(wanted), parse_options(context_),
                         context_.options.threads);
  }

  Status cache_records(RecordTable& records, mailbox::CacheReader& old_main,
                       mailbox::CacheReader& old_archive) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (i % ParsedAhead::kMost == 0) {
        look_ahead(records, i);
      }
      auto record = records.get(i);
      const bool archived = lies_in_archive(record);
      CYR_TRY(const Buffer bytes,
              cache_bytes(record, records.cache_bad(i), archived ? old_archive : old_main));
      if (bytes.empty()) {
        record.cache_offset = 0;
        record.cache_crc = 0;
      } else {
        auto& writer = archived ? archive_cache_ : cache_;
        if (!writer) {
          CYR_CHECK(start_cache(writer, archived ? state_.files.archive_cache : state_.files.cache));
        }
        CYR_TRY(record.cache_offset, writer->append(bytes));
      }
      CYR_CHECK(records.set(i, record));
    }
    return success();
  }

  Status start_cache(std::optional<mailbox::CacheFileWriter>& writer, const fs::path& path) {
    CYR_CHECK(saved_.make_directories(path.parent_path(), kDirectoryMode, why("directory")));
    CYR_TRY(auto made, mailbox::CacheFileWriter::create(io_, path, state_.index.generation_no, kFileMode));
    writer.emplace(std::move(made));
    return success();
  }

  Status write_header() {
    CYR_TRY(const Buffer bytes, mailbox::encode_header(state_.header, state_.header.form));
    CYR_TRY(auto file, AtomicFile::create(io_, state_.files.header, kFileMode));
    CYR_CHECK(file.write(Bytes(bytes)));
    CYR_CHECK(file.sync());
    state_.header_crc = crc32(bytes);
    header_.emplace(std::move(file));
    return success();
  }

  Status write_index() {
    CYR_TRY(auto file, mailbox::IndexFileWriter::create(io_, state_.files.index, state_.index, kFileMode));
    for (std::size_t i = 0; i < state_.records.size(); ++i) {
      CYR_CHECK(file.append_raw(state_.records.raw(i)));
    }
    if (state_.header_crc != 0) {
      state_.index.header_file_crc = state_.header_crc;
    }
    if (mailbox::has_record_crc(state_.index.minor_version)) {
      state_.index.last_repack_time = static_cast<std::uint64_t>(context_.now);
    }
    state_.index.num_records = static_cast<std::uint32_t>(state_.records.size());
    CYR_CHECK(file.finish(state_.index));
    index_.emplace(std::move(file));
    return success();
  }

  // The header counts the expunged set; the rest of it is that of the index (mailbox.md 7).
  Status write_expunge() {
    mailbox::IndexHeader header = *state_.expunge_header;
    header.generation_no = state_.index.generation_no;
    header.answered = header.deleted = header.flagged = header.leaked_cache_records = 0;
    header.quota_mailbox_used = 0;
    CYR_TRY(auto file, mailbox::IndexFileWriter::create(io_, state_.files.expunge, header, kFileMode));
    for (std::size_t i = 0; i < state_.expunge.size(); ++i) {
      const auto record = state_.expunge.get(i);
      header.answered += record.has(mailbox::flag::answered) ? 1 : 0;
      header.deleted += record.has(mailbox::flag::deleted) ? 1 : 0;
      header.flagged += record.has(mailbox::flag::flagged) ? 1 : 0;
      header.quota_mailbox_used += record.size;
      CYR_CHECK(file.append_raw(state_.expunge.raw(i)));
    }
    header.num_records = static_cast<std::uint32_t>(state_.expunge.size());
    CYR_CHECK(file.finish(header));
    expunge_.emplace(std::move(file));
    return success();
  }

  Status write_files() {
    if (state_.write_cache || state_.write_archive_cache) {
      CYR_CHECK(write_caches());
    }
    if (state_.write_header) {
      CYR_CHECK(write_header());
    }
    if (state_.write_expunge && state_.expunge_header) {
      CYR_CHECK(write_expunge());
    }
    return state_.write_index ? write_index() : success();
  }

  Status keep_old(const fs::path& path, std::string_view reason) {
    CYR_TRY(const bool there, io_.exists(path));
    return there ? saved_.before_replace(path, why(reason)) : saved_.before_create(path, why(reason));
  }

  Status replace_files() {
    if (cache_) {
      CYR_CHECK(keep_old(state_.files.cache, "cache"));
      CYR_CHECK(cache_->commit());
    }
    if (archive_cache_) {
      CYR_CHECK(keep_old(state_.files.archive_cache, "cache"));
      CYR_CHECK(archive_cache_->commit());
    }
    if (header_) {
      CYR_CHECK(keep_old(state_.files.header, "header"));
      CYR_CHECK(header_->commit());
    }
    if (expunge_) {
      CYR_CHECK(keep_old(state_.files.expunge, "expunge"));
      CYR_CHECK(expunge_->commit());
    }
    if (index_) {
      CYR_CHECK(keep_old(state_.files.index, "index"));
      CYR_CHECK(index_->commit());
    }
    return success();
  }

  Status write_annotations() {
    const fs::path& path = state_.files.annotations;
    if (state_.annotations_set_aside) {
      CYR_TRY(const auto place, saved_.move_aside(path, why(row_of(Problem::annotations_unreadable).slug)));
      log(LogLevel::notice, "{} moved to {}", path.native(), place.native());
    }
    return change_annotations(state_.annotation_keys, state_.annotation_puts);
  }

  Status change_annotations(const std::vector<std::string>& gone,
                            const std::vector<std::pair<std::string, std::string>>& puts) {
    if (gone.empty() && puts.empty()) {
      return success();
    }
    const fs::path& path = state_.files.annotations;
    if (!state_.annotations_set_aside) {
      CYR_CHECK(saved_.before_change(path, why("annotations")));
    }
    CYR_TRY(const auto database, context_.store.open_database(path, conf::Option::annotation_db, true));
    CYR_TRY(const auto transaction, database->begin());
    for (const auto& key : gone) {
      CYR_CHECK(transaction->erase(key));
    }
    for (const auto& [key, value] : puts) {
      CYR_CHECK(transaction->put(key, value));
    }
    return transaction->commit();
  }

  Status write_seen() {
    if (!state_.seen) {
      return success();
    }
    const RecordWrite& seen = *state_.seen;
    CYR_CHECK(io_.make_directories(seen.path.parent_path(), kDirectoryMode));
    CYR_CHECK(saved_.before_change(seen.path, why("seen")));
    store::SavedItem item;
    item.action = store::SavedAction::record;
    item.mailbox = state_.entry.name;
    item.reason = "seen";
    item.key = seen.key;
    item.old_value = seen.before;
    item.new_value = seen.value;
    CYR_CHECK(saved_.before_record(seen.path, std::move(item)));
    CYR_TRY(const auto database, context_.store.open_database(seen.path, conf::Option::seenstate_db, true));
    return database->put(seen.key, seen.value);
  }

  Status move_files() {
    for (const auto& action : state_.actions) {
      const auto reason = row_of(action.why).slug;
      if (action.kind == FileAction::Kind::set_aside) {
        CYR_TRY(const auto place, saved_.move_aside(action.from, why(reason)));
        log(LogLevel::notice, "{}: {} moved to {}", state_.entry.name, action.from.native(), place.native());
      } else if (action.kind == FileAction::Kind::rename) {
        CYR_CHECK(saved_.before_rename(action.from, action.to, why(reason)));
        CYR_CHECK(io_.unlink(action.from));
        CYR_CHECK(io_.sync_directory(action.from.parent_path()));
      }
    }
    return success();
  }

  Status update_list() {
    if (!state_.new_entry) {
      return success();
    }
    return check::update_list(context_.store, saved_, {}, {*state_.new_entry}, "list", context_.now);
  }

  [[nodiscard]] static meta::Usage usage_of(const mailbox::IndexHeader& header) {
    const bool counts = mailbox::has_record_crc(header.minor_version);
    return {static_cast<std::int64_t>(header.quota_mailbox_used),
            static_cast<std::int64_t>(counts ? header.exists : header.num_records),
            static_cast<std::int64_t>(header.quota_annot_used), 0};
  }

  // The root's usage changes by what this mailbox's own numbers changed by. Where the old index did not say,
  // the caller has the root counted anew (Summary::usage_known).
  Status update_quota() {
    context_.summary.quotaroot = state_.header.quotaroot.value_or("");
    context_.summary.usage_known = !state_.index_lost && state_.index_sound;
    const meta::Usage before = usage_of(state_.before);
    const meta::Usage after = usage_of(state_.index);
    meta::Usage& change = context_.summary.usage_change;
    for (std::size_t i = 0; i < change.size(); ++i) {
      change[i] = after[i] - before[i];
    }
    if (!context_.summary.usage_known || context_.summary.quotaroot.empty() || change == meta::Usage{}) {
      return success();
    }
    const auto& paths = context_.store.paths();
    CYR_TRY(meta::Quotas * quotas, context_.store.quotas());
    const bool tree = quotas->database().kind() == db::Kind::quotalegacy;
    fs::path file = paths.quotas_db();
    if (tree) {
      CYR_TRY(file, paths.quota_file(context_.summary.quotaroot));
    }
    CYR_CHECK(saved_.before_change(file, why("quota")));
    store::SavedItem item;
    item.action = store::SavedAction::usage;
    item.mailbox = state_.entry.name;
    item.reason = "quota";
    item.key = context_.summary.quotaroot;
    item.usage.assign(change.begin(), change.end());
    CYR_CHECK(saved_.before_record(file, std::move(item)));
    return quotas->change(context_.summary.quotaroot,
                          [&change](std::optional<meta::QuotaRoot>& root) -> Result<bool> {
                            if (!root) {
                              return false;
                            }
                            root->used = meta::add(root->used, change);
                            return true;
                          });
  }

  Context& context_;
  State& state_;
  store::SavedCopies& saved_;
  Io& io_;
  std::optional<mailbox::CacheFileWriter> cache_, archive_cache_;
  std::optional<AtomicFile> header_;
  std::optional<mailbox::IndexFileWriter> index_, expunge_;
};

}  // namespace

Status commit(Context& context, store::SavedCopies& saved) {
  Commit writer(context, saved);
  CYR_CHECK(writer.run());
  context.summary.changed = true;
  return success();
}

}  // namespace cyr::check
