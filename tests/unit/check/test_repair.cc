// Whole repairs of damaged copies of a real store: what is kept, what is reported, and that a second run
// finds nothing. The facts of every damage in every store are compared by tests/matrix.
#include <boost/filesystem/operations.hpp>
#include <set>
#include <string>

#include "format/base/crc32.h"
#include "format/base/digest.h"
#include "tests/support/tree.h"
#include "tests/unit/check/repair_bench.h"

using namespace cyr;
using test::Bench;
using test::same_facts;

TEST_CASE("an intact store is left without a trace", "[repair]") {
  Bench bench("default");
  const auto before = test::read_tree(bench.temp.root());
  CHECK(bench.run("").all.empty());
  CHECK(test::tree_changes(before, test::read_tree(bench.temp.root())).empty());
}

TEST_CASE("records and header survive one wrong byte", "[repair]") {
  const std::string damage = GENERATE(as<std::string>{}, "index-record-bitflip", "index-header-bitflip",
                                      "index-version-bitflip", "header-tail-bitflip", "header-magic-bitflip");
  CAPTURE(damage);
  Bench bench("default");
  const auto before = bench.index();
  const auto where = bench.temp.target("user_bovik");
  const std::string header = test::read_text(bench.temp / where.at("meta") / "cyrus.header");
  bench.temp.damage(damage, "user_bovik");
  CHECK_FALSE(bench.run("user/bovik").all.empty());
  const auto after = bench.index();
  REQUIRE(after.records.size() == before.records.size());
  for (std::size_t i = 0; i < before.records.size(); ++i) {
    CHECK(after.records[i] == before.records[i]);
  }
  CHECK(after.header.uidvalidity == before.header.uidvalidity);
  CHECK(after.header.last_uid == before.header.last_uid);
  CHECK(test::read_text(bench.temp / where.at("meta") / "cyrus.header") == header);
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("a lost header costs the index nothing", "[repair]") {
  Bench bench("default");
  const auto before = bench.index();
  bench.temp.damage("header-deleted", "user_bovik");
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::header_missing) == 1);
  const auto after = bench.index();
  REQUIRE(after.records.size() == before.records.size());
  for (std::size_t i = 0; i < before.records.size(); ++i) {
    CHECK(same_facts(after.records[i], before.records[i]));
  }
  CHECK(after.header.uidvalidity == before.header.uidvalidity);
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("a cut index keeps its whole records and all UIDs", "[repair]") {
  Bench bench("default");
  const auto before = bench.index();
  bench.temp.damage("index-truncated-record", "user_bovik");
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::index_truncated) == 1);
  const auto after = bench.index();
  REQUIRE(after.records.size() == before.records.size());
  for (std::size_t i = 0; i + 4 < before.records.size(); ++i) {
    CHECK(same_facts(after.records[i], before.records[i]));
  }
  CHECK(after.records.back().uid == before.records.back().uid);
  CHECK(after.header.uidvalidity == before.header.uidvalidity);
  CHECK(after.header.exists == before.header.exists);
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("a lost index keeps UIDs and UIDVALIDITY and repeats nothing", "[repair]") {
  Bench bench("default");
  const auto before = bench.index();
  bench.temp.damage("index-deleted", "user_bovik");
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::index_missing) == 1);
  const auto after = bench.index();
  CHECK(after.header.uidvalidity == before.header.uidvalidity);
  CHECK(after.header.last_uid >= before.header.last_uid);
  CHECK(after.header.highestmodseq >= before.header.highestmodseq);
  REQUIRE(after.records.size() == before.records.size());
  for (std::size_t i = 0; i < before.records.size(); ++i) {
    CHECK(after.records[i].uid == before.records[i].uid);
    CHECK(after.records[i].internaldate == before.records[i].internaldate);
    CHECK(after.records[i].guid == before.records[i].guid);
    CHECK(after.records[i].cache_crc == before.records[i].cache_crc);
  }
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("a rebuilt cache holds the same records", "[repair]") {
  const std::string damage =
      GENERATE(as<std::string>{}, "cache-deleted", "cache-zeroed", "cache-truncated", "cache-bitflip");
  CAPTURE(damage);
  Bench bench("default");
  const auto before = bench.index();
  bench.temp.damage(damage, "user_bovik");
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::cache_record) != 0);
  const auto after = bench.index();
  REQUIRE(after.records.size() == before.records.size());
  for (std::size_t i = 0; i < before.records.size(); ++i) {
    CHECK(same_facts(after.records[i], before.records[i]));
    CHECK(after.records[i].cache_crc == before.records[i].cache_crc);
    CHECK(after.records[i].modseq == before.records[i].modseq);
  }
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("missing messages are expunged and their records saved", "[repair]") {
  Bench bench("default");
  const auto before = bench.index();
  bench.temp.damage("messages-missing", "user_bovik");
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::message_missing) == 3);
  const auto after = bench.index();
  CHECK(after.records.size() == before.records.size() - 3);
  CHECK(after.header.deletedmodseq > before.header.deletedmodseq);
  const auto where = bench.temp.target("user_bovik");
  const std::string saved =
      test::read_text(bench.temp / "spool/undo./run1" /
                      fs::path(where.at("meta")).lexically_relative("spool") / "cyrus.index");
  const auto old = mailbox::decode_index(as_bytes(saved));
  REQUIRE_OK(old);
  CHECK(old->records.size() == before.records.size());
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("empty and torn messages are set aside, not removed", "[repair]") {
  Bench bench("default");
  bench.temp.damage("messages-changed", "user_bovik");
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::message_empty) == 1);
  CHECK(findings.count(check::Problem::guid_mismatch) == 1);
  const auto where = bench.temp.target("user_bovik");
  const auto saved = bench.temp / "spool/undo./run1" / fs::path(where.at("dir")).lexically_relative("spool");
  CHECK(test::read_text(saved / "2.").size() == 527);
}

TEST_CASE("a dry run changes not one byte and makes no file", "[repair]") {
  const std::string damage =
      GENERATE(as<std::string>{}, "index-deleted", "messages-extra", "header-truncated");
  CAPTURE(damage);
  Bench bench("default", read_only_io());
  bench.temp.damage(damage, "user_bovik");
  const auto before = test::read_tree(bench.temp.root());
  CHECK_FALSE(bench.run("user/bovik").all.empty());
  CHECK(test::tree_changes(before, test::read_tree(bench.temp.root())).empty());
}

namespace {

// Two live messages of different sizes, by UID, and a third one.
std::vector<std::uint32_t> different_sizes(const mailbox::IndexImage& index) {
  std::vector<std::uint32_t> uids;
  std::set<std::uint64_t> sizes;
  for (const auto& record : index.records) {
    if (!record.has(mailbox::flag::expunged) && sizes.insert(record.size).second && uids.size() < 3) {
      uids.push_back(record.uid);
    }
  }
  return uids;
}

void check_same_records(const mailbox::IndexImage& after, const mailbox::IndexImage& before) {
  REQUIRE(after.records.size() == before.records.size());
  for (std::size_t i = 0; i < before.records.size(); ++i) {
    CHECK(same_facts(after.records[i], before.records[i]));
  }
}

struct MessageDirectory {
  explicit MessageDirectory(const Bench& bench)
      : path(bench.temp / bench.temp.target("user_bovik").at("dir")) {}
  [[nodiscard]] fs::path operator[](std::uint32_t uid) const { return path / (std::to_string(uid) + "."); }
  fs::path path;
};

}  // namespace

TEST_CASE("renamed message files go back to the records that have their GUID", "[repair]") {
  Bench bench("default");
  const auto before = bench.index();
  const MessageDirectory messages(bench);
  const auto uids = different_sizes(before);
  REQUIRE(uids.size() == 3);
  const auto tree = test::read_tree(messages.path);
  fs::rename(messages[uids[0]], messages[4000]);
  fs::rename(messages[uids[1]], messages[5000]);
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::message_moved) == 2);
  CHECK(findings.count(check::Problem::message_missing) == 0);
  CHECK(findings.count(check::Problem::message_found) == 0);
  check_same_records(bench.index(), before);
  CHECK(test::tree_changes(tree, test::read_tree(messages.path), test::Compare::content).empty());
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("message files that changed places are put back", "[repair]") {
  const bool three = GENERATE(false, true);
  Bench bench("default");
  const auto before = bench.index();
  const MessageDirectory messages(bench);
  const auto uids = different_sizes(before);
  REQUIRE(uids.size() == 3);
  const auto tree = test::read_tree(messages.path);
  fs::rename(messages[uids[0]], messages.path / "aside");
  fs::rename(messages[uids[1]], messages[uids[0]]);
  if (three) {
    fs::rename(messages[uids[2]], messages[uids[1]]);
  }
  fs::rename(messages.path / "aside", messages[uids[three ? 2 : 1]]);
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::message_moved) == (three ? 3 : 2));
  CHECK(findings.count(check::Problem::guid_mismatch) == 0);
  check_same_records(bench.index(), before);
  CHECK(test::tree_changes(tree, test::read_tree(messages.path), test::Compare::content).empty());
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("what took a message's name becomes a message of its own", "[repair]") {
  Bench bench("default");
  const auto before = bench.index();
  const MessageDirectory messages(bench);
  const auto uids = different_sizes(before);
  fs::rename(messages[uids[0]], messages[4000]);
  const std::string foreign = "Subject: somebody else's\r\n\r\nhello\r\n";
  test::write_text(messages[uids[0]], foreign);
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::message_moved) == 1);
  CHECK(findings.count(check::Problem::message_found) == 1);
  auto after = bench.index();
  REQUIRE(after.records.size() == before.records.size() + 1);
  CHECK(after.records.back().uid == 4000);
  CHECK(after.records.back().guid == sha1(foreign));
  CHECK(test::read_text(messages[4000]) == foreign);
  after.records.pop_back();
  check_same_records(after, before);
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("a missing message is copied from one with the same GUID", "[repair]") {
  Bench bench("default");
  const MessageDirectory messages(bench);
  // The last message a second time, as COPY would leave it.
  const auto first = bench.index();
  const std::uint32_t last = first.header.last_uid;
  fs::copy_file(messages[first.records.back().uid], messages[last + 1]);
  bench.run("user/bovik");
  const auto before = bench.index();
  REQUIRE(before.records.size() == first.records.size() + 1);
  REQUIRE(before.records.back().guid == first.records.back().guid);
  fs::remove(messages[first.records.back().uid]);
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::message_copied) == 1);
  CHECK(findings.count(check::Problem::message_missing) == 0);
  check_same_records(bench.index(), before);
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("metadata files that changed places with another mailbox's go back", "[repair]") {
  const std::string file = GENERATE(as<std::string>{}, "cyrus.index", "cyrus.header");
  const check::Problem problem =
      file == "cyrus.index" ? check::Problem::index_foreign : check::Problem::header_foreign;
  CAPTURE(file);
  Bench bench("default");
  const auto path = [&](const std::string& target) {
    return bench.temp / bench.temp.target(target).at("meta") / file;
  };
  const auto bovik = bench.index();
  const auto ted = bench.index("user_ted_Keywords");
  const std::string headers[] = {test::read_text(path("user_bovik").parent_path() / "cyrus.header"),
                                 test::read_text(path("user_ted_Keywords").parent_path() / "cyrus.header")};
  fs::rename(path("user_bovik"), bench.temp / "aside");
  fs::rename(path("user_ted_Keywords"), path("user_bovik"));
  fs::rename(bench.temp / "aside", path("user_ted_Keywords"));
  CHECK(bench.run("user/bovik").count(problem) == 1);
  CHECK(bench.run("user/ted/Keywords").count(problem) == 1);  // its own is among what the first run kept
  check_same_records(bench.index(), bovik);
  check_same_records(bench.index("user_ted_Keywords"), ted);
  CHECK(test::read_text(path("user_bovik").parent_path() / "cyrus.header") == headers[0]);
  CHECK(test::read_text(path("user_ted_Keywords").parent_path() / "cyrus.header") == headers[1]);
  CHECK(bench.run("user/bovik").all.empty());
  CHECK(bench.run("user/ted/Keywords").all.empty());
}

TEST_CASE("an index copied from another mailbox is no source of facts", "[repair]") {
  Bench bench("default");
  const auto before = bench.index("user_ted_Keywords");
  const auto path = [&](const std::string& target) {
    return bench.temp / bench.temp.target(target).at("meta") / "cyrus.index";
  };
  fs::copy_file(path("user_bovik"), path("user_ted_Keywords"), fs::copy_options::overwrite_existing);
  CHECK(bench.run("user/ted/Keywords").count(check::Problem::index_foreign) == 1);
  const auto after = bench.index("user_ted_Keywords");
  REQUIRE(after.records.size() == before.records.size());
  for (std::size_t i = 0; i < before.records.size(); ++i) {
    CHECK(after.records[i].uid == before.records[i].uid);
    CHECK(after.records[i].guid == before.records[i].guid);
    CHECK((after.records[i].system_flags & ~before.records[i].system_flags) == 0);
  }
  CHECK(after.header.uidvalidity == before.header.uidvalidity);
  CHECK(bench.run("user/ted/Keywords").all.empty());
}

TEST_CASE("a record that is there twice goes, and the index is written", "[repair]") {
  Bench bench("default");
  const auto before = bench.index();
  const auto path = bench.temp / bench.temp.target("user_bovik").at("meta") / "cyrus.index";
  std::string bytes = test::read_text(path);
  const std::size_t start = before.header.start_offset;
  const std::size_t size = before.header.record_size;
  bytes.insert(start + size, bytes.substr(start, size));
  constexpr std::size_t num_records_at = 20;  // counted and sealed: nothing else is wrong with the index
  auto* const head = reinterpret_cast<std::byte*>(bytes.data());
  store_be(head + num_records_at, static_cast<std::uint32_t>(before.records.size() + 1));
  store_be(head + start - 4, crc32(Bytes(head, start - 4)));
  test::write_text(path, bytes);
  CHECK(bench.run("user/bovik").count(check::Problem::record_order) == 1);
  check_same_records(bench.index(), before);
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("a header with several wrong bytes is put together from mailboxes.db and its CRC", "[repair]") {
  Bench bench("default");
  const auto path = bench.temp / bench.temp.target("user_bovik").at("meta") / "cyrus.header";
  const std::string whole = test::read_text(path);
  const auto names = whole.find(" U (");
  REQUIRE(names != std::string::npos);
  std::string hurt = whole;
  for (const std::size_t at : {std::size_t{20}, std::size_t{118}, names - 3, names + 5, names + 9}) {
    hurt[at] = static_cast<char>(hurt[at] ^ 2);
  }
  test::write_text(path, hurt);
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::header_corrected) == 1);
  CHECK(findings.count(check::Problem::flag_name_lost) == 0);
  CHECK(test::read_text(path) == whole);
  CHECK(bench.run("user/bovik").all.empty());
}

TEST_CASE("an index that names another mailbox's header goes back though most messages fit", "[repair]") {
  // user.ted and user.tjs of the store have the same messages at first.
  Bench bench("skiplist");
  const auto path = [&](std::string_view user) {
    return bench.temp / "spool/user" / std::string(user) / "cyrus.index";
  };
  const std::string ted = test::read_text(path("ted")), tjs = test::read_text(path("tjs"));
  test::write_text(path("ted"), tjs);
  test::write_text(path("tjs"), ted);
  CHECK(bench.run("user/ted").count(check::Problem::index_foreign) == 1);
  CHECK(bench.run("user/tjs").count(check::Problem::index_foreign) == 1);
  const auto after = mailbox::decode_index(as_bytes(test::read_text(path("ted"))));
  const auto before = mailbox::decode_index(as_bytes(ted));
  REQUIRE_OK(after);
  REQUIRE(after->records.size() == before->records.size());
  for (std::size_t i = 0; i < before->records.size(); ++i) {
    CHECK(same_facts(after->records[i], before->records[i]));
  }
}

TEST_CASE("a header that changed places does not make the index a foreign one", "[repair]") {
  Bench bench("default");
  const auto header = [&](const std::string& target) {
    return bench.temp / bench.temp.target(target).at("meta") / "cyrus.header";
  };
  const auto before = bench.index();
  fs::rename(header("user_bovik"), bench.temp / "aside");
  fs::rename(header("user_ted_Keywords"), header("user_bovik"));
  fs::rename(bench.temp / "aside", header("user_ted_Keywords"));
  const fs::path directory = bench.temp / bench.temp.target("user_bovik").at("dir");
  for (const auto& record : before.records) {  // a message is missing, too
    if (fs::remove(directory / (std::to_string(record.uid) + "."))) {
      break;
    }
  }
  const auto findings = bench.run("user/bovik");
  CHECK(findings.count(check::Problem::index_foreign) == 0);
  CHECK(findings.count(check::Problem::header_foreign) == 1);
  CHECK(bench.index().records.size() + 1 == before.records.size());
}

namespace {

// An index of version 8 with at least four messages, of the store "versions".
fs::path index_of_version_8(const test::TempStore& temp, std::string& mailbox) {
  auto store = store::Store::open(posix_io(), temp.conf());
  REQUIRE_OK(store);
  const auto all = store::select_mailboxes(**store, {}, {});
  REQUIRE_OK(all);
  for (const auto& entry : all->entries) {
    const auto files = (*store)->files(entry);
    const auto file = files ? posix_io().read_file(files->index) : Result<FileBytes>(files.error());
    const auto image = file ? mailbox::decode_index(file->bytes()) : corrupt("no file");
    if (image && image->header.minor_version == 8 && image->records.size() >= 4) {
      mailbox = (*store)->external_name(entry.name);
      return files->index;
    }
  }
  throw std::runtime_error("no such mailbox");
}

}  // namespace

TEST_CASE("without checksums one wrong bit is seen by what else is known", "[repair]") {
  Bench bench("versions");
  std::string name;
  const fs::path path = index_of_version_8(bench.temp, name);
  const std::string whole = test::read_text(path);
  const auto before = mailbox::decode_index(as_bytes(whole));
  REQUIRE_OK(before);
  std::string hurt = whole;
  const std::size_t start = before->header.start_offset, size = before->header.record_size;
  hurt[28] = static_cast<char>(hurt[28] ^ 0x40);                                // last_uid
  hurt[start + 4] = static_cast<char>(hurt[start + 4] ^ 0x10);                  // internaldate of the first
  hurt[start + size + 47] = static_cast<char>(hurt[start + size + 47] ^ 0x20);  // a user flag of the second
  hurt[start + 2 * size + 72] = static_cast<char>(hurt[start + 2 * size + 72] ^ 0x10);  // modseq of the third
  test::write_text(path, hurt);
  const auto findings = bench.run(name);
  CHECK(findings.count(check::Problem::record_bit) == 3);
  CHECK(findings.count(check::Problem::index_header_bit) == 1);
  const auto after = mailbox::decode_index(as_bytes(test::read_text(path)));
  REQUIRE_OK(after);
  CHECK(after->header.last_uid == before->header.last_uid);
  for (std::size_t i = 0; i < before->records.size(); ++i) {
    CHECK(same_facts(after->records[i], before->records[i]));
    CHECK(after->records[i].modseq == before->records[i].modseq);
  }
  CHECK(bench.run(name).all.empty());
}
