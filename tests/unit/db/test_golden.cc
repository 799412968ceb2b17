// Every database of every real store reads as the release's own tools listed it.
#include <boost/filesystem/operations.hpp>

#include "format/base/text.h"
#include "format/db/database.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"
#include "tests/unit/db/database_files.h"

namespace cyr {
namespace {

using test::TempStore;

struct Listed {
  fs::path file;  // below the store's root
  std::string backend;
  std::string text;
};

// The golden files intact/db: '%' stands for '/', the backend follows.
std::vector<Listed> listed_databases(const TempStore& store) {
  std::vector<Listed> out;
  for (const auto& entry : fs::directory_iterator(store.golden_dir() / "intact/db")) {
    std::string name = entry.path().stem().string();
    const std::size_t dot = name.rfind('.');
    out.push_back({test::replace_all(name.substr(0, dot), "%", "/"), name.substr(dot + 1),
                   test::read_text(entry.path())});
  }
  return out;
}

// 2.4's tool printed keys and values up to their first NUL only (cyrusdb.md 12.1).
std::string cut_at_nuls(db::Database& database) {
  std::string out;
  REQUIRE_OK(database.for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    out.append(key.substr(0, key.find('\0')))
        .append("\t")
        .append(value.substr(0, value.find('\0')))
        .append("\n");
    return db::Visit::go_on;
  }));
  return out;
}

}  // namespace

TEST_CASE("databases of all releases read as their own tools listed them", "[db][golden]") {
  std::size_t count = 0;
  for (const std::string& name : test::all_stores()) {
    const TempStore store(name);
    const test::Tree before = test::read_tree(store.root());
    for (const Listed& listed : listed_databases(store)) {
      const auto kind = db::kind_from_name(listed.backend);
      if (!kind || listed.file.string().find("counters") != std::string::npos) {
        continue;  // Berkeley DB, in stores of 2.x; a file that is no database at all
      }
      INFO(name << ": " << listed.file << " as " << listed.backend);
      const fs::path path = store.root() / listed.file;
      const auto found = db::detect(read_only_io(), path);
      REQUIRE_OK(found);
      CHECK((fs::file_size(path) == 0 || *found == *kind));
      auto database = db::open(read_only_io(), path, *kind);
      REQUIRE_OK(database);
      const std::string ours = test::show(**database);
      CHECK((ours == listed.text || (name.starts_with("old-2.4") && cut_at_nuls(**database) == listed.text)));
      REQUIRE_OK((*database)->consistent());
      ++count;
    }
    CHECK(test::tree_changes(before, test::read_tree(store.root())).empty());
  }
  CHECK(count > 700);
  WARN(count << " databases compared");
}

}  // namespace cyr
