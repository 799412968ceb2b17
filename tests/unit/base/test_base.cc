#include <sys/stat.h>

#include <fstream>

#include "format/base/bytes.h"
#include "format/base/crc32.h"
#include "format/base/digest.h"
#include "format/base/directory_files.h"
#include "format/base/file.h"
#include "format/base/forward_io.h"
#include "format/base/merge_runs.h"
#include "format/base/parallel.h"
#include "format/base/text.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"

using namespace cyr;

TEST_CASE("a cursor never reads past the end", "[base]") {
  const Buffer raw = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}};
  Cursor cursor(raw, 100);
  CHECK(cursor.u32() == 0x01020304);
  CHECK(cursor.offset() == 104);
  CHECK(cursor.u16() == 0);
  CHECK_FALSE(cursor.ok());
  CHECK(cursor.remaining() == 0);
  CHECK(cursor.u8() == 0);  // stays failed although a byte is left
  CHECK(cursor.check("record").error().text() == "offset 104: record is cut short");
}

TEST_CASE("cursor lengths near 2^64 do not wrap", "[base]") {
  const Buffer raw(16);
  Cursor cursor(raw);
  cursor.u32();
  CHECK(cursor.bytes(~std::uint64_t{0}).empty());
  CHECK_FALSE(cursor.ok());
}

TEST_CASE("CRC32 and SHA-1 are the well-known ones", "[base]") {
  CHECK(crc32(std::string_view("123456789")) == 0xCBF43926);
  CHECK(crc32(std::string_view()) == 0);
  CHECK(sha1(std::string_view("abc")).hex() == "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST_CASE("CRC32 of every length, alignment and start is that of the definition", "[base]") {
  const auto slowly = [](Bytes bytes, std::uint32_t start) {
    std::uint32_t state = ~start;
    for (const std::byte byte : bytes) {
      state ^= static_cast<std::uint32_t>(byte);
      for (int bit = 0; bit < 8; ++bit) {
        state = (state >> 1U) ^ ((state & 1U) != 0 ? 0xedb88320U : 0U);
      }
    }
    return ~state;
  };
  Buffer bytes(700);
  std::uint32_t random = 1;
  for (std::byte& byte : bytes) {
    random = random * 1664525 + 1013904223;
    byte = static_cast<std::byte>(random >> 24U);
  }
  for (std::size_t length = 0; length + 16 <= bytes.size(); ++length) {
    const Bytes part = Bytes(bytes).subspan(length % 16, length);
    if (crc32(part) != slowly(part, 0) || crc32(part, 0x12345678) != slowly(part, 0x12345678)) {
      FAIL("of " << length << " bytes");
    }
  }
}

TEST_CASE("runs are merged as a stable sort would", "[base]") {
  std::uint32_t random = 7;
  const auto by_tens = [](int a, int b) { return a / 10 < b / 10; };
  for (std::size_t count = 0; count < 200; ++count) {
    std::vector<int> values;
    for (std::size_t i = 0; i < count; ++i) {
      random = random * 1664525 + 1013904223;
      // Mostly ascending, with places where it is not.
      values.push_back(random % 5 == 0 ? static_cast<int>(random >> 24U) : static_cast<int>(i));
    }
    std::vector<int> expected(values);
    std::stable_sort(expected.begin(), expected.end(), by_tens);
    merge_runs(values.begin(), values.end(), by_tens);
    REQUIRE(values == expected);
  }
}

TEST_CASE("printable() defuses terminal controls and keeps UTF-8", "[base]") {
  CHECK(printable("a\x1b[2J") == "a\\x1b[2J");
  CHECK(printable("Entw\xc3\xbcrfe") == "Entw\xc3\xbcrfe");
  CHECK(printable("\xff\xc2\x9b") == "\\xff\\xc2\\x9b");
}

TEST_CASE("an AtomicFile without commit leaves the old content and no temporary", "[base]") {
  const test::TempDir dir;
  const fs::path target = dir / "f";
  REQUIRE_OK(replace_file(posix_io(), target, as_bytes("old"), 0640));
  {
    auto file = AtomicFile::create(posix_io(), target);
    REQUIRE_OK(file);
    REQUIRE_OK(file->write(std::string_view("new")));
  }
  CHECK(posix_io().read_file(target)->text() == "old");
  CHECK(posix_io().list(dir.path())->size() == 1);
  REQUIRE_OK(replace_file(posix_io(), target, as_bytes("new")));
  CHECK(posix_io().read_file(target)->text() == "new");
  CHECK(posix_io().stat(target)->mode == 0640);
}

TEST_CASE("a ReadOnlyIo cannot change anything", "[base]") {
  const test::TempDir dir;
  const fs::path target = dir / "f";
  REQUIRE_OK(replace_file(posix_io(), target, as_bytes("old")));
  Io& io = read_only_io();
  CHECK(io.read_file(target)->text() == "old");
  CHECK_FALSE(replace_file(io, target, as_bytes("new")));
  CHECK_FALSE(io.unlink(target));
  CHECK_FALSE(io.rename(target, dir / "g"));
  CHECK_FALSE(io.open(dir / "h", {.write = true, .create = true}, 0600));
  auto file = File::open(io, target, {.write = true});
  REQUIRE_OK(file);
  CHECK_FALSE(file->write(as_bytes("x"), 0));
  CHECK_FALSE(file->truncate(0));
  CHECK(posix_io().read_file(target)->text() == "old");
  CHECK(posix_io().list(dir.path())->size() == 1);
}

TEST_CASE("a pipe under the name of a file is refused, not waited for", "[base]") {
  const test::TempDir scratch;
  const fs::path pipe = scratch / "cyrus.cache";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (Io* io : {&posix_io(), &read_only_io()}) {
    const auto read = File::open(*io, pipe);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::invalid);
    CHECK(File::open(*io, scratch.path()));  // directories are opened to sync them
  }
  CHECK_FALSE(File::open(posix_io(), pipe, {.write = true}));
}

TEST_CASE("the files of a directory look the same relative to it and by path", "[base]") {
  const test::TempDir temp;
  REQUIRE_OK(posix_io().make_directory(temp.path() / "1.", 0700));
  REQUIRE_OK(posix_io().symlink("1.", temp.path() / "link"));
  ForwardIo by_path(posix_io());  // has nothing but stat()
  const DirectoryFiles direct(posix_io(), temp.path());
  const DirectoryFiles indirect(by_path, temp.path());
  for (const char* const name : {"1.", "link"}) {
    const auto one = direct.stat(name);
    const auto other = indirect.stat(name);
    REQUIRE_OK(one);
    REQUIRE_OK(other);
    CHECK(one->same_file(*other));
    CHECK(one->kind == FileKind::directory);
    CHECK(one->mtime_nsec == other->mtime_nsec);
  }
  CHECK(direct.stat("2.").error().code == Errc::not_found);
  CHECK(direct.stat("2.").error().text() == indirect.stat("2.").error().text());
}

TEST_CASE("a file of a directory is read alike relative to it and by path", "[base]") {
  const test::TempDir temp;
  std::ofstream((temp / "1.").native()) << "Subject: small\r\n";
  std::ofstream((temp / "2.").native()) << std::string((1U << 20U) + 1, 'x');  // mapped
  REQUIRE(::mkfifo((temp / "3.").c_str(), 0600) == 0);
  REQUIRE_OK(posix_io().make_directory(temp / "4.", 0700));
  for (Io* io : {&posix_io(), &read_only_io()}) {
    const DirectoryFiles files(*io, temp.path());
    for (const char* const name : {"1.", "2."}) {
      const auto read = files.read(name);
      REQUIRE_OK(read);
      CHECK(read->text() == io->read_file(temp / name)->text());
      for (const std::size_t size : {read->text().size(), read->text().size() - 1, std::size_t{5}}) {
        CHECK(files.read(name, size).value().text() == read->text());  // wrong ones do no harm
      }
    }
    for (const char* const name : {"3.", "4.", "5."}) {
      const auto refused = files.read(name);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().text() == io->read_file(temp / name).error().text());
      CHECK(files.read(name, 7).error().text() == refused.error().text());
    }
  }
}

TEST_CASE("the parts of a range cover it once", "[base]") {
  const std::size_t count = GENERATE(0, 1, 7, 100);
  const std::size_t parts = parts_of(count, 2, 3);
  CHECK(parts == (count < 4 ? 1U : 3U));
  std::vector<int> seen(count);
  for_parts(count, parts, [&](const Part& part) {
    for (std::size_t i = part.begin; i < part.end; ++i) {
      ++seen[i];
    }
  });
  CHECK(std::count(seen.begin(), seen.end(), 1) == static_cast<std::ptrdiff_t>(count));
}
