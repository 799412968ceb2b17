// Roots of partitions: the table "Which root" of store.md 2.7.
#include "format/conf/partitions.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::conf;

namespace {

Result<Partitions> partitions(std::string_view text, std::string_view ident = "") {
  const auto config = Config::parse(posix_io(), "configdirectory: /c\n" + std::string(text), "imapd.conf",
                                    {.ident = std::string(ident)});
  REQUIRE_OK(config);
  return Partitions::from_config(*config);
}

std::string root(const Partitions& all, std::string_view name, RootKind kind) {
  const auto path = all.root(name, kind);
  REQUIRE_OK(path);
  return path->string();
}

}  // namespace

TEST_CASE("partitions: spool only") {
  const auto all = partitions("partition-default: /s/\npartition-p2: /s2\n");
  REQUIRE_OK(all);
  CHECK(all->names() == std::vector<std::string>{"default", "p2"});
  CHECK(all->default_partition() == "default");
  CHECK(root(*all, "p2", RootKind::header) == "/s2");
  CHECK(root(*all, "default", RootKind::archive) == "/s");
  CHECK_FALSE(all->has_archive("default"));
  CHECK(all->all_roots("p2") == std::vector<fs::path>{"/s2"});
  CHECK_FALSE(all->root("P2", RootKind::data).has_value());
  CHECK(all->all_roots("nosuch").empty());
}

TEST_CASE("partitions: metadata, archive, search") {
  const auto all = partitions(
      "partition-default: /s\nmetapartition-default: /m\nmetapartition_files: header index annotations "
      "archivecache\n"
      "metadir-cache-default: /mc\nmetadir-index-default: /mi\narchivepartition-default: "
      "/a\narchive_enabled: yes\n"
      "partition-p2: /s2\nmetapartition-p3: /m3\nt1searchpartition-default: /t1\nt2searchpartition-default: "
      "/t2\n"
      "archivepartition-p2: /a2\n");
  REQUIRE_OK(all);
  CHECK(root(*all, "default", RootKind::data) == "/s");
  CHECK(root(*all, "default", RootKind::archive) == "/a");
  CHECK(root(*all, "default", RootKind::header) == "/m");
  CHECK(root(*all, "default", RootKind::index) == "/mi");
  CHECK(root(*all, "default", RootKind::annotations) == "/mi");  // metadir-index serves the annotations too
  CHECK(root(*all, "default", RootKind::cache) == "/mc");
  CHECK(root(*all, "default", RootKind::squat) == "/s");
  CHECK(root(*all, "default", RootKind::expunge) == "/s");
  CHECK(root(*all, "default", RootKind::archivecache) == "/m");
  CHECK(root(*all, "p2", RootKind::header) == "/s2");  // no metapartition of its own
  CHECK(root(*all, "p2", RootKind::archivecache) == "/a2");
  CHECK(all->names() == std::vector<std::string>{"default", "p2"});
  CHECK(all->has_archive("default"));
  CHECK(all->search_roots("default") ==
        std::vector<std::pair<std::string, fs::path>>{{"t1", "/t1"}, {"t2", "/t2"}});
  const auto off = partitions("partition-default: /s\narchivepartition-default: /a\n");
  REQUIRE_OK(off);
  CHECK(root(*off, "default", RootKind::archive) == "/s");
}

TEST_CASE("partitions: the default") {
  CHECK(partitions("partition-b: /b\npartition-a: /a\n").value().default_partition() == "a");
  CHECK(partitions("partition-b: /b\npartition-a: /a\ndefaultpartition: B\n").value().default_partition() ==
        "b");
  CHECK(partitions("partition-x: /b\nquota_partition-x: /q\n", "quota")
            .value()
            .root("x", RootKind::data)
            .value() == "/q");
  const auto what = [](std::string_view text) {
    const auto all = partitions(text);
    REQUIRE_FALSE(all.has_value());
    CHECK(exit_status(all.error()) == 78);
    return all.error().text();
  };
  CHECK(what("partition-a: /a\ndefaultpartition: b\n") ==
        "partition-b option not specified in configuration file");
  CHECK(what("partition-a: /a\ndefaultpartition: a-b\n") ==
        "defaultpartition option contains non-alnum character");
  CHECK(what("admins: x\n") == "partition-NAME option not specified in configuration file");
}
