// twom against files that the real library wrote (tests/data/twom.md).
#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <fstream>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "format/base/text.h"
#include "format/db/dump.h"
#include "format/db/salvage.h"
#include "format/db/twom_view.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"
#include "tests/unit/db/database_files.h"

namespace cyr {
namespace {

using db::twom::RecordType;

const fs::path& golden_twom() {
  static const test::TempDir directory;
  static const fs::path path = [] {
    test::unpack_archive(test::data_file("twom.tar.zst"), directory.path());
    return directory / "twom";
  }();
  return path;
}
fs::path golden(const std::string& name) { return golden_twom() / name; }

void write_text(const fs::path& path, std::string_view text) {
  std::ofstream(path.string(), std::ios::binary)
      .write(text.data(), static_cast<std::streamsize>(text.size()));
}

std::string unhex(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; text != "-" && i + 1 < text.size(); i += 2) {
    out += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  }
  return out;
}

std::string listing(db::Database& database) {
  std::string out;
  for (const auto& [key, value] : test::records_of(database)) {
    out += test::hex(key) + " " + test::hex(value) + "\n";
  }
  return out;
}

std::unique_ptr<db::Database> open_twom(const fs::path& path, Io& io = posix_io()) {
  auto database = db::open(io, path, db::Kind::twom, {.create = true});
  REQUIRE_OK(database);
  return std::move(*database);
}

// What the operations of a golden file ask for.
void perform(db::Database& database, std::istream& operations) {
  std::unique_ptr<db::Transaction> transaction;
  for (std::string line; std::getline(operations, line);) {
    std::istringstream words(line);
    std::string what;
    std::string key;
    std::string value;
    words >> what >> key >> value;
    if (what == "begin") {
      auto begun = database.begin();
      REQUIRE_OK(begun);
      transaction = std::move(*begun);
    } else if (what == "commit" || what == "abort") {
      REQUIRE_OK(what == "commit" ? transaction->commit() : transaction->abort());
      transaction.reset();
    } else if (what == "put") {
      REQUIRE_OK(transaction ? transaction->put(unhex(key), unhex(value))
                             : database.put(unhex(key), unhex(value)));
    } else if (what == "del") {
      REQUIRE_OK(transaction ? transaction->erase(unhex(key)) : database.erase(unhex(key)));
    } else if (what == "repack") {
      REQUIRE_OK(database.repack());
    }
  }
}

// The log without what depends on the random levels: records are numbered, and ancestors are such numbers.
std::vector<std::string> log_of(Bytes file) {
  const auto header = db::twom::decode_header(file);
  REQUIRE_OK(header);
  std::vector<std::string> out = {
      "records " + std::to_string(header->num_records) + " commits " + std::to_string(header->num_commits) +
      " flags " + std::to_string(header->flags) + " generation " + std::to_string(header->generation)};
  std::map<std::uint64_t, std::size_t> numbers = {{0, 0}};
  for (std::uint64_t offset = db::twom::first_record; offset < header->current_size;) {
    numbers.emplace(offset, numbers.size());
    const auto record = db::twom::decode_record(file, offset, header->current_size, header->checksum());
    REQUIRE_OK(record);
    CHECK(db::twom::tail_is_sound(*record, header->checksum()));
    const std::uint64_t named = record->type == RecordType::commit ? record->slot(0) : record->ancestor;
    REQUIRE(numbers.contains(named));
    out.push_back(std::string(db::twom::name_of(record->type)) + " " + test::hex(record->key) + " " +
                  test::hex(record->value) + " <- " + std::to_string(numbers[named]));
    offset = record->end();
  }
  return out;
}

std::vector<std::string> dump_lines(std::string_view text) {
  std::vector<std::string> out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    out.push_back(line.substr(0, line.find(" (")));  // the real one shows a key up to its first NUL
  }
  return out;
}

const std::vector<std::string> all = {"empty",    "one", "gone",  "mixed", "null",
                                      "repacked", "fat", "early", "dirty"};

}  // namespace

TEST_CASE("twom files of the real library read as it lists and dumps them", "[db][golden]") {
  for (const std::string& name : all) {
    INFO(name);
    const fs::path path = golden(name + ".twom");
    const std::string before = test::read_text(path);
    CHECK(db::detect(read_only_io(), path).value() == db::Kind::twom);
    const auto database = open_twom(path, read_only_io());
    CHECK(listing(*database) == test::read_text(golden(name + ".show")));
    const auto consistent = database->consistent();
    CHECK(consistent.has_value() == (name != "dirty"));
    if (name != "early") {
      std::string dump;
      REQUIRE_OK(db::dump_twom({as_bytes(before), path, 0}, [&](std::string_view text) {
        dump += text;
        return success();
      }));
      auto ours = dump_lines(dump);
      REQUIRE(ours.at(1) == "FNAME: fname=" + path.string());  // taken out of the golden ones
      ours.erase(ours.begin() + 1);
      const auto theirs = dump_lines(test::read_text(golden(name + ".dump")));
      REQUIRE(ours.size() == theirs.size());
      for (std::size_t i = 0; i < ours.size(); ++i) {
        REQUIRE(ours[i] == theirs[i]);
      }
    }
    CHECK(test::read_text(path) == before);
  }
}

TEST_CASE("a twom dump shows values from level 3 on", "[db][golden]") {
  const std::string file = test::read_text(golden("one.twom"));
  for (const std::uint32_t level : {2U, 3U}) {
    std::string dump;
    REQUIRE_OK(db::dump_twom({as_bytes(file), "one.twom", level}, [&](std::string_view text) {
      dump += text;
      return success();
    }));
    const bool shown = dump.find("\tv=(bar)\n000001A8 COMMIT") != std::string::npos;
    CHECK(shown == (level == 3));
  }
}

TEST_CASE("the same operations give the same twom log as the real library's", "[db][golden]") {
  for (const std::string& name : all) {
    if (name == "early" || name == "dirty" || name == "null" || name == "fat") {
      continue;  // not what operations alone give; and in the last one we repack at the end, which the
                 // library leaves to others
    }
    INFO(name);
    const test::TempDir dir;
    const auto database = open_twom(dir / "ours");
    std::istringstream operations(test::read_text(golden(name + ".ops")));
    perform(*database, operations);
    const std::string ours = test::read_text(dir / "ours");
    const auto log = log_of(as_bytes(ours));
    const auto theirs = log_of(as_bytes(test::read_text(golden(name + ".twom"))));
    REQUIRE(log.size() == theirs.size());
    for (std::size_t i = 0; i < log.size(); ++i) {
      REQUIRE(log[i] == theirs[i]);
    }
    REQUIRE_OK(database->consistent());
    if (name != "repacked") {
      CHECK(ours.size() % 16384 == (name == "empty" ? 368 : 0));  // grown as the library grows it
    }
  }
}

TEST_CASE("a twom file goes on where the real library left it", "[db][golden]") {
  for (const std::string name : {"mixed", "null", "repacked", "fat", "dirty"}) {
    INFO(name);
    const test::TempDir dir;
    const fs::path path = dir / "test.db";
    test::write_text(path, test::read_text(golden(name + ".twom")));
    const auto size = fs::file_size(path);
    const auto before = db::twom::decode_header(as_bytes(test::read_text(path)));
    REQUIRE_OK(before);
    const auto database = open_twom(path);
    auto expected = test::records_of(*database);
    const auto transaction = database->begin();
    REQUIRE_OK(transaction);
    REQUIRE_OK((*transaction)->put("zzzz", "last"));
    for (std::size_t i = 0; i < expected.size(); i += 2) {
      REQUIRE_OK((*transaction)->erase(expected[i].first));
      REQUIRE_OK((*transaction)->put(expected[i].first, expected[i].second + "!"));
      expected[i].second += "!";
    }
    REQUIRE_OK((*transaction)->commit());
    expected.emplace_back("zzzz", "last");
    std::sort(expected.begin(), expected.end());
    CHECK(test::records_of(*database) == expected);
    REQUIRE_OK(database->consistent());
    CHECK(fs::file_size(path) >= size);  // others have the file mapped; a repack waits for the end
    REQUIRE_OK(database->repack());
    CHECK(test::records_of(*database) == expected);
    REQUIRE_OK(database->consistent());
    const auto after = db::twom::decode_header(as_bytes(test::read_text(path)));
    REQUIRE_OK(after);
    CHECK(after->uuid == before->uuid);
    CHECK(after->generation == before->generation + 1);
    CHECK(after->flags == (before->flags & ~std::uint32_t{db::twom::Flag::dirty}));
    CHECK(after->dirty_size == 0);
  }
}

TEST_CASE("a key size cut by an early build is made good by a repack", "[db][golden]") {
  const test::TempDir dir;
  const fs::path path = dir / "test.db";
  test::write_text(path, test::read_text(golden("early.twom")));
  const auto database = open_twom(path);
  REQUIRE_OK(database->repack());
  CHECK(listing(*database) == test::read_text(golden("early.show")));
  const std::string content = test::read_text(path);
  const auto record = db::twom::decode_record(as_bytes(content), db::twom::first_record, content.size(),
                                              db::twom::Checksum::xxh3);
  REQUIRE_OK(record);
  CHECK(record->type == RecordType::fat_add);
  CHECK(!record->cut_key_size);
}

TEST_CASE("twom locks the ranges that the real library locks, and no others", "[db][locks]") {
  const test::TempDir dir;
  const fs::path path = dir / "test.db";
  const auto database = open_twom(path);
  REQUIRE_OK(database->put("a", "1"));
  auto other = File::open(posix_io(), path, {.write = true});
  REQUIRE_OK(other);
  const auto free = [&](LockRange range, LockMode mode = LockMode::exclusive) {
    const LockPlan plan{.data = range};
    const Status got = other->lock(mode, LockWait::try_once, plan);
    CHECK((got || got.error().code == Errc::locked));
    if (got) {
      REQUIRE_OK(other->unlock(plan));
    }
    return got.has_value();
  };
  const LockRange head{0, 16};
  const LockRange data{96, 272};
  const LockRange repack{40, 8};
  {
    const auto transaction = database->begin();
    REQUIRE_OK(transaction);
    CHECK(free(head));
    CHECK(free({16, 24}));
    CHECK(free(repack));
    CHECK(!free({96, 1}, LockMode::shared));
    CHECK(!free({367, 1}, LockMode::shared));
    CHECK(free({368, 0}));
  }
  CHECK(free({0, 0}));
  {
    const auto hold = database->hold();
    REQUIRE_OK(hold);
    CHECK(free(head));
    CHECK(free(data, LockMode::shared));
    CHECK(!free(data));
  }
  REQUIRE_OK(database->for_each("", [&](std::string_view, std::string_view) -> Result<db::Visit> {
    CHECK(free(data));
    return db::Visit::stop;
  }));
  const LockPlan repacking{.repack = repack};
  REQUIRE_OK(other->lock_repack(repacking));
  const Status refused = database->repack();
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::locked);
  REQUIRE_OK(database->put("b", "2"));  // a repack does not keep writers away
  CHECK(database->get("b").value() == "2");
}

TEST_CASE("twom files that are cut, of another order or checksum are told so", "[db]") {
  const test::TempDir dir;
  const fs::path path = dir / "test.db";
  const std::string content = test::read_text(golden("one.twom"));
  const auto with_flags = [&](std::uint32_t flags) {
    auto header = db::twom::decode_header(as_bytes(content));
    REQUIRE_OK(header);
    header->flags |= flags;
    std::string changed = content;
    const auto head = db::twom::encode_header(*header);
    changed.replace(0, head.size(), as_text(head));
    write_text(path, changed);
  };
  with_flags(db::twom::order_external);
  CHECK(db::open(posix_io(), path, db::Kind::twom).error().code == Errc::unsupported);
  with_flags(db::twom::checksum_external);
  {
    const auto database = open_twom(path);
    CHECK(database->get("foo").value() == "bar");
    CHECK(database->begin().error().code == Errc::unsupported);
  }
  write_text(path, content.substr(0, 400));
  {
    const auto database = open_twom(path);
    CHECK(!database->consistent());
    CHECK(!database->begin());
  }
  CHECK(test::read_text(path) == content.substr(0, 400));
}

namespace {

struct Yield {
  double kept = 0;  // share of the live records
  int wrong = 0;    // values that the key never had
  int complete = 0;
};

// Salvages damaged copies of a golden file: `damage` spoils one for each seed.
Yield salvage_after(const std::string& name, int seeds,
                    const std::function<void(std::string&, std::uint64_t end, std::mt19937&)>& damage) {
  const std::string content = test::read_text(golden(name + ".twom"));
  const auto header = db::twom::decode_header(as_bytes(content));
  REQUIRE_OK(header);
  const auto whole = test::records_of(*open_twom(golden(name + ".twom"), read_only_io()));
  std::set<std::pair<std::string, std::string>> ever;  // all versions
  for (std::uint64_t offset = db::twom::first_record; offset < header->current_size;) {
    const auto record =
        db::twom::decode_record(as_bytes(content), offset, header->current_size, header->checksum());
    REQUIRE_OK(record);
    ever.emplace(record->key, record->value);
    offset = record->end();
  }
  const test::TempDir dir;
  Yield yield;
  for (int seed = 0; seed < seeds; ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::string copy = content;
    damage(copy, header->current_size, random);
    write_text(dir / "damaged", copy);
    db::SalvageOptions options;
    options.kind = db::Kind::twom;
    const auto report = db::salvage(posix_io(), dir / "damaged", options);
    REQUIRE_OK(report);
    int found = 0;
    for (const auto& record : report->records) {
      const std::pair<std::string, std::string> pair(record.key, record.value);
      yield.wrong += ever.contains(pair) ? 0 : 1;
      found += std::binary_search(whole.begin(), whole.end(), pair) ? 1 : 0;
    }
    yield.kept += static_cast<double>(found) / static_cast<double>(whole.size()) / seeds;
    yield.complete += report->complete() ? 1 : 0;
  }
  return yield;
}

}  // namespace

TEST_CASE("twom salvage keeps what is whole and invents nothing", "[db][salvage]") {
  for (const std::string name : {"mixed", "repacked"}) {
    INFO(name);
    const auto nothing = salvage_after(name, 1, [](std::string&, std::uint64_t, std::mt19937&) {});
    CHECK(nothing.kept == 1);
    CHECK(nothing.complete == 1);
    const auto header = salvage_after(
        name, 1, [](std::string& file, std::uint64_t, std::mt19937&) { file.replace(0, 96, 96, '\0'); });
    CHECK(header.kept == 1);
    const auto flip = salvage_after(name, 60, [](std::string& file, std::uint64_t end, std::mt19937& random) {
      file[random() % end] ^= static_cast<char>(1U << (random() % 8));
    });
    WARN(name << ": one bit " << 100 * flip.kept << " %");
    CHECK(flip.kept >= 0.99);
    CHECK(flip.wrong == 0);
    const auto block =
        salvage_after(name, 60, [](std::string& file, std::uint64_t end, std::mt19937& random) {
          file.replace(random() % (end / 512) * 512, 512, 512, '\0');
        });
    WARN(name << ": zeroed block " << 100 * block.kept << " %");
    CHECK(block.kept >= 0.94);
    CHECK(block.wrong == 0);
    CHECK(block.complete < 60);
    const auto cut = salvage_after(name, 60, [](std::string& file, std::uint64_t end, std::mt19937& random) {
      file.resize(400 + random() % (end - 400));
    });
    WARN(name << ": cut off " << 100 * cut.kept << " %");
    CHECK(cut.wrong == 0);
    CHECK(cut.complete == 0);
  }
}

}  // namespace cyr
