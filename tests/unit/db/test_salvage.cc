// Salvage of small files that Cyrus 3.6.1 wrote: every flipped bit, every cut, every zeroed stretch. The
// longer table, with the real programs beside ours, is in tests/salvage.
#include <map>

#include "format/base/crc32.h"
#include "format/base/file.h"
#include "format/db/live_judge.h"
#include "format/db/registry.h"
#include "format/db/salvage_write.h"
#include "format/db/twoskip_format.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_store.h"
#include "tests/unit/db/database_files.h"

namespace cyr {
namespace {

using db::Mark;
using Found = std::map<std::string, std::string>;

// alpha, bravo (twice), charlie (deleted), delta; each in its own transaction.
const Found live = {
    {"user.alpha", "value of alpha"}, {"user.bravo", "second value"}, {"user.delta", "value of delta"}};
const Found once = {{"user.bravo", "value of bravo"}, {"user.charlie", "value of charlie"}};

db::SalvageReport salvage_bytes(Bytes file, db::Salvager salvager, bool uncommitted = false) {
  db::SalvageReport report;
  db::SalvageOptions options;
  options.include_uncommitted = uncommitted;
  REQUIRE_OK(salvager({posix_io(), "x.db", file, options}, report));
  return report;
}

Found found(const db::SalvageReport& report) {
  Found out;
  for (const db::SalvagedRecord& record : report.records) {
    out.emplace(record.key, record.value);
  }
  return out;
}

// Nothing that was never there.
bool only_real(const Found& records) {
  for (const auto& [key, value] : records) {
    const auto now = live.find(key);
    const auto before = once.find(key);
    if ((now == live.end() || now->second != value) && (before == once.end() || before->second != value)) {
      return false;
    }
  }
  return true;
}

Found of_file(std::string_view text, const db::Salvager salvager = db::salvage_flat) {
  return found(salvage_bytes(as_bytes(text), salvager));
}

}  // namespace

TEST_CASE("crc32: the flipped bit is found", "[db][salvage]") {
  const std::string text = "user.bovik\t%(A %(bovik lrswipkxtecdan) P default V 1364412711)";
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string hurt = text;
    hurt[bit / 8] = static_cast<char>(static_cast<unsigned char>(hurt[bit / 8]) ^ (1U << (bit % 8)));
    const auto flip = find_flipped_bit(crc32(hurt) ^ crc32(text), text.size());
    REQUIRE(flip);
    CHECK(flip->position == bit / 8);
    CHECK(flip->mask == 1U << (bit % 8));
  }
  std::string twice = text;
  twice[3] ^= 1;
  twice[40] ^= 4;
  CHECK_FALSE(find_flipped_bit(crc32(twice) ^ crc32(text), text.size()));
  CHECK(find_flipped_bit(1U << 17U, 10)->position == 10);
}

TEST_CASE("twoskip: an intact file gives its records and no complaint", "[db][salvage]") {
  const Buffer file = test::read_seed("twoskip/replaced");  // which the report points into
  const auto report = salvage_bytes(file, db::salvage_twoskip);
  CHECK(found(report) == live);
  CHECK(report.complete());
  CHECK(report.damaged.empty());
  CHECK(report.expected == 3);
  CHECK(report.superseded == 1);
  REQUIRE(report.dropped.size() == 1);
  CHECK(report.dropped[0].key == "user.charlie");
}

TEST_CASE("twoskip: whichever bit is flipped, every record is there", "[db][salvage]") {
  const Buffer file = test::read_seed("twoskip/replaced");
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    Buffer hurt = file;
    hurt[bit / 8] ^= std::byte{static_cast<std::uint8_t>(1U << (bit % 8))};
    const Found records = found(salvage_bytes(hurt, db::salvage_twoskip));
    CAPTURE(bit / 8, bit % 8);
    REQUIRE(only_real(records));
    for (const auto& [key, value] : live) {
      const auto there = records.find(key);
      REQUIRE(there != records.end());
      REQUIRE(there->second == value);
    }
  }
}

TEST_CASE("twoskip: cuts and zeros lose only what they touch", "[db][salvage]") {
  const Buffer file = test::read_seed("twoskip/replaced");
  const auto report = salvage_bytes(file, db::salvage_twoskip);
  std::map<std::string, std::uint64_t> ends;  // of the live records in the file
  for (const db::SalvagedRecord& record : report.records) {
    const auto at = as_text(file).find(std::string(record.key) + std::string(record.value), record.offset);
    ends[std::string(record.key)] = at + record.key.size() + record.value.size();  // without padding
  }
  for (std::size_t cut = 0; cut < file.size(); ++cut) {
    const Found records = found(salvage_bytes(Bytes(file).first(cut), db::salvage_twoskip));
    Buffer zeroed = file;
    std::fill(zeroed.begin() + static_cast<std::ptrdiff_t>(cut), zeroed.end(), std::byte{0});
    const Found left = found(salvage_bytes(zeroed, db::salvage_twoskip));
    CAPTURE(cut);
    REQUIRE(only_real(records));
    REQUIRE(only_real(left));
    for (const auto& [key, end] : ends) {
      if (end <= cut && cut >= 64) {
        REQUIRE(records.contains(key));
        REQUIRE(records.at(key) == live.at(key));
        REQUIRE(left.contains(key));
      }
    }
  }
}

TEST_CASE("twoskip: without its header the file is whole", "[db][salvage]") {
  Buffer file = test::read_seed("twoskip/replaced");
  std::fill(file.begin(), file.begin() + 64, std::byte{0x5a});
  const auto report = salvage_bytes(file, db::salvage_twoskip);
  CHECK(report.header_rebuilt);
  CHECK(found(report) == live);
  // The DUMMY too: charlie may not come back, alpha, bravo and delta must not go.
  std::fill(file.begin(), file.begin() + 336, std::byte{0});
  const Found records = found(salvage_bytes(file, db::salvage_twoskip));
  CHECK(only_real(records));
  for (const auto& [key, value] : live) {
    CHECK(records.contains(key));
  }
}

// A file of `count` records with one empty pointer each, whose DUMMY is lost: it would say that there are
// none.
Buffer many_records(std::uint64_t count, std::vector<std::size_t>& offsets, Found& truth) {
  using namespace db::twoskip;
  Buffer file = empty_file();
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string key = "user.number" + std::to_string(1000 + i);
    const std::string value = "default 0 bovik lrswipkxtecdan of " + std::to_string(i * 7919);
    HeadShape shape;
    shape.level = 1;
    shape.key_size = key.size();
    shape.value_size = value.size();
    shape.tail_crc = tail_crc(key, value);
    offsets.push_back(file.size());
    const std::uint64_t slots[2] = {0, 0};
    append_head(file, shape, slots);
    append_tail(file, key, value);
    truth.emplace(key, value);
  }
  Header header;
  header.num_records = count;
  header.current_size = file.size();
  const auto encoded = encode_header(header);
  std::copy(encoded.begin(), encoded.end(), file.begin());
  std::fill(file.begin() + header_size, file.begin() + static_cast<std::ptrdiff_t>(offsets.front()),
            std::byte{0});
  return file;
}

TEST_CASE("twoskip: lengths that only the CRC of key and value speaks for", "[db][salvage]") {
  std::vector<std::size_t> offsets;
  Found truth;
  const Buffer file = many_records(60, offsets, truth);
  Buffer hurt = file;
  for (std::size_t i = 0; i < 10; ++i) {  // pointers torn in several bytes: few such heads are believed
    hurt[offsets[i] + 9] ^= std::byte{0x41};
    hurt[offsets[i] + 20] ^= std::byte{0x17};
  }
  CHECK(found(salvage_bytes(hurt, db::salvage_twoskip)) == truth);

  hurt = file;
  hurt[offsets[1] + 3] ^= std::byte{1};  // the key, of 15, one byte shorter; the value, of 38, one longer
  hurt[offsets[1] + 7] ^= std::byte{1};
  for (std::size_t i = 10; i < 40; ++i) {
    hurt[offsets[i] + 9] ^= std::byte{0x41};
    hurt[offsets[i] + 20] ^= std::byte{0x17};
  }
  for (std::size_t i = 40; i < 60; ++i) {  // one wrong byte proves itself
    hurt[offsets[i] + 15] ^= std::byte{0x55};
  }
  const Found kept = found(salvage_bytes(hurt, db::salvage_twoskip));
  CHECK(std::all_of(kept.begin(), kept.end(), [&](const auto& r) {
    const auto real = truth.find(r.first);
    return real != truth.end() && real->second == r.second;
  }));
  CHECK(kept.size() >= 29);
}

TEST_CASE("twoskip: what is not committed is left out, or taken when asked", "[db][salvage]") {
  Buffer file = test::read_seed("twoskip/replaced");
  // A crash: the header still tells of the state before the last transaction, the deletion of charlie.
  const auto before = salvage_bytes(Bytes(file).first(file.size() - 48), db::salvage_twoskip);
  CHECK(before.records.size() >= 3);
  const Buffer crash = test::read_seed("twoskip/crashed");
  const auto without = salvage_bytes(crash, db::salvage_twoskip);
  const auto with = salvage_bytes(crash, db::salvage_twoskip, true);
  CHECK_FALSE(without.left_out.empty());
  CHECK_FALSE(found(without).contains("INVALID"));
  REQUIRE(found(with).contains("INVALID"));
  CHECK(found(with).at("INVALID") == "CRASHME");
}

TEST_CASE("skiplist: an intact file gives its records and no complaint", "[db][salvage]") {
  const Buffer file = test::read_seed("skiplist/replaced");  // which the report points into
  const auto report = salvage_bytes(file, db::salvage_skiplist);
  CHECK(found(report) == live);
  CHECK(report.complete());
  REQUIRE(report.dropped.size() == 1);
  CHECK(report.dropped[0].key == "user.charlie");
  CHECK(report.dropped[0].why == db::DroppedRecord::Proof::erased);
}

TEST_CASE("skiplist: a flipped bit outside keys and values loses nothing", "[db][salvage]") {
  const Buffer file = test::read_seed("skiplist/replaced");
  const auto text = as_text(file);
  std::vector<bool> content(file.size(), false);  // key or value, which nothing protects
  for (const auto& names : {live, once}) {
    for (const auto& [key, value] : names) {
      for (const std::string& part : {key, value}) {
        for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
          std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at), part.size(), true);
        }
      }
    }
  }
  for (std::size_t bit = 48 * 8; bit < file.size() * 8; ++bit) {
    if (content[bit / 8]) {
      continue;
    }
    Buffer hurt = file;
    hurt[bit / 8] ^= std::byte{static_cast<std::uint8_t>(1U << (bit % 8))};
    const Found records = found(salvage_bytes(hurt, db::salvage_skiplist));
    CAPTURE(bit / 8, bit % 8);
    REQUIRE(only_real(records));
    for (const auto& [key, value] : live) {
      REQUIRE(records.contains(key));
    }
  }
}

TEST_CASE("skiplist: cuts and zeros lose only what they touch", "[db][salvage]") {
  const Buffer file = test::read_seed("skiplist/replaced");
  for (std::size_t cut = 0; cut < file.size(); ++cut) {
    REQUIRE(only_real(found(salvage_bytes(Bytes(file).first(cut), db::salvage_skiplist))));
    Buffer zeroed = file;
    std::fill(zeroed.begin() + static_cast<std::ptrdiff_t>(cut), zeroed.end(), std::byte{0});
    REQUIRE(only_real(found(salvage_bytes(zeroed, db::salvage_skiplist))));
  }
}

TEST_CASE("a database that lost its header is not taken for lines of text", "[db][salvage]") {
  const test::TempDir scratch;
  std::string file = "\x01key\tvalue\n";  // where the magic was: a line
  for (int i = 0; i < 8000; ++i) {        // more than is looked at
    file += std::string("\0\0\0\1\0\0\0\3key\0", 12);
  }
  const fs::path path = scratch / "x.db";
  test::write_text(path, file);
  CHECK(db::detect(read_only_io(), path).value() == std::nullopt);
  test::write_text(path, "key\tvalue\nother\tline\n");
  CHECK(db::detect(read_only_io(), path).value() == db::Kind::flat);
}

TEST_CASE("flat: whole lines are kept, half ones are not", "[db][salvage]") {
  CHECK(of_file("a\t1\nb\t2\nc\t3\n") == Found{{"a", "1"}, {"b", "2"}, {"c", "3"}});
  CHECK(of_file("a\t1\nb\t2\nc\t3") == Found{{"a", "1"}, {"b", "2"}});
  CHECK(of_file("b\t2\na\t1\nb\t3\n") == Found{{"a", "1"}, {"b", "3"}});  // edited by hand: the later line
  CHECK(of_file("a\t1\r\nb\t2\r\n") == Found{{"a", "1"}, {"b", "2"}});
  // Zeros swallow an end and a beginning; neither half is a record.
  CHECK(of_file(std::string("a\t1\nb\t2") + std::string(5, '\0') + "d\t4\ne\t5\n") ==
        Found{{"a", "1"}, {"e", "5"}});
  // A byte of a value that became LF: the value before it is not whole.
  CHECK(of_file("a\tone\nb\ttw\nJ\nc\tthree\n") == Found{{"a", "one"}, {"c", "three"}});
  // An LF that became 'J', a TAB that became ')': one answer only.
  CHECK(of_file("a\t1Jb\t2\nc\t3\n").contains("c"));
  CHECK(of_file("a\t1\nb\t2Jc\t3\nd\t4\n") == Found{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  CHECK(of_file("a\t1\nb)2\nc\t3\n") == Found{{"a", "1"}, {"b", "2"}, {"c", "3"}});
  // Escapes, and what looks like one but is not.
  const auto odd = salvage_bytes(as_bytes("k\xff\x89x\tv\xff\xff\nm\t\xff"
                                          "A\n"),
                                 db::salvage_flat);
  CHECK(found(odd) == Found{{"k\tx", "v\xff"},
                            {"m",
                             "\xff"
                             "A"}});
  CHECK(odd.records[1].has(Mark::wrong_era));
  CHECK_FALSE(odd.records[0].has(Mark::wrong_era));
}

TEST_CASE("quotalegacy: whole files are kept, wherever they are", "[db][salvage]") {
  const test::TempDir dir;
  const auto put = [&](const char* name, std::string_view content) {
    REQUIRE_OK(posix_io().make_directories((dir.path() / name).parent_path(), 0700));
    REQUIRE_OK(replace_file(posix_io(), dir.path() / name, as_bytes(content)));
  };
  put("quota/f/user.foo", "%(S (1 2) M (0) AS (0) NF (0))\n");
  put("quota/q/user.gone", "");
  put("quota/a/user.zed", "10\n20\n");               // not where its name belongs
  put("quota/b/user.bar.NEW", "1\n2\n");             // never renamed
  put("quota/b/user.baz", "%(S (1 2) M (0) AS (0");  // cut
  db::SalvageOptions options;
  options.kind = db::Kind::quotalegacy;
  const auto report = db::salvage(posix_io(), dir.path() / "quota", options);
  REQUIRE_OK(report);
  CHECK(found(*report) == Found{{"user.foo", "%(S (1 2) M (0) AS (0) NF (0))"}, {"user.zed", "10 20"}});
  CHECK(report->damaged.size() == 2);
  REQUIRE(report->left_out.size() == 1);
  CHECK(report->left_out[0].key == "user.bar");
  options.include_uncommitted = true;
  CHECK(found(*db::salvage(posix_io(), dir.path() / "quota", options)).contains("user.bar"));
}

TEST_CASE("a new database of what was saved", "[db][salvage]") {
  const test::TempDir dir;
  Buffer file = test::read_seed("twoskip/replaced");
  file[20] ^= std::byte{1};  // the version
  REQUIRE_OK(replace_file(posix_io(), dir.path() / "old.db", file));
  db::SalvageOptions options;
  options.kind = db::Kind::twoskip;
  const auto report = db::salvage(posix_io(), dir.path() / "old.db", options);
  REQUIRE_OK(report);
  for (const db::Kind kind : {db::Kind::twoskip, db::Kind::skiplist, db::Kind::flat}) {
    const fs::path to = dir.path() / std::string(db::name_of(kind));
    REQUIRE_OK(db::write_salvaged(posix_io(), *report, to, kind, {}));
    const auto opened = db::open(posix_io(), to, kind);
    REQUIRE_OK(opened);
    CHECK((*opened)->consistent());
    CHECK(*(*opened)->get("user.bravo") == "second value");
    const auto again = db::write_salvaged(posix_io(), *report, to, kind, {});
    REQUIRE_FALSE(again);
    CHECK(again.error().code == Errc::exists);
  }
}

TEST_CASE("pointer evidence: what a live node's pointer passes over is dead", "[db][salvage]") {
  using Judge = db::LiveJudge;
  // head -> a -> (lost) ...; on the second level a -> d. b has that level and so is dead, c has not and may
  // live.
  Judge judge{db::KeyOrder(db::Order::raw)};
  std::vector<Judge::Link> head(31, Judge::end);
  head[0] = head[1] = 1;
  judge.add_node({0, "", 31}, head);
  judge.add_node({100, "a", 2}, {Judge::lost(999), 4});
  judge.add_node({200, "b", 2}, {3, 4});
  judge.add_node({300, "c", 1}, {4});
  judge.add_node({400, "d", 2}, {Judge::end, Judge::end});
  judge.set_last_loss(1000);
  judge.rank();
  judge.judge();
  CHECK(judge.finding(1).verdict == Judge::Verdict::live);
  CHECK(judge.finding(2).verdict == Judge::Verdict::older);  // dead, but a later version may be what is lost
  CHECK(judge.finding(3).verdict == Judge::Verdict::kept);
  CHECK(judge.finding(3).doubtful);
  CHECK(judge.finding(4).verdict == Judge::Verdict::live);
  REQUIRE(judge.losses().size() == 1);
  CHECK(judge.losses()[0].offset == 999);
}

}  // namespace cyr
