// Who may include whom. The table of rooms is read from CONTRIBUTING.md, so that the page that people read is
// the one that holds; the homes of other people's headers and the words that have no place in the library are
// listed here.
#include <algorithm>
#include <array>
#include <boost/filesystem/operations.hpp>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/text.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"

using namespace cyr;
using cyr::test::read_text;

namespace {

using Rooms = std::map<std::string, std::set<std::string>, std::less<>>;

const fs::path source_dir = CYRKIT_SOURCE_DIR;
const std::array<std::string_view, 4> program_folders = {"recon", "quotatool", "cyradm", "server-min"};

std::string trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_space(text.back())) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// The rows "| room | may use | holds |". "everything below" stands for all rows above it, "X and below" for X
// and what X may use.
Rooms rooms_of(const std::string& page) {
  Rooms rooms;
  for (const auto line : split(page, '\n')) {
    const auto cells = split(line, '|');
    if (cells.size() != 5 || starts_with(trimmed(cells[1]), "-") || trimmed(cells[1]) == "room") {
      continue;
    }
    std::set<std::string> may;
    const std::string words = trimmed(cells[2]);
    const auto below = words.find(" and below");
    if (words == "everything below") {
      for (const auto& [name, _] : rooms) {
        may.insert(name);
      }
    } else if (below != std::string::npos) {
      may = rooms[words.substr(0, below)];
      may.insert(words.substr(0, below));
    } else {
      for (const auto word : split(words, ' ')) {
        if (!word.empty()) {
          may.emplace(word);
        }
      }
    }
    const std::string room = trimmed(cells[1]);
    may.insert({"base", room});
    rooms[room] = may;
  }
  return rooms;
}

const Rooms& rooms() {
  static const Rooms table = rooms_of(read_text(source_dir / "CONTRIBUTING.md"));
  return table;
}

struct Include {
  std::string target;
  bool ours;  // in quotes
};

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> out;
  for (const auto line : split(text, '\n')) {
    const std::string word = trimmed(line);
    if (!starts_with(word, "#include")) {
      continue;
    }
    const auto open = word.find_first_of("<\"");
    const auto close = open == std::string::npos ? open : word.find_first_of(">\"", open + 1);
    if (close != std::string::npos) {
      out.push_back({word.substr(open + 1, close - open - 1), word[open] == '"'});
    }
  }
  return out;
}

std::string folder(std::string_view path) { return std::string(path.substr(0, path.find('/'))); }
std::string room(std::string_view path) {  // "format/db/flat.cc" -> "db"
  const auto parts = split(path, '/');
  return parts.size() > 2 ? std::string(parts[1]) : "";
}
bool is_program_folder(std::string_view name) {
  return std::find(program_folders.begin(), program_folders.end(), name) != program_folders.end();
}

// Headers of other projects, and the only places that may know them (prefixes of our paths).
struct Home {
  std::string_view header;
  std::vector<std::string_view> places;
};
const std::vector<Home>& homes() {
  static const std::vector<std::string_view> mains = {"format/cli/", "recon/", "quotatool/", "cyradm/",
                                                      "server-min/"};
  static const std::vector<Home> table = {
      {"CLI/", mains},
      {"nlohmann/",
       {"format/cli/", "format/check/", "format/store/", "recon/", "quotatool/", "cyradm/", "server-min/",
        "tests/"}},
      {"openssl/", {"format/base/digest.cc", "format/wire/tls"}},
      {"zlib.h", {"format/base/crc32.cc", "format/wire/", "tests/unit/wire/"}},
      {"unicode/", {"format/text/charset.cc"}},
      {"db.h", {"format/db/berkeley_", "tests/"}},
      {"sqlite3.h", {"format/db/sql_sqlite.cc", "tests/"}},
      {"xxhash.h", {"format/db/twom_checksum.cc"}},
      {"readline/", {"cyradm/line_editor.cc"}},
      {"sasl/", {"format/wire/sasl"}},
      {"catch2/", {"tests/"}},
      // Files are opened, listed and removed in one place (Io), whichever library one would do it with.
      // Berkeley DB opens files itself: on copies of them, where its functions are sent elsewhere.
      {"fstream", {"tests/"}},
      {"filesystem", {}},
      {"boost/filesystem/operations.hpp", {"format/base/", "format/db/berkeley_", "tests/"}},
      {"boost/filesystem/fstream.hpp", {"tests/"}},
      {"fcntl.h", {"format/base/", "format/db/berkeley_", "tests/"}},
      {"sys/stat.h", {"format/base/", "format/db/berkeley_", "format/cli/store_user.cc", "tests/"}},  // umask
      {"sys/mman.h", {"format/base/", "tests/"}},
      {"dirent.h", {"format/base/"}},
      {"getopt.h", {}},
      {"iostream", {"format/cli/", "recon/", "quotatool/", "cyradm/", "server-min/", "tests/"}},
  };
  return table;
}

// What the library does not do: print, exit, read the command line. cli is where that is done.
const std::array<std::string_view, 8> forbidden_calls = {"std::cout",  "std::cerr", "printf(", "fmt::print(",
                                                         "std::exit(", "::exit(",   "getopt(", "std::abort("};

std::string without_comments(const std::string& text) {
  std::string out;
  for (const auto line : split(text, '\n')) {
    out.append(line.substr(0, line.find("//"))).append("\n");
  }
  return out;
}

void check_own_include(const std::string& path, const Include& include, std::vector<std::string>& out) {
  const std::string from = folder(path);
  const std::string to = folder(include.target);
  if (from == "format" && to == "format") {
    const auto may = rooms().find(room(path));
    if (may == rooms().end()) {
      out.push_back(path + ": room " + room(path) + " is not in the table of CONTRIBUTING.md");
    } else if (may->second.count(room(include.target)) == 0) {
      out.push_back(path + ": " + room(path) + " may not include " + include.target);
    }
  } else if (from == "format") {
    out.push_back(path + ": the library may not include " + include.target);
  } else if (is_program_folder(from) && to != "format" && to != from) {
    out.push_back(path + ": a program may not include " + include.target);
  }
  if (!fs::exists(source_dir / include.target)) {
    out.push_back(path + ": include paths start at the top, there is no " + include.target);
  }
}

std::vector<std::string> violations(const std::string& path, const std::string& text) {
  std::vector<std::string> out;
  for (const auto& include : includes_of(text)) {
    if (include.ours) {
      check_own_include(path, include, out);
      continue;
    }
    for (const auto& home : homes()) {
      const bool hit = home.header.back() == '/' ? starts_with(include.target, home.header)
                                                 : include.target == home.header;
      if (hit && std::none_of(home.places.begin(), home.places.end(),
                              [&path](std::string_view place) { return starts_with(path, place); })) {
        out.push_back(path + ": <" + include.target + "> has another home");
      }
    }
  }
  if (folder(path) == "format" && room(path) != "cli" && path != "format/base/log.cc") {
    const std::string code = without_comments(text);
    for (const auto word : forbidden_calls) {
      const auto at = code.find(word);
      // snprintf and friends write to memory
      const bool inside_word =
          at != std::string::npos && word == "printf(" && at > 0 && is_alpha(code[at - 1]);
      if (at != std::string::npos && !inside_word) {
        out.push_back(path + ": the library does not use " + std::string(word));
      }
    }
  }
  return out;
}

std::vector<std::string> source_files() {
  std::vector<std::string> out;
  for (const char* top : {"format", "recon", "quotatool", "cyradm", "server-min", "tests"}) {
    if (!fs::exists(source_dir / top)) {
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(source_dir / top)) {
      const std::string extension = entry.path().extension().string();
      if (extension == ".h" || extension == ".cc" || extension == ".def") {
        out.push_back(fs::relative(entry.path(), source_dir).string());
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("no file includes a room that its own room may not use", "[layers]") {
  const auto files = source_files();
  REQUIRE(files.size() > 20);
  for (const auto& path : files) {
    for (const auto& line : violations(path, read_text(source_dir / path))) {
      FAIL_CHECK(line);
    }
  }
}

TEST_CASE("every room in format/ is in the table, and every room in the table is there", "[layers]") {
  for (const auto& entry : fs::directory_iterator(source_dir / "format")) {
    const std::string name = entry.path().filename().string();
    if (fs::is_directory(entry.path()) && name != "doc") {
      CAPTURE(name);
      CHECK(rooms().count(name) == 1);
    }
  }
  for (const auto& [name, _] : rooms()) {
    CAPTURE(name);
    CHECK(fs::is_directory(source_dir / "format" / name));
  }
}

TEST_CASE("the check itself sees what it is there for", "[layers]") {
  CHECK(violations("format/db/x.cc", "#include \"format/base/io.h\"\n#include <vector>\n").empty());
  CHECK(violations("format/db/x.cc", "#include \"format/text/CMakeLists.txt\"\n").size() == 1);
  CHECK(violations("format/base/x.h", "#include \"format/db/database.h\"\n").size() == 1);
  CHECK(violations("format/store/x.cc", "#include \"format/check/CMakeLists.txt\"\n").size() == 1);
  CHECK(violations("format/check/x.cc", "#include \"format/db/database.h\"\n").empty());
  CHECK(violations("recon/x.cc", "#include \"quotatool/CMakeLists.txt\"\n").size() == 1);
  CHECK(violations("format/mime/x.cc", "#include <openssl/evp.h>\n").size() == 1);
  CHECK(violations("format/mime/x.cc", "#include \"error.h\"\n").size() == 2);
  CHECK(violations("format/mime/x.cc", "void f() { printf(\"x\"); }\n").size() == 1);
  CHECK(violations("format/mime/x.cc", "int n = snprintf(b, 1, \"x\");  // no printf() here\n").empty());
}
