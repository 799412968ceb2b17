// Berkeley DB files, judged by the library's own tools: what db5.3_load wrote and db5.3_dump listed
// (tests/data/berkeley.md), what Cyrus 2.3.20 left in its cache, and what db5.3_verify and db5.3_dump say of
// our files.
#include <boost/filesystem/operations.hpp>
#include <set>

#include "format/base/text.h"
#include "format/db/berkeley.h"
#include "format/db/berkeley_pairs.h"
#include "format/db/convert.h"
#include "format/db/salvage.h"
#include "tests/support/process.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"
#include "tests/unit/db/random_workload.h"

namespace cyr {
namespace {

using test::Records;
using test::TempDir;

// The archive, unpacked for one test.
class Data {
 public:
  Data() { test::unpack_archive(test::data_file("berkeley.tar.zst"), dir_.path()); }
  [[nodiscard]] fs::path operator/(const fs::path& name) const { return dir_ / "berkeley" / name; }

 private:
  TempDir dir_;
};

std::string from_hex(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
  }
  return out;
}

// The records of a listing of db5.3_dump, by key.
Records parse_dump(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t at = text.find("HEADER=END\n") + 11; text[at] == ' ';) {
    const std::size_t end = text.find('\n', at);
    items.push_back(from_hex(std::string_view(text).substr(at + 1, end - at - 1)));
    at = end + 1;
  }
  Records out;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    out.emplace_back(items[i], items[i + 1]);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Records dumped(const fs::path& file) {
  const auto run = test::run_command({"db5.3_dump", file.string()});
  REQUIRE(run.status == 0);
  return parse_dump(run.out);
}

db::Kind kind_of(const fs::path& file) {
  const auto kind = db::detect(read_only_io(), file);
  REQUIRE_OK(kind);
  REQUIRE(kind->has_value());
  return **kind;
}

Records read(const fs::path& file, const db::OpenOptions& options = {}) {
  const auto database = db::open(read_only_io(), file, kind_of(file), options);
  REQUIRE_OK(database);
  REQUIRE_OK((*database)->consistent());
  return test::records_of(**database);
}

Records salvaged(const fs::path& file) {
  const auto report = db::salvage(read_only_io(), file);
  REQUIRE_OK(report);
  Records out;
  for (const auto& record : report->records) {
    out.emplace_back(record.key, record.value);
  }
  return out;
}

// What the environments of the archive were filled with: the first 40 records were synced.
Records numbered(int count) {
  Records out;
  for (int i = 0; i < count; ++i) {
    out.emplace_back("key" + std::to_string(i), "value" + std::to_string(i));
  }
  std::sort(out.begin(), out.end());
  return out;
}

void verify(const fs::path& file) {
  const auto run = test::run_command({"db5.3_verify", "-q", file.string()});
  INFO(run.err);
  REQUIRE(run.status == 0);
}

}  // namespace

TEST_CASE("files of the library's loader read as its dump lists them", "[db][berkeley][golden]") {
  const Data data;
  unsigned count = 0;
  for (const auto& entry : fs::directory_iterator(data / "")) {
    if (entry.path().extension() != ".dump") {
      continue;
    }
    const fs::path file = fs::path(entry.path()).replace_extension(".db");
    INFO(file.filename());
    const Records expected = parse_dump(test::read_text(entry.path()));
    CHECK(kind_of(file) ==
          (file.filename().string().starts_with("btree") ? db::Kind::berkeley : db::Kind::berkeley_hash));
    CHECK(read(file) == expected);
    CHECK(salvaged(file) == expected);
    const auto database = db::open(read_only_io(), file, kind_of(file));
    REQUIRE_OK(database);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      CHECK((*database)->get(expected[i].first).value() == expected[i].second);
      const auto next = (*database)->next(expected[i].first);
      REQUIRE_OK(next);
      CHECK((i + 1 < expected.size() ? *next == expected[i + 1] : !*next));
    }
    CHECK(!(*database)->get("absent").value());
    ++count;
  }
  CHECK(count == 12);
}

TEST_CASE("a tree in mailbox order is read, changed and kept in it", "[db][berkeley]") {
  const Data data;
  const auto database = db::open(posix_io(), data / "mbox.db", db::Kind::berkeley);
  REQUIRE_OK(database);
  CHECK((*database)->order().value() == db::Order::mbox);
  REQUIRE_OK((*database)->consistent());
  const Records before = test::records_of(**database);
  CHECK(before.size() == 200);
  for (const auto& [key, value] : before) {
    CHECK((*database)->get(key).value() == value);
  }
  REQUIRE_OK((*database)->put("user.u1.b", "new"));
  REQUIRE_OK((*database)->put("user.u1-b", "new"));
  CHECK((*database)->next("user.u1.a").value()->first == "user.u1.b");
  CHECK((*database)->next("user.u1.b").value()->first == "user.u1 x");
  CHECK((*database)->order().value() == db::Order::mbox);
  REQUIRE_OK((*database)->consistent());
}

TEST_CASE("what only cache and logs of an environment hold is read, and nothing is changed",
          "[db][berkeley]") {
  const Data data;
  for (const char* kind : {"btree", "hash"}) {
    const fs::path config = data / (std::string("environment-") + kind);
    INFO(config);
    const auto before = test::read_tree(config);
    // Its transaction that never ended put "uncommitted" and changed key3.
    CHECK(read(config / "mailboxes.db") == numbered(60));
    CHECK(read(config / "mailboxes.db", {.environment = config / "db"}) == numbered(60));
    CHECK(salvaged(config / "mailboxes.db") == numbered(60));
    CHECK(test::tree_changes(before, test::read_tree(config)).empty());

    // After the loss of the cache the log has what was synced.
    for (const char* region : {"__db.001", "__db.002", "__db.003"}) {
      fs::remove(config / "db" / region);
    }
    CHECK(read(config / "mailboxes.db") == numbered(40));
    CHECK(read(config / "mailboxes.db", {.environment = fs::path()}).empty());
  }
}

TEST_CASE("an environment that cannot be joined is an error, and salvage finds the pages in its cache",
          "[db][berkeley]") {
  const test::TempStore store("old-2.3.20-classic");
  const Records expected = read(store / "config/deliver.db");
  CHECK(expected.size() == 90);
  std::string region = test::read_text(store / "config/db/__db.001");
  region[8] = 4;  // made by library 4.3
  test::write_text(store / "config/db/__db.001", region);
  const auto database = db::open(read_only_io(), store / "config/deliver.db", db::Kind::berkeley);
  REQUIRE(!database);
  CHECK(database.error().path == store / "config/db");
  CHECK(salvaged(store / "config/deliver.db") == expected);
  CHECK(salvaged(store / "config/statuscache.db").size() == 21);
}

TEST_CASE("transactions in an environment are the library's own", "[db][berkeley]") {
  for (const db::Kind kind : {db::Kind::berkeley, db::Kind::berkeley_hash}) {
    const TempDir dir;
    db::OpenOptions options;
    options.create = true;
    options.environment = dir / "db";
    options.sync = kind == db::Kind::berkeley;
    auto database = db::open(posix_io(), dir / "mailboxes.db", kind, options);
    REQUIRE_OK(database);
    std::map<std::string, std::string> model;
    std::mt19937 random(5);
    for (int round = 0; round < 12; ++round) {
      auto changed = model;
      auto transaction = (*database)->begin();
      REQUIRE_OK(transaction);
      CHECK((*database)->begin().error().code == Errc::locked);
      for (int i = 0; i < 20; ++i) {
        const std::string key = "user." + std::string(1 + random() % 3, static_cast<char>(random() % 256));
        const std::string value(random() % 20 == 0 ? random() % 9000 : random() % 30,
                                static_cast<char>(random() % 256));
        if (random() % 4 == 0) {
          REQUIRE_OK((*transaction)->erase(key));
          changed.erase(key);
        } else {
          REQUIRE_OK((*transaction)->put(key, value));
          changed[key] = value;
        }
      }
      CHECK(test::records_of(**database) == Records(changed.begin(), changed.end()));
      if (!changed.empty()) {
        CHECK((*database)->next("").value()->first == changed.begin()->first);
      }
      if (round % 3 == 2) {
        REQUIRE_OK((*transaction)->abort());
      } else {
        REQUIRE_OK((*transaction)->commit());
        model = changed;
      }
      transaction->reset();
      CHECK(test::records_of(**database) == Records(model.begin(), model.end()));
    }
    REQUIRE_OK((*database)->repack());
    database->reset();
    CHECK(dumped(dir / "mailboxes.db") == Records(model.begin(), model.end()));
    verify(dir / "mailboxes.db");
    CHECK(read(dir / "mailboxes.db") == Records(model.begin(), model.end()));
  }
}

TEST_CASE("the library accepts what we write, there and back", "[db][berkeley]") {
  const Data data;
  const TempDir dir;
  for (const char* name : {"btree-512-big", "btree-4096-little", "hash-512-big", "hash-4096-little"}) {
    INFO(name);
    const Records expected = parse_dump(test::read_text(data / (std::string(name) + ".dump")));
    const fs::path source = data / (std::string(name) + ".db");
    for (const db::Kind kind : {db::Kind::berkeley, db::Kind::berkeley_hash}) {
      REQUIRE_OK(db::convert(posix_io(), source, {}, dir / "there", db::Kind::twoskip));
      REQUIRE_OK(db::convert(posix_io(), dir / "there", {}, dir / "back", kind));
      CHECK(kind_of(dir / "back") == kind);
      CHECK(read(dir / "back") == expected);
      verify(dir / "back");
      CHECK(dumped(dir / "back") == expected);
    }
  }
}

TEST_CASE("files of older versions are read as the library upgrades them, and stay as they are",
          "[db][berkeley]") {
  const Data data;
  const fs::path file = data / "btree-512-little.db";
  const Records expected = parse_dump(test::read_text(data / "btree-512-little.dump"));
  std::string text = test::read_text(file);
  SECTION("version 8 has the same layout") { text[16] = 8; }
  SECTION("version 7, of library 3.0: another metadata page") {
    std::string meta = text.substr(0, 24) + std::string(512 - 24, '\0');
    meta[16] = 7;
    meta[25] = 9;
    meta.replace(36, 20, text, 52, 20);  // uid
    meta.replace(60, 4, text, 76, 4);    // minkey
    meta.replace(72, 4, text, 88, 4);    // root
    text.replace(0, 512, meta);
  }
  test::write_text(file, text);
  CHECK(read(file) == expected);
  CHECK(test::read_text(file) == text);
  const auto database = db::open(posix_io(), file, db::Kind::berkeley);
  REQUIRE_OK(database);
  REQUIRE_OK((*database)->put("a new", "one"));
  verify(file);
  CHECK(dumped(file).size() == expected.size() + 1);
}

TEST_CASE("salvage of damaged Berkeley files finds what is whole and invents nothing",
          "[db][berkeley][salvage]") {
  const Data data;
  const TempDir dir;
  for (const char* name : {"btree-4096-little", "btree-512-big", "hash-4096-big", "hash-512-little"}) {
    const std::string sound = test::read_text(data / (std::string(name) + ".db"));
    const Records all = parse_dump(test::read_text(data / (std::string(name) + ".dump")));
    const std::set<std::pair<std::string, std::string>> put(all.begin(), all.end());
    std::size_t saved = 0;
    std::size_t wrong = 0;
    std::size_t runs = 0;
    for (std::size_t at = 0; at < sound.size(); at += 512, ++runs) {
      std::string hurt = sound;
      hurt.replace(at, 512, 512, '\0');
      test::write_text(dir / "hurt", hurt);
      for (const auto& record : salvaged(dir / "hurt")) {
        const bool unseen = record.first == "big";  // a value of three pages: zeros in it may well be its own
        ++(put.contains(record) || unseen ? saved : wrong);
      }
    }
    INFO(name << ": " << saved << " of " << runs * all.size() << " records saved");
    CHECK(wrong == 0);
    CHECK(saved * 100 > runs * all.size() * (std::string_view(name).starts_with("btree") ? 90 : 88));
  }
}

TEST_CASE("records left on unused pages, deleted ones and broken chains are told apart",
          "[db][berkeley][salvage]") {
  const Data data;
  const TempDir dir;
  const Records all = parse_dump(test::read_text(data / "btree-512-little.dump"));
  const std::string sound = test::read_text(data / "btree-512-little.db");
  const auto report_of = [&](const std::string& text) {
    test::write_text(dir / "hurt", text);
    auto report = db::salvage(read_only_io(), dir / "hurt");
    REQUIRE_OK(report);
    return std::move(*report);
  };
  const auto page_of_type = [&](char type) {
    std::size_t at = 512;
    while (sound.at(at + 25) != type) {
      at += 512;
    }
    return at;
  };
  std::string hurt = sound;
  hurt[page_of_type(7) + 100] ^= 1;  // inside a long value: nobody can see it
  CHECK(report_of(hurt).records.size() == all.size());
  hurt = sound;
  hurt[page_of_type(7) + 8] ^= 1;  // the page's number: the chain is broken
  const auto broken = report_of(hurt);
  CHECK(broken.records.size() == all.size() - 1);
  CHECK(broken.left_out.size() + broken.damaged.size() > 0);

  // A copy of a leaf behind the end, as if it had been freed: its records are there twice, the live ones
  // count.
  const std::size_t leaf = page_of_type(5);
  hurt = sound + sound.substr(leaf, 512);
  hurt[sound.size() + 8] = static_cast<char>(sound.size() / 512);
  const auto stale = report_of(hurt);
  CHECK(stale.records.size() == all.size());
  CHECK(stale.superseded == static_cast<unsigned char>(sound[leaf + 20]) / 2U);
}

TEST_CASE("names of the Berkeley backends", "[db][berkeley]") {
  for (const char* name : {"berkeley", "berkeley-nosync", "db3", "db3-nosync"}) {
    CHECK(db::kind_from_name(name) == db::Kind::berkeley);
    CHECK(db::name_syncs(name) == !std::string_view(name).ends_with("nosync"));
  }
  CHECK(db::kind_from_name("berkeley-hash") == db::Kind::berkeley_hash);
  CHECK(db::kind_from_name("berkeley-hash-nosync") == db::Kind::berkeley_hash);
}

}  // namespace cyr
