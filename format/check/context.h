// What the passes of one mailbox share: the facts found on disk, the state that the repair will write, and
// the way to report. Internal to this room.
//
// Passes only fill the State; nothing on disk changes before commit.cc. Order: index header, header, index
// records, cyrus.expunge, message files with their cache records, annotations, conversion to another index
// version, totals, list entry.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "format/check/checker.h"
#include "format/check/parsed_ahead.h"
#include "format/check/record_table.h"
#include "format/mailbox/header.h"
#include "format/mailbox/index.h"
#include "format/mime/summary.h"
#include "format/store/message_files.h"

namespace cyr::check {

// UIDs of records that were in the index and are not any more: a file there keeps its UID.
struct UidRange {
  std::uint32_t first = 0;  // both inclusive
  std::uint32_t last = 0;
};

struct MessageAnnotation {
  std::uint32_t uid = 0;
  std::string key;  // as in the database
  std::string entry, userid;
  std::string value;     // of the annotation
  std::string stored;    // as in the database
  bool deleted = false;  // a tombstone
};

// What is done with files beside the index, at commit.
struct FileAction {
  enum class Kind : std::uint8_t {
    set_aside,
    rename,    // a message gets another UID: both names stand until the index names the new one
    move,      // to a free name, before anything else
    exchange,  // both names change places, before anything else
    copy,      // a second name for the same message
  } kind = Kind::set_aside;
  Problem why{};
  fs::path from;
  fs::path to;  // all but set_aside
};

// A record of a database of one user that a commit writes.
struct RecordWrite {
  fs::path path;
  std::string key;
  std::optional<std::string> before;
  std::string value;
};

struct State {
  meta::MailboxEntry entry;  // as mailboxes.db has it
  store::MailboxFiles files;

  // cyrus.index
  std::optional<std::uint32_t> own_header_crc;  // once it was looked for (other_files.cc)
  bool index_exists = false;                    // there is a file
  bool index_lost = false;                      // nothing of it could be used
  bool index_sound = false;                     // header CRC right or corrected (before v12: it decodes)
  bool uidvalidity_known = true;                // false: the field is not to be believed
  mailbox::IndexHeader before;                  // as read and corrected; for usage differences
  mailbox::IndexHeader index;                   // as it will be written
  RecordTable records;
  std::vector<UidRange> lost;  // ascending
  // Records that are gone whose number the old header tells; see lost_records.cc.
  std::uint64_t records_lost = 0;

  // cyrus.header
  bool header_exists = false;
  bool header_sound = false;     // its CRC is the one in the index
  std::uint32_t header_crc = 0;  // of the file as it stands
  mailbox::MailboxHeader header;

  bool listed = false;  // the listing is there; before the passes only where that is no long work
  store::DirectoryListing listing;
  // cyrus.expunge of a 2.3 store, where it belongs to the index: it has its cache records in the same cache.
  std::optional<mailbox::IndexHeader> expunge_header;
  RecordTable expunge;
  std::vector<std::uint32_t> expunge_uids;  // sorted; UIDs in it
  std::vector<std::uint32_t>
      salvaged;  // UIDs of damaged records that were kept (R302): their flags are not sure
  std::vector<MessageAnnotation> annotations;  // of cyrus.annotations, sorted by uid
  std::uint64_t own_annotation_bytes = 0;      // of the mailbox itself, in annotations.db
  bool own_annotations_known = false;

  // What commit() has to do.
  bool write_header = false;
  bool write_index = false;
  bool write_cache = false;
  bool write_archive_cache = false;
  bool write_expunge = false;
  std::optional<RecordWrite> seen;
  bool annotations_set_aside = false;
  std::vector<std::string> annotation_keys;        // to be erased
  std::vector<std::string> annotation_keys_after;  // to be erased once the index holds what they say
  std::vector<std::pair<std::string, std::string>> annotation_puts;  // key and value
  std::vector<std::pair<std::uint32_t, std::uint32_t>> renumbered;  // messages that got another UID: old, new
  std::vector<FileAction> actions;
  // What will have the name of this UID (in the archive or not) once actions are done lies under this one
  // now.
  std::map<std::pair<std::uint32_t, bool>, std::uint32_t> content_at;
  std::optional<meta::MailboxEntry> new_entry;
  bool erase_old_entry = false;

  // Cache records that were rebuilt, by UID, as long as there is room; see ParsedMessages.
  std::unordered_map<std::uint32_t, std::string> rebuilt;
  std::size_t rebuilt_bytes = 0;
  std::uint16_t cache_version = 0;                    // for new cache records
  const mime::CacheProfile* cache_profile = nullptr;  // of the release they are for; nullptr: by version
};

class Context {
 public:
  // `probe`: only find out whether anything would be written; findings are kept back, and stop() tells when
  // it is known.
  Context(store::Store& the_store, const Options& the_options, Reporter& reporter, std::int64_t time,
          bool probe)
      : store(the_store),
        options(the_options),
        now(time),
        reporter_(reporter),
        probe_(probe),
        dry_run_(the_store.io().read_only()) {}

  // Reports a finding and says whether it is to be repaired in the State (in a dry run too, so that later
  // passes see what they would see).
  bool fix(Finding finding);
  // Reports something that stays as it is.
  void note(Finding finding);
  // A finding of this mailbox.
  [[nodiscard]] Finding of(Problem problem) const;
  [[nodiscard]] Finding of(Problem problem, std::uint32_t uid) const;

  // Enough is known.
  [[nodiscard]] bool stop() const { return probe_ && wants_write_; }
  [[nodiscard]] bool wants_write() const { return wants_write_; }
  [[nodiscard]] bool dry_run() const { return dry_run_; }
  [[nodiscard]] bool probing() const { return probe_; }
  // Of the mailbox whose files the State has.
  [[nodiscard]] const store::MessageReader& message_reader() {
    if (!reader_of_messages_) {
      reader_of_messages_.emplace(store.io(), state.files);
    }
    return *reader_of_messages_;
  }
  // cyrus.header of the mailbox as it stands; read once.
  [[nodiscard]] const Result<FileBytes>& header_file();
  // cyrus.index as it stands, through `locked_index` where that is open.
  [[nodiscard]] Result<FileBytes> read_index() const;
  // Hands kept findings to the reporter.
  void flush();

  store::Store& store;
  const Options& options;
  const std::int64_t now;
  const File* locked_index = nullptr;  // cyrus.index, open as long as its lock is held
  State state;
  Summary summary;

 private:
  void give(Finding finding);
  Reporter& reporter_;
  bool probe_;
  bool dry_run_;
  bool wants_write_ = false;
  std::vector<Finding> kept_;
  std::optional<store::MessageReader> reader_of_messages_;
  std::optional<Result<FileBytes>> header_file_;

 public:
  ParsedAhead ahead;  // ends before the reader that its threads use
};

// Calls that make Findings read well: of(...).with found, expected, detail.
struct Words {
  std::string found = {};
  std::string expected = {};
  std::string detail = {};
};
[[nodiscard]] Finding with(Finding finding, Words words);

// The passes. Each returns an Error only for what makes the mailbox impossible to process.
Status pass_index_header(Context& context);
Status pass_header(Context& context);
Status pass_records(Context& context);
Status pass_expunge_file(Context& context);
Status pass_files(Context& context);
Status pass_annotations(Context& context);
Status pass_convert(Context& context);
Status pass_totals(Context& context);
Status pass_list(Context& context);

// Writes the State: see commit.cc for the order.
Status commit(Context& context, store::SavedCopies& saved);

// Raises highestmodseq and returns the new value, for a record that changes.
std::uint64_t next_modseq(State& state);

}  // namespace cyr::check
