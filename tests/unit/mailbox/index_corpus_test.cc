// Every cyrus.header and cyrus.index of every store of eleven releases: read, compared with what the
// release's own mbexamine printed, counters and CRCs recomputed, and written back byte for byte.
#include <fmt/core.h>

#include <algorithm>

#include "format/base/crc32.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/header.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/mailbox/record_block.h"
#include "format/mailbox/sync_crc.h"
#include "tests/support/check.h"
#include "tests/unit/mailbox/corpus.h"

using namespace cyr;
using namespace cyr::mailbox;
using namespace cyr::test;

namespace {

void check_round_trip(const fs::path& path) {
  INFO(path.string());
  const Buffer file = read_bytes(path);
  const auto image = decode_index(file);
  REQUIRE_OK(image);
  auto written = encode_index(*image);
  REQUIRE_OK(written);
  const std::size_t counted = written->size();  // an aborted append may leave more behind
  CHECK(counted ==
        image->header.start_offset + std::size_t{image->header.record_size} * image->header.num_records);
  const bool same = std::equal(written->begin(), written->end(), file.begin());
  CHECK(same);
  CHECK(file.size() >= counted);
  const SalvagedIndexHeader salvaged = salvage_index_header(file);
  CHECK(salvaged.doubts == std::vector<std::string>{});
  CHECK(salvaged.layout == image->header.minor_version);
}

// What a session holds of each record is what the file says.
void check_block(const fs::path& path) {
  INFO(path.string());
  auto opened = File::open(posix_io(), path);
  REQUIRE_OK(opened);
  const auto file = std::make_shared<File>(std::move(*opened));
  const auto image = decode_index(read_bytes(path));
  REQUIRE_OK(image);
  const auto block = RecordBlock::read(file, image->header);
  REQUIRE_OK(block);
  const auto again = RecordBlock::read(file, image->header, &*block);
  REQUIRE_OK(again);
  REQUIRE(block->size() == image->records.size());
  for (std::uint32_t recno = 1; recno <= block->size(); ++recno) {
    const IndexRecord& record = image->records[recno - 1];
    CHECK(block->record(recno).value() == record);
    CHECK(again->same(recno, *block));
    CHECK((again->uid(recno) == record.uid && again->system_flags(recno) == record.system_flags &&
           again->modseq(recno) == record.modseq && again->user_flags(recno) == record.user_flags));
    CHECK(block->find(record.uid) == recno);
  }
}

void check_header_values(const IndexHeader& read, const MailboxHeader& header,
                         const std::map<std::string, std::string>& golden) {
  IndexHeader view = read;
  apply_read_defaults(view);
  const auto same = [&](const char* label, std::uint64_t value) {
    const auto found = golden.find(label);
    if (found != golden.end()) {
      INFO(label);
      CHECK(found->second.substr(found->second.find('(') == 0 ? 1 : 0)
                .substr(0, std::to_string(value).size()) == std::to_string(value));
      CHECK(found->second.find_first_not_of("()0123456789") == std::string::npos);
    }
  };
  same("Generation Number", view.generation_no);
  same("Minor Version", view.minor_version);
  same("Header Size", view.start_offset);
  same("Record Size", view.record_size);
  same("Number of Messages", view.exists);
  same("Mailbox Size", view.quota_mailbox_used);
  same("Annotations Size", view.quota_annot_used);
  same("Deleted Size", view.quota_deleted_used);
  same("Expunged Size", view.quota_expunged_used);
  same("Last Append Date", view.last_appenddate);
  same("UIDValidity", view.uidvalidity);
  same("Last UID", view.last_uid);
  same("Answered", view.answered);
  same("Flagged", view.flagged);
  same("Last POP3 Login", view.pop3_last_login);
  same("Highest Mod Sequence", view.highestmodseq);
  std::string flags;
  for (const std::string& name : header.flags) {
    flags += name.empty() ? "" : name + ' ';
  }
  CHECK(golden.at("User Flags") == (flags.empty() ? "[none]" : flags));
  // The ACL of a renamed mailbox's header is stale before 2.4; mbexamine shows that of mailboxes.db.
  if (view.minor_version >= 12) {
    CHECK(golden.at("Mailbox ACL") == header.acl.value_or(""));
  }
}

void check_record_values(const IndexRecord& record, const std::map<std::string, std::string>& golden) {
  const auto same = [&](const char* label, const std::string& value) {
    const auto found = golden.find(label);
    if (found != golden.end()) {
      INFO(label);
      CHECK(found->second == value);
    }
  };
  same("UID", fmt::format("{:08}", record.uid));
  // 3.2 prints the 32-bit field as a signed number.
  CHECK(std::stoll(golden.at("SENTDATE")) % (std::int64_t{1} << 32) ==
        (golden.at("SENTDATE")[0] == '-'
             ? static_cast<std::int64_t>(record.sentdate) - (std::int64_t{1} << 32)
             : static_cast<std::int64_t>(record.sentdate)));
  same("INT_DATE", std::to_string(record.internaldate));
  same("SAVEDATE", std::to_string(record.savedate));
  same(" SIZE", std::to_string(record.size));
  same("HDRSIZE", std::to_string(record.header_size));
  same("LASTUPD", std::to_string(record.last_updated));
  same("SYSFLAGS", fmt::format("{:08X}", record.system_flags & 0xFFFFU));
  same("LINES", std::to_string(record.content_lines));
  same("CACHEVER", std::to_string(record.cache_version));
  same("GUID", record.guid.hex());
  same("MODSEQ", std::to_string(record.modseq));
  same("THRID", fmt::format("{:x}", record.cid));
  same("THIRD", fmt::format("{:x}", record.cid));
  const auto& flags = record.user_flags;
  same("USERFLAGS", fmt::format("{:08X} {:08X} {:08X} {:08X}", flags[3], flags[2], flags[1], flags[0]));
}

std::vector<std::pair<AnnotationKey, AnnotationValue>> golden_annotations(const TempStore& store,
                                                                          const fs::path& folder) {
  std::string stem = folder.string().substr(store.root().string().size() + 1) + "/cyrus.annotations";
  stem = replace_all(stem, "/", "%");
  std::vector<std::pair<AnnotationKey, AnnotationValue>> out;
  for (const char* backend : {"twoskip", "skiplist"}) {
    const fs::path name = fs::path("intact/db") / (stem + "." + backend + ".txt");
    if (!is_file(store.golden_dir() / name)) {
      continue;
    }
    // KEY TAB VALUE LF, and a value may hold TABs and LFs: it ends where it decodes.
    const std::string text = store.golden(name);
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t tab = text.find("\0\t", at, 2);
      REQUIRE(tab != std::string::npos);
      const auto key = decode_annotation_key(as_bytes(std::string_view(text).substr(at, tab + 1 - at)));
      REQUIRE_OK(key);
      std::size_t end = tab + 2;
      Result<AnnotationValue> value = corrupt("");
      do {
        end = text.find('\n', end + 1);
        REQUIRE(end != std::string::npos);
        value = decode_annotation_value(as_bytes(std::string_view(text).substr(tab + 2, end - tab - 2)));
      } while (!value);
      const auto encoded = encode_annotation_value(*value);
      REQUIRE_OK(encoded);
      CHECK(as_text(*encoded) == std::string_view(text).substr(tab + 2, end - tab - 2));
      CHECK(as_text(*encode_annotation_key(*key)) == std::string_view(text).substr(at, tab + 1 - at));
      out.emplace_back(*key, *value);
      at = end + 1;
    }
  }
  return out;
}

// "user.bovik.Sent" -> bovik, "example.net!user.bovik" -> bovik@example.net
std::string owner_of(const std::string& name) {
  const std::size_t bang = name.find('!');
  const std::string domain = bang == std::string::npos ? "" : name.substr(0, bang);
  std::string local = bang == std::string::npos ? name : name.substr(bang + 1);
  local = local.substr(local.find('.') + 1);
  local = replace_all(local.substr(0, local.find('.')), "^", ".");
  return domain.empty() ? local : local + '@' + domain;
}

// Counters and both sync CRCs from the records against the header.
void check_totals(const IndexImage& image, const MailboxHeader& header,
                  const std::vector<std::pair<AnnotationKey, AnnotationValue>>& annotations,
                  std::uint32_t initial) {
  const IndexHeader& is = image.header;
  const unsigned version = is.minor_version;
  SyncCrcAnnotStyle style;
  style.initial = initial;
  IndexTotals totals(version, header.flags, style);
  IndexTotals others = totals;  // as two threads add them up
  std::map<std::uint32_t, bool> live;
  for (const IndexRecord& record : image.records) {
    (record.uid % 2 == 0 ? totals : others).add(record);
    live[record.uid] = !record.has(flag::expunged);
  }
  for (const auto& [key, value] : annotations) {
    const auto uid = annotation_uid(key);
    REQUIRE(uid);
    if (live[*uid] && !value.deleted()) {
      totals.add_annotation(*uid, key.entry, key.userid == kOwnerToken ? owner_of(header.name) : key.userid,
                            value.value);
    }
  }
  totals.add(others);
  IndexHeader should = is;
  totals.apply(should);
  const auto same = [&](const char* label, std::uint64_t a, std::uint64_t b) {
    INFO(label);
    CHECK(a == b);
  };
  same("deleted", is.deleted, should.deleted);
  same("answered", is.answered, should.answered);
  same("flagged", is.flagged, should.flagged);
  same("quota_mailbox_used", is.quota_mailbox_used, should.quota_mailbox_used);
  same("last_uid", is.last_uid, should.last_uid);
  if (stored_in(version, &IndexHeader::exists)) {
    same("exists", is.exists, should.exists);
    same("sync_crc_basic", is.sync_crc_basic, should.sync_crc_basic);
    same("highestmodseq", is.highestmodseq, should.highestmodseq);
  }
  if (stored_in(version, &IndexHeader::unseen)) {
    same("unseen", is.unseen, should.unseen);
  }
  if (stored_in(version, &IndexHeader::quota_deleted_used)) {
    same("quota_deleted_used", is.quota_deleted_used, should.quota_deleted_used);
    same("quota_expunged_used", is.quota_expunged_used, should.quota_expunged_used);
  }
  if (has_sync_crc_annot(version)) {
    same("sync_crc_annot", is.sync_crc_annot, should.sync_crc_annot);
  }
}

// mbexamine hides expunged records, and so do its values here.
std::size_t check_golden(const IndexImage& image, const MailboxHeader& header, const GoldenMailbox& golden) {
  check_header_values(image.header, header, golden.values);
  std::size_t shown = 0;
  for (const IndexRecord& record : image.records) {
    if (record.has(flag::expunged)) {
      continue;
    }
    INFO("UID " << record.uid);
    REQUIRE(shown < golden.records.size());
    check_record_values(record, golden.records[shown].values);
    ++shown;
  }
  CHECK(shown == golden.records.size());
  return shown;
}

MailboxHeader check_header_file(const Buffer& file) {
  auto header = decode_header(file);
  REQUIRE_OK(header);
  const auto written = encode_header(*header, header->form);
  REQUIRE_OK(written);
  CHECK(as_text(*written) == as_text(file));
  const SalvagedHeader lenient = decode_header_lenient(file);
  CHECK(lenient.doubts == std::vector<std::string>{});
  const bool same = lenient.header == *header;
  CHECK(same);
  CHECK(lenient.uniqueid == Trust::sound);
  CHECK(lenient.flags == Trust::sound);
  CHECK(lenient.acl == Trust::sound);
  return *std::move(header);
}

bool zero_initial(const std::string& store) {
  return store.find("2.5.17") != std::string::npos || store.find("3.0.18") != std::string::npos;
}

struct Seen {
  std::size_t mailboxes = 0, compared = 0, records = 0, annotations = 0, expunge_files = 0;
  std::map<unsigned, int> versions;
  std::map<HeaderForm, int> forms;
};

void check_store(const std::string& name, Seen& seen) {
  const TempStore store(name);
  const auto golden = golden_mailboxes(store);
  std::size_t compared = 0;
  for (const fs::path& folder : mailbox_folders(store)) {
    INFO(folder.string());
    ++seen.mailboxes;
    const Buffer header_file = read_bytes(folder / "cyrus.header");
    const MailboxHeader header = check_header_file(header_file);
    ++seen.forms[header.form];
    check_round_trip(folder / "cyrus.index");
    check_block(folder / "cyrus.index");
    const auto image = decode_index(read_bytes(folder / "cyrus.index"));
    REQUIRE_OK(image);
    ++seen.versions[image->header.minor_version];
    const auto annotations = golden_annotations(store, folder);
    seen.annotations += annotations.size();
    check_totals(*image, header, annotations, zero_initial(name) ? 0 : 12345678);
    if (image->header.header_file_crc != 0) {  // a conversion leaves it 0: unknown
      CHECK(image->header.header_file_crc == crc32(header_file));
    }
    if (is_file(folder / "cyrus.expunge")) {
      ++seen.expunge_files;
      const Buffer file = read_bytes(folder / "cyrus.expunge");
      const auto expunged = decode_index(file);
      REQUIRE_OK(expunged);
      const bool same = encode_index(*expunged).value() == file;
      CHECK(same);
      CHECK(expunged->header.num_records == image->header.leaked_cache_records);
    }
    if (const auto found = golden.find(header.uniqueid + ' ' + std::to_string(image->header.uidvalidity));
        found != golden.end()) {
      ++compared;
      seen.records += check_golden(*image, header, found->second);
    }
  }
  INFO(name);
  CHECK(compared == golden.size());
  seen.compared += compared;
}

}  // namespace

TEST_CASE("mailboxes of 3.6.1 are read as its mbexamine reads them and written back byte for byte") {
  Seen seen;
  for (const std::string& name : stores_of_3_6_1()) {
    check_store(name, seen);
  }
  CHECK(seen.mailboxes > 950);
  CHECK(seen.compared > 900);
  CHECK(seen.records > 6000);
  CHECK(seen.annotations > 100);
  CHECK(seen.forms[HeaderForm::dlist] > 950);
  for (const unsigned version : {6U, 7U, 8U, 9U, 12U, 13U, 14U, 15U, 16U, 17U}) {
    INFO("index version " << version);
    CHECK(seen.versions[version] > 0);
  }
}

TEST_CASE(
    "mailboxes of ten other releases are read as their mbexamine reads them and written back byte for byte") {
  Seen seen;
  for (const std::string& name : all_stores()) {
    if (name.starts_with("old-")) {
      check_store(name, seen);
    }
  }
  CHECK(seen.mailboxes > 1400);
  CHECK(seen.compared > 1000);
  CHECK(seen.expunge_files == 11);
  CHECK(seen.annotations > 100);
  CHECK(seen.forms[HeaderForm::text] > 900);
  for (const unsigned version : {4U, 6U, 10U, 12U, 13U, 16U, 17U, 19U}) {
    INFO("index version " << version);
    CHECK(seen.versions[version] > 0);
  }
}
