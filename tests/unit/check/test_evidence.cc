// What the rest of the store brings back: lost index records from annotations and the conversations database,
// single records of mailboxes.db from each other and from the partitions.
#include <map>
#include <string>

#include "format/check/list_records.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index_layout.h"
#include "tests/support/tree.h"
#include "tests/unit/check/repair_bench.h"

using namespace cyr;
using test::Bench;

namespace {

// Values of one vendor entry in the target's cyrus.annotations, by UID.
std::map<std::uint32_t, std::string> vendor_annotations(const Bench& bench, const std::string& entry) {
  std::map<std::uint32_t, std::string> out;
  const auto file = bench.temp / bench.temp.target("user_bovik").at("meta") / "cyrus.annotations";
  const auto database = db::open(read_only_io(), file, db::Kind::twoskip, {});
  REQUIRE_OK(database);
  REQUIRE_OK(
      (*database)->for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
        CYR_TRY(const auto decoded, mailbox::decode_annotation_key(as_bytes(key)));
        CYR_TRY(const auto annotation, mailbox::decode_annotation_value(as_bytes(value)));
        if (decoded.entry == std::string(mailbox::kVendorPrefix) + entry) {
          out.emplace(mailbox::annotation_uid(decoded).value_or(0), annotation.value);
        }
        return db::Visit::go_on;
      }));
  return out;
}

// The list of a bench as it stands, and one repair of its records.
struct ListBench {
  explicit ListBench(const std::string& name) : temp(name) {}

  std::unique_ptr<store::Store> open() {
    auto store = store::Store::open(posix_io(), temp.conf());
    REQUIRE_OK(store);
    return std::move(*store);
  }

  meta::MailboxEntry entry(const std::string& name) {
    const auto store = open();
    const auto list = store->mailbox_list();
    REQUIRE_OK(list);
    const auto found = (*list)->find(name);
    REQUIRE_OK(found);
    REQUIRE(found->has_value());
    return **found;
  }

  // Puts a colon into the first number of the value: dlist still, but no record.
  std::string damage(const std::string& key) {
    const auto store = open();
    const auto list = store->mailbox_list();
    REQUIRE_OK(list);
    auto value = (*list)->database().get(key);
    REQUIRE_OK(value);
    REQUIRE(value->has_value());
    std::string damaged = **value;
    const auto at = damaged.find(" M ");
    REQUIRE(at != std::string::npos);
    damaged[at + 4] = ':';
    const auto transaction = (*list)->database().begin();
    REQUIRE_OK(transaction);
    REQUIRE_OK((*transaction)->put(key, damaged));
    REQUIRE_OK((*transaction)->commit());
    return damaged;
  }

  test::Findings repair() {
    test::Findings findings;
    test::Collector collector(findings);
    const auto store = open();
    store::SavedCopies saved(posix_io(), store->saved_roots(), "run" + std::to_string(++runs), true);
    const auto done = check::repair_list_records(*store, saved, collector, 1'800'000'000);
    REQUIRE_OK(done);
    CHECK(done->unresolved == 0);
    return findings;
  }

  test::TempStore temp;
  int runs = 0;
};

}  // namespace

TEST_CASE("fields that an older index kept as annotations enter the rebuilt record", "[evidence]") {
  Bench bench("versions");
  const auto savedates = vendor_annotations(bench, "savedate");
  const auto modseqs = vendor_annotations(bench, "createdmodseq");
  REQUIRE(savedates.size() > 100);
  bench.temp.damage("index-deleted", "user_bovik");
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::annotation_carried) == savedates.size() + modseqs.size());
  const auto after = bench.index();
  REQUIRE(mailbox::has_createdmodseq(after.header.minor_version));
  std::size_t compared = 0;
  for (const auto& record : after.records) {
    if (const auto savedate = savedates.find(record.uid); savedate != savedates.end()) {
      CHECK(std::to_string(record.savedate) == savedate->second);
      ++compared;
    }
    if (const auto modseq = modseqs.find(record.uid); modseq != modseqs.end()) {
      CHECK(std::to_string(record.createdmodseq) == modseq->second);
    }
  }
  CHECK(compared == savedates.size());
  CHECK(vendor_annotations(bench, "savedate").empty());
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("a new index starts the annotation CRC as Cyrus does", "[evidence]") {
  Bench bench("default");
  bench.temp.damage("directory-deleted", "user_bovik");
  CHECK_FALSE(bench.run("user/bovik").all.empty());
  const auto after = bench.index();
  CHECK(after.records.empty());
  CHECK(after.header.minor_version == 17);
  CHECK(after.header.sync_crc_annot == 12345678);
}

TEST_CASE("the conversations database brings back the state of a lost index", "[evidence]") {
  Bench bench("modern");
  const auto before = bench.index();
  bench.temp.damage("index-deleted", "user_bovik");
  CHECK(bench.run("user/bovik").count(check::Problem::index_missing) == 1);
  const auto after = bench.index();
  REQUIRE(after.records.size() == before.records.size());
  std::size_t expunged = 0;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < before.records.size(); ++i) {
    CAPTURE(before.records[i].uid);
    CHECK(after.records[i].uid == before.records[i].uid);
    CHECK(after.records[i].cid == before.records[i].cid);
    CHECK(after.records[i].system_flags == before.records[i].system_flags);
    CHECK(after.records[i].internaldate == before.records[i].internaldate);
    expunged += before.records[i].has(mailbox::flag::expunged) ? 1 : 0;
    seen += before.records[i].has(mailbox::flag::seen) ? 1 : 0;
  }
  CHECK(expunged != 0);
  CHECK(seen != 0);
  CHECK(after.header.exists == before.header.exists);
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("a record of mailboxes.db comes back from its other record", "[evidence]") {
  ListBench bench("skiplist");
  const auto before = bench.entry("user.bovik");
  const bool by_name = GENERATE(true, false);
  const std::string key = by_name ? meta::name_key("user.bovik", meta::ListFormat::keyed_36)
                                  : meta::uniqueid_key(before.uniqueid);
  const std::string damaged = bench.damage(key);
  const auto findings = bench.repair();
  REQUIRE(findings.all.size() == 1);
  CHECK(findings.all[0].problem == check::Problem::list_entry_unreadable);
  CHECK(findings.all[0].mailbox == "user.bovik");
  CHECK(findings.all[0].found == damaged);
  auto after = bench.entry("user.bovik");
  after.mtime = before.mtime;
  after.history = before.history;
  CHECK(after == before);
  CHECK(test::read_text(bench.temp / "config/undo./run1/mailboxes.db").find(damaged) != std::string::npos);
  CHECK(bench.repair().all.empty());
}

TEST_CASE("a record of an older mailboxes.db comes back from header and index", "[evidence]") {
  ListBench bench("old-3.2.12-virt");
  const std::string name = "example.net!user.bovik";
  const auto before = bench.entry(name);
  bench.damage(meta::name_key(name, meta::ListFormat::dlist_32));
  CHECK(bench.repair().count(check::Problem::list_entry_unreadable) == 1);
  const auto after = bench.entry(name);
  CHECK(after.uniqueid == before.uniqueid);
  CHECK(after.partition == before.partition);
  CHECK(after.acl == before.acl);
  CHECK(after.uidvalidity == before.uidvalidity);
  CHECK(bench.repair().all.empty());
}
