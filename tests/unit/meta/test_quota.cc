// Quota records of every form, and which root a mailbox belongs to.
#include <limits>

#include "format/meta/quota.h"
#include "tests/support/check.h"
#include "tests/unit/meta/memory_database.h"

using namespace cyr;
using namespace cyr::meta;

TEST_CASE("older and transitional quota records") {
  const auto old = decode_quota("user.x", "414 1000");
  REQUIRE_OK(old);
  CHECK(old->used == Usage{414, 0, 0, 0});
  CHECK(old->limit[0] == 1000);
  CHECK(encode_quota(*old) == "414 1000");
  const auto scanning = decode_quota("user.x", "414 -1 99");
  REQUIRE_OK(scanning);
  CHECK_FALSE(scanning->has_limit());
  const auto many = decode_quota("user.x", "414 1000 m 3 50 7 AS 1 -1");
  REQUIRE_OK(many);
  CHECK(many->used == Usage{414, 3, 1, 0});
  CHECK(encode_quota(*many) == "%(S (414 1000) M (3 50) AS (1) NF (0))");
  // 2.1's unsigned usage after an underflow
  const auto wrapped = decode_quota("user.x", "18446744073709551615 10");
  REQUIRE_OK(wrapped);
  CHECK(wrapped->used[0] == -1);
}

TEST_CASE("usage beyond 4 GiB and 4 TiB") {
  const auto root = decode_quota("user.x", "%(S (5497558138880 4294967296) M (1) AS (0) NF (1) MODSEQ 7)");
  REQUIRE_OK(root);
  CHECK(root->used[0] == 5497558138880);
  CHECK(encode_quota(*root) == "%(S (5497558138880 4294967296) M (1) AS (0) NF (1) MODSEQ 7)");
  CHECK(add({std::numeric_limits<std::int64_t>::max(), 1, 0, 0}, {1, 1, 0, 0}) ==
        Usage{std::numeric_limits<std::int64_t>::max(), 2, 0, 0});
}

TEST_CASE("scan data") {
  const std::string value = "%(S (1 9) M (1) AS (0) NF (1) SCAN %(MBOX user.x.a S 5 M 6 AS 7 NF 8) MODSEQ 7)";
  const auto root = decode_quota("user.x", value);
  REQUIRE_OK(root);
  REQUIRE(root->scan.has_value());
  CHECK(root->scan->mailbox == "user.x.a");
  CHECK(root->scan->used == Usage{5, 6, 7, 8});
  CHECK(encode_quota(*root) == value);
  // left over by something else; real Cyrus reads the record all the same
  const auto odd =
      decode_quota("user.alice", "%(S (1523 100 5) M (9) AS (24) NF (4) MODSEQ 33 SCAN user.alice)");
  REQUIRE_OK(odd);
  CHECK_FALSE(odd->scan.has_value());
  CHECK(odd->used[0] == 1523);
}

TEST_CASE("what is no quota record") {
  for (const char* bad : {"", "junk", "5", "5 x", "%(", "%(S x)", "%(S ())", "%(S (x))", "%(S (1 x))",
                          "(S (1))", "5 6 7 QQ 1 2", "5 6 M 1", "99999999999999999999999 5"}) {
    INFO(bad);
    CHECK_FALSE(decode_quota("user.x", bad).has_value());
  }
}

TEST_CASE("limits are saved from a cut record only where their list is whole") {
  const auto cut = salvage_quota("user.x", "%(S (1192398 50000) M (113 90");
  CHECK(cut.root.limit[0] == 50000);
  CHECK_FALSE(cut.root.limit[1].has_value());
  CHECK(cut.lost ==
        std::vector<Resource>{Resource::message, Resource::annotation_storage, Resource::folders});
  const auto annotations = salvage_quota("user.x", "%(S 5 M (1) AS (7 100) NF (1)");
  CHECK(annotations.lost == std::vector<Resource>{Resource::storage});
  CHECK(annotations.root.limit[2] == 100);
  CHECK(salvage_quota("user.x", "junk").lost.size() == resource_count);
  CHECK(salvage_quota("user.x", "").lost.size() == resource_count);
}

TEST_CASE("the root of a mailbox is the longest name above it, then its domain") {
  QuotaRootFinder finder;
  for (const char* root : {"user.base", "user.base.a", "example.org!", "example.org!user.x", "user"}) {
    finder.add(root);
  }
  CHECK(finder.find("user.base") == "user.base");
  CHECK(finder.find("user.base.a") == "user.base.a");
  CHECK(finder.find("user.base.a.b.c") == "user.base.a");
  CHECK(finder.find("user.base.ab") == "user.base");
  CHECK(finder.find("user.baseplus") == "user");
  CHECK(finder.find("example.org!user.x.y") == "example.org!user.x");
  CHECK(finder.find("example.org!user.xy") == "example.org!");
  CHECK(finder.find("example.net!user.x").empty());
  CHECK(finder.find("bb").empty());
  CHECK(covers("user.base", "user.base.a"));
  CHECK_FALSE(covers("user.base", "user.baseplus"));
  CHECK(covers("example.org!", "example.org!bb"));
  CHECK_FALSE(covers("example.org!", "bb"));
}

TEST_CASE("roots are changed under their lock, removed, and looked up by name") {
  const auto records = std::make_shared<test::RecordMap>();
  *records = {{"user.x", "414 1000"}, {"user.bad", "junk"}, {"dom!", "1 2"}};
  Quotas quotas(test::memory_database(records));
  REQUIRE_OK(quotas.change("user.x", [](std::optional<QuotaRoot>& root) -> Result<bool> {
    root->used[0] = 5;
    root->form = QuotaForm::dlist_modseq;
    return true;
  }));
  CHECK(records->at("user.x") == "%(S (5 1000) M (0) AS (0) NF (0) MODSEQ 0)");
  REQUIRE_OK(quotas.change("user.x", [](std::optional<QuotaRoot>& root) -> Result<bool> {
    root->used[0] = 6;
    return false;
  }));
  CHECK(records->at("user.x").starts_with("%(S (5 "));
  CHECK_FALSE(quotas.get("user.bad").has_value());
  CHECK_FALSE((*quotas.get("user.none")).has_value());
  CHECK(**quotas.find_root("user.x.y") == "user.x");
  CHECK(**quotas.find_root("dom!user.q") == "dom!");
  CHECK_FALSE((*quotas.find_root("bb")).has_value());
  REQUIRE_OK(quotas.change("user.x", [](std::optional<QuotaRoot>& root) -> Result<bool> {
    root.reset();
    return true;
  }));
  CHECK(records->count("user.x") == 0);
}
