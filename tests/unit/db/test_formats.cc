// The codecs against bytes that Cyrus 3.6.1 wrote, and against every cut and many flips of real small files.
#include <algorithm>
#include <boost/filesystem/operations.hpp>
#include <random>

#include "format/base/digest.h"
#include "format/base/file.h"
#include "format/db/flat_format.h"
#include "format/db/quotalegacy_format.h"
#include "format/db/stream_sink.h"
#include "format/db/twoskip_format.h"
#include "format/db/view.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"
#include "tests/unit/db/database_files.h"

namespace cyr {
namespace {

using test::Records;

Result<Records> read_view(const db::View& view, const db::KeyOrder& order) {
  Records out;
  CYR_CHECK(view.scan({}, order, [&](const db::Entry& entry) -> Result<db::Visit> {
    out.emplace_back(entry.key, entry.value);
    return db::Visit::go_on;
  }));
  return out;
}

const db::FileFormat& format_of(const std::string& name) {
  return name == "flat"       ? db::flat_format()
         : name == "skiplist" ? db::skiplist_format()
                              : db::twoskip_format();
}

Records dozen_but_fifth() {
  Records out;
  for (int i = 1; i <= 12; ++i) {
    if (i != 5) {
      out.emplace_back("user.a" + std::to_string(i), "value " + std::to_string(i));
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("twoskip: the bytes of the test vector", "[db]") {
  const Buffer file = test::read_seed("twoskip/one");  // set foo bar in a new file, by 3.6.1
  REQUIRE(file.size() == 400);
  const auto header = db::twoskip::decode_header(file);
  REQUIRE_OK(header);
  CHECK(header->num_records == 1);
  CHECK(header->repack_size == 336);
  CHECK(header->current_size == 400);
  CHECK(header->crc32 == 0xd45b53c5);
  const auto encoded = db::twoskip::encode_header(*header);
  CHECK(std::equal(encoded.begin(), encoded.end(), file.begin()));
  // Records built from their parts are the ones in the file.
  Buffer record;
  const auto there = db::twoskip::decode_record(file, 336, file.size());
  REQUIRE_OK(there);
  CHECK(there->key == "foo");
  CHECK(there->value == "bar");
  std::vector<std::uint64_t> slots(there->level + 1);
  db::twoskip::append_head(record, {there->type, there->level, 3, 3, db::twoskip::tail_crc("foo", "bar")},
                           slots.data());
  db::twoskip::append_tail(record, "foo", "bar");
  db::twoskip::append_marker(record, db::twoskip::RecordType::commit, 336);
  CHECK(std::equal(record.begin(), record.end(), file.begin() + 336, file.end()));
}

TEST_CASE("twoskip: blanks stand where 3.6.1 puts them", "[db]") {
  const Buffer file = test::read_seed("twoskip/batch");
  std::uint64_t offset = db::twoskip::first_record;
  unsigned blanks = 0;
  unsigned seen = 0;
  while (offset < file.size()) {
    const std::uint64_t start = offset;
    for (blanks = 0; db::twoskip::is_blank(file, offset); offset += 8) {
      ++blanks;
    }
    const auto record = db::twoskip::decode_record(file, offset, file.size());
    REQUIRE_OK(record);
    CHECK(db::twoskip::blanks_before(start, record->head_size) == blanks);
    seen += blanks;
    offset = record->end();
  }
  CHECK(seen > 0);
}

TEST_CASE("what a dying writer left is looked through", "[db]") {
  for (const std::string name : {"skiplist", "twoskip"}) {
    INFO(name);
    const Buffer file =
        test::read_seed(name + "/crashed");  // cyr_dbtool damage, by 3.6.1: INVALID is not committed
    const auto view = format_of(name).view(file);
    REQUIRE_OK(view);
    const auto records = read_view(**view, db::KeyOrder(db::Order::raw));
    REQUIRE_OK(records);
    CHECK(*records == dozen_but_fifth());
    CHECK(!(*view)->check());
    const auto lost = (*view)->find("INVALID", db::KeyOrder(db::Order::raw));
    CHECK((lost && !*lost));
    // The next transaction mends it.
    const test::TempDir dir;
    test::write_text(dir / "a.db", test::read_text(test::seed_path(name + "/crashed")));
    auto database = db::open(posix_io(), dir / "a.db", *db::kind_from_name(name));
    REQUIRE_OK(database);
    CHECK(!(*database)->consistent());
    REQUIRE_OK((*database)->put("zz", "1"));
    REQUIRE_OK((*database)->consistent());
    CHECK(test::records_of(**database).size() == 12);
  }
}

// Passed by when reading; but the next append would put some other record there.
TEST_CASE("twoskip: a pointer past the committed end of a closed file is named", "[db]") {
  for (const unsigned slot : {0U, 1U, 2U, 30U}) {
    INFO(slot);
    Buffer file = test::read_seed("twoskip/dozen");
    REQUIRE_OK((*db::twoskip_format().view(file))->check());
    const auto dummy = db::twoskip::decode_record(file, db::twoskip::dummy_offset, file.size());
    REQUIRE_OK(dummy);
    auto edit = db::twoskip::edit_head(*dummy);
    edit.set_slot(slot, file.size() + 64);
    const Bytes head = edit.finish();
    std::copy(head.begin(), head.end(), file.begin() + db::twoskip::dummy_offset);
    const auto checked = (*db::twoskip_format().view(file))->check();
    REQUIRE(!checked);
    CHECK(checked.error().what.find("past the committed end") != std::string::npos);
  }
}

TEST_CASE("another version is refused, and one that no release has is damage", "[db]") {
  for (const std::string name : {"skiplist/dozen", "twoskip/dozen"}) {
    Buffer file = test::read_seed(name);
    const auto refusal = [&](std::uint8_t high, std::uint8_t low) {
      file[21] = std::byte{high};
      file[23] = std::byte{low};
      return format_of(name.substr(0, name.find('/'))).view(file).error().code;
    };
    CHECK(refusal(0, 2) == Errc::unsupported);
    CHECK(refusal(0x51, 1) == Errc::corrupt);
  }
}

TEST_CASE("orders", "[db]") {
  const db::KeyOrder raw(db::Order::raw);
  const db::KeyOrder mbox(db::Order::mbox);
  const db::KeyOrder signed_char(db::Order::signed_char);
  const db::KeyOrder flat(db::Order::flat);
  CHECK(raw.less("a b", "a.b"));
  CHECK(mbox.less("a.b", "a b"));
  CHECK(mbox.less("a", "a.b"));
  CHECK(mbox.compare("a\tb", "a\nb") == 0);
  CHECK(signed_char.less("\x80", "a"));
  CHECK(raw.less("a", "\x80"));
  CHECK(flat.less("z", std::string_view("\0", 1)));  // escaped: 0xff 0x80
  db::OrderSet set;
  set.narrow("a.b", "a b");
  CHECK((set.has(db::Order::mbox) && !set.has(db::Order::raw)));
  set.narrow("b", "a");
  CHECK(set.empty());
}

TEST_CASE("a database keeps the order that its keys have", "[db]") {
  for (const db::Kind kind : {db::Kind::twoskip, db::Kind::skiplist}) {
    const test::TempDir dir;
    {
      auto database = db::open(posix_io(), dir / "m.db", kind, {.create = true, .order = db::Order::mbox});
      REQUIRE_OK(database);
      for (const char* key : {"a b", "a.b", "a-b", "a"}) {
        REQUIRE_OK((*database)->put(key, "x"));
      }
    }
    auto database = db::open(posix_io(), dir / "m.db", kind);  // not told
    REQUIRE_OK(database);
    CHECK((*database)->order().value() == db::Order::mbox);
    for (const char* key : {"a b", "a.b", "a-b", "a"}) {
      CHECK((*database)->get(key).value() == "x");
    }
    REQUIRE_OK((*database)->put("a!b", "y"));
    const Records all = test::records_of(**database);
    REQUIRE(all.size() == 5);
    CHECK((all[0].first == "a" && all[1].first == "a.b" && all[2].first == "a b" && all[3].first == "a!b"));
    REQUIRE_OK((*database)->consistent());
  }
}

TEST_CASE("flat: escapes of 2.5 and literal bytes of older releases", "[db]") {
  std::string line;
  db::flat::append_escaped(line, std::string_view("\0\xff\n", 3));
  CHECK(line == "\xff\x80\xff\xff\xff\x8a");
  std::string scratch;
  CHECK(db::flat::unescape(line, scratch) == std::string_view("\0\xff\n", 3));
  CHECK(db::flat::unescape("a\xff"
                           "b\xff",
                           scratch) ==
        "a\xff"
        "b\xff");
  const Buffer file = test::read_seed("flat/five");  // by 3.6.1
  db::MemorySink sink;
  const auto view = db::flat_format().view(file);
  REQUIRE_OK(view);
  const auto records = read_view(**view, db::KeyOrder(db::Order::flat));
  REQUIRE_OK(records);
  CHECK(records->at(1) == std::pair(std::string("bin"), std::string("\0\xff\n\t", 4)));
  const auto writer = db::flat_format().writer(sink, 0);
  REQUIRE_OK(writer);
  for (const auto& [key, value] : *records) {
    REQUIRE_OK((*writer)->add(key, value));
  }
  REQUIRE_OK((*writer)->finish());
  CHECK(sink.content() == file);
}

// After a power loss pointers lead behind the end, to a record that was lost. Reading replays the log; the
// same Database then has to mend the file before it writes.
TEST_CASE("skiplist: a file that lost its end is read and then written by one Database", "[db]") {
  const test::TempDir dir;
  const fs::path path = dir / "list";
  const auto whole = [&path] { return test::read_text(path); };
  const auto open = [&path](bool create) {
    auto database = db::open(posix_io(), path, db::Kind::skiplist, {.create = create, .order = {}});
    REQUIRE_OK(database);
    return std::move(*database);
  };
  Records expected;
  {
    const auto database = open(true);
    for (const char letter : std::string("abcdefgh")) {
      expected.emplace_back(std::string("user.") + letter, "1");
      REQUIRE_OK(database->put(expected.back().first, expected.back().second));
    }
  }
  const std::string before = whole();
  REQUIRE_OK(open(false)->put("user.dd", "2"));
  test::write_text(path, whole().substr(0, before.size()));
  REQUIRE(whole() != before);

  const auto database = open(false);
  CHECK(test::records_of(*database) == expected);
  REQUIRE_OK(database->put("user.z", "3"));
  expected.emplace_back("user.z", "3");
  CHECK(test::records_of(*database) == expected);
  REQUIRE_OK(database->consistent());
}

TEST_CASE("flat: a raw CR in a key is found, and named", "[db]") {
  const Buffer file = test::read_seed("flat/raw_cr");
  const auto view = db::flat_format().view(file);
  REQUIRE_OK(view);
  const db::KeyOrder order(db::Order::flat);
  const auto records = read_view(**view, order);
  REQUIRE_OK(records);
  REQUIRE(records->size() == 1);
  const auto found = (*view)->find(records->front().first, order);
  REQUIRE_OK(found);
  CHECK(found->has_value());
  CHECK(!(*view)->check());
}

TEST_CASE("flat: lines that were edited by hand", "[db]") {
  const test::TempDir dir;
  test::write_text(dir / "u.sub", test::read_text(test::seed_path("flat/unsorted")));
  auto database = db::open(posix_io(), dir / "u.sub", db::Kind::flat);
  REQUIRE_OK(database);
  CHECK((*database)->get("a").value() == "2");
  CHECK((*database)->get("b").value() == "1");
  CHECK(!(*database)->consistent());
  REQUIRE_OK((*database)->put("c", "3"));
  REQUIRE_OK((*database)->consistent());
  CHECK(test::records_of(**database) == Records{{"a", "2"}, {"b", "1"}, {"c", "3"}});
  // A change never drops what it cannot read.
  for (const std::string name : {"cut", "twice"}) {
    INFO(name);
    test::write_text(dir / name, test::read_text(test::seed_path("flat/" + name)));
    auto damaged = db::open(posix_io(), dir / name, db::Kind::flat);
    REQUIRE_OK(damaged);
    CHECK(!(*damaged)->put("k", "v"));
    const Buffer before = test::read_seed("flat/" + name);
    CHECK(posix_io().read_file(dir / name).value().text() == as_text(before));
  }
}

TEST_CASE("quotalegacy: paths and values as 3.6.1 has them", "[db]") {
  using namespace db::quotalegacy;
  CHECK(dir_hash("foo", false) == 'f');
  CHECK(dir_hash("Zed", false) == 'z');
  CHECK(dir_hash("1digit", false) == 'q');
  CHECK(dir_hash("foo.bar", true) == 'U');
  CHECK(dir_hash("fooz", true) == 'V');
  CHECK(dir_hash("foo-bar", true) == 'M');
  CHECK(dir_hash("sub", true) == 'O');
  CHECK(dir_hash("shared", true) == 'T');
  CHECK(dir_hash("Example.org", true) == 'M');
  const Layout layout{"/c", true, true};
  CHECK(path_of(layout, "example.com!user.foo").value() == "/c/domain/O/example.com/quota/U/user.foo");
  CHECK(path_of(layout, "example.com!").value() == "/c/domain/O/example.com/quota/root");
  CHECK(!path_of(layout, "../x"));
  CHECK(!path_of(layout, "..!user.x"));
  CHECK(base_of("/c/quota", false) == "/c");
  CHECK(base_of("/c/quota/", false) == "/c");
  CHECK(base_of("/c/quotas.db", false) == "/c");
  CHECK(base_of("/c", true) == "/c");
  CHECK(encode_value("414 1000").value() == "414\n1000\n");
  CHECK(encode_value("%(S (0 1))").value() == "%(S (0 1))\n");
  CHECK(decode_value("414\n1000\n").value() == "414 1000");
  CHECK(!encode_value(""));
  CHECK(!decode_value("414\n1000"));
  CHECK(is_quota_value("%(S (1650 1024) M (30 50) AS (0) NF (2) MODSEQ 35)"));
  CHECK(is_quota_value("%(S (1 2) M (3) AS (0) NF (1) SCAN %(MBOX \"a)) b\" S 1 M 2 AS 3 NF 4) MODSEQ 7)"));
  CHECK(is_quota_value("414 -1"));
  CHECK(!is_quota_value("%(T e I zta16du8 P two V 1 C 1 F 3 M 1 A %(bob lrs))"));
  CHECK(!is_quota_value("two words"));
}

TEST_CASE("quotalegacy: one bad file does not hide the others", "[db]") {
  const test::TempDir dir;
  auto database = db::open(posix_io(), dir / "conf/quota", db::Kind::quotalegacy, {.create = true});
  REQUIRE_OK(database);
  for (const char* key : {"user.a", "user.b", "user.c"}) {
    REQUIRE_OK((*database)->put(key, "1 2"));
  }
  REQUIRE_OK(replace_file(posix_io(), dir / "conf/quota/b/user.b", as_bytes("1\n2")));
  std::string keys;
  const Status listed =
      (*database)->for_each("", [&](std::string_view key, std::string_view) -> Result<db::Visit> {
        keys += key;
        return db::Visit::go_on;
      });
  CHECK(!listed);
  CHECK(listed.error().path == dir / "conf/quota/b/user.b");
  CHECK(keys == "user.auser.c");
}

TEST_CASE("cut and flipped files give an error or something sane", "[db]") {
  std::mt19937 random(7);
  for (const std::string name :
       {"flat/five", "skiplist/dozen", "skiplist/sorted", "twoskip/dozen", "twoskip/repacked"}) {
    const std::string backend = name.substr(0, name.find('/'));
    const db::FileFormat& format = format_of(backend);
    const Buffer good = test::read_seed(name);
    const auto whole = read_view(**format.view(good), db::KeyOrder(format.default_order()));
    REQUIRE_OK(whole);
    const auto try_it = [&](const Buffer& file) {
      const auto view = format.view(file);
      if (!view) {
        return;
      }
      const db::KeyOrder order(format.default_order());
      const auto records = read_view(**view, order);
      (void)(*view)->find("user.a7", order);
      if (backend == "twoskip" && records) {
        // CRCs cover everything: what is read without an error was written so.
        CHECK(std::includes(whole->begin(), whole->end(), records->begin(), records->end()));
      }
      db::MemoryImage image(file);
      const auto ready = format.prepare(image, order);
      if (ready && *ready == db::Readiness::ready) {
        const auto editor = format.edit(image, order);
        if (editor && (*editor)->put("user.a13", "x") && !(*editor)->rewrites()) {
          (void)(*editor)->commit();
        }
      }
    };
    for (std::size_t size = 0; size < good.size(); ++size) {
      INFO(name << " cut to " << size);
      try_it({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)});
    }
    for (int i = 0; i < 1500; ++i) {
      Buffer flipped = good;
      const std::size_t at = random() % flipped.size();
      flipped[at] ^= static_cast<std::byte>(1U << (random() % 8));
      INFO(name << " flipped at " << at);
      try_it(flipped);
    }
  }
}

}  // namespace cyr
