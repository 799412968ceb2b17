// The list's writers: name and id records in step, history, reverse ACLs.
#include <algorithm>

#include "format/meta/mailbox_list.h"
#include "tests/support/check.h"
#include "tests/unit/meta/memory_database.h"

using namespace cyr;
using namespace cyr::meta;

namespace {

using Map = std::shared_ptr<test::RecordMap>;

MailboxEntry sample(std::string name, std::string uniqueid) {
  MailboxEntry entry;
  entry.name = std::move(name);
  entry.partition = "default";
  entry.acl = "bovik\tlrswipkxtecdan\tfred\tlr\tanyone\tp\tcyrus\tlr\t";
  entry.uniqueid = std::move(uniqueid);
  entry.uidvalidity = 1795327158;
  entry.createdmodseq = 1;
  entry.foldermodseq = 6;
  return entry;
}

MailboxList open_list(const Map& records, ListFormat format = ListFormat::keyed_36) {
  MailboxListOptions options;
  options.format_if_empty = format;
  options.admins = {"cyrus"};
  auto list = MailboxList::open(test::memory_database(records), std::move(options));
  REQUIRE_OK(list);
  return std::move(*list);
}

std::vector<std::string> names_under(MailboxList& list, std::string_view name) {
  std::vector<std::string> names;
  REQUIRE_OK(list.for_each_under(name, [&](const ListItem& item) -> Result<db::Visit> {
    names.emplace_back(item.name);
    return db::Visit::go_on;
  }));
  return names;
}

}  // namespace

TEST_CASE("an update writes the name record and the id record as 3.6.1 does") {
  const auto records = std::make_shared<test::RecordMap>();
  auto list = open_list(records);
  REQUIRE_OK(list.update(sample("user.bovik.work", "do08k07k28pi11iuulmgwdhs"), 1795327190));
  // store.md 3.4, an example from a real store.
  const std::string acl = "A %(bovik lrswipkxtecdan fred lr anyone p cyrus lr)";
  CHECK(*records ==
        test::RecordMap{
            {"Nuser\x1f"
             "bovik\x1fwork",
             "%(T e I do08k07k28pi11iuulmgwdhs P default V 1795327158 C 1 F 6 M 1795327190 " + acl + ")"},
            {"Ido08k07k28pi11iuulmgwdhs",
             "%(T e N user\x1f"
             "bovik\x1fwork P default V 1795327158 C 1 F 6 M 1795327190 " +
                 acl + " H ())"}});
}

TEST_CASE("a rename leaves a tombstone and a history") {
  const auto records = std::make_shared<test::RecordMap>();
  auto list = open_list(records);
  REQUIRE_OK(list.update(sample("user.bovik.new", "c3dg"), 100));
  REQUIRE_OK(list.rename("user.bovik.new", sample("user.bovik.new2", "c3dg"), 200));
  CHECK(records->at("Nuser\x1f"
                    "bovik\x1fnew") == "%(T ed I c3dg V 1795327158 C 1 F 6 M 200)");
  const auto by_id = list.find_by_uniqueid("c3dg");
  REQUIRE_OK(by_id);
  REQUIRE(by_id->has_value());
  CHECK((*by_id)->name == "user.bovik.new2");
  REQUIRE((*by_id)->history.size() == 1);
  CHECK((*by_id)->history[0].name == "user.bovik.new");
  CHECK((*by_id)->history[0].type->deleted);
  CHECK((*by_id)->history[0].partition.empty());
  // Later updates keep the history.
  REQUIRE_OK(list.update(sample("user.bovik.new2", "c3dg"), 300));
  CHECK((*list.find_by_uniqueid("c3dg"))->history.size() == 1);
  CHECK((*list.find_by_uniqueid("c3dg"))->mtime == 300);
  CHECK_FALSE(list.rename("user.nobody", sample("user.x", "x"), 1).has_value());
}

TEST_CASE("a name that gets another id leaves no id record that points at it") {
  const auto records = std::make_shared<test::RecordMap>();
  auto list = open_list(records);
  REQUIRE_OK(list.update(sample("bb", "first"), 1));
  REQUIRE_OK(list.update(sample("bb", "second"), 2));
  CHECK(records->count("Ifirst") == 0);
  CHECK(records->count("Isecond") == 1);
  // So does a tombstone, unless its mailbox has moved on.
  REQUIRE_OK(list.entomb("bb", 3));
  CHECK(records->at("Nbb") == "%(T ed I second V 1795327158 C 1 F 6 M 3)");
  REQUIRE_OK(list.update(sample("bb", "third"), 4));
  CHECK(records->count("Isecond") == 0);
}

TEST_CASE("erase takes both records; an entry without id cannot be written to a keyed list") {
  const auto records = std::make_shared<test::RecordMap>();
  auto list = open_list(records);
  REQUIRE_OK(list.update(sample("bb", "first"), 1));
  REQUIRE_OK(list.erase("bb"));
  CHECK(records->empty());
  const auto refused = list.update(sample("bb", ""), 1);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::invalid);
  CHECK(records->empty());
}

TEST_CASE("several entries are written all or none") {
  const auto records = std::make_shared<test::RecordMap>();
  auto list = open_list(records);
  CHECK_FALSE(list.update({sample("a", "ida"), sample("b", "")}, 1).has_value());
  CHECK(records->empty());
}

TEST_CASE("reverse ACL records follow the ACL where the list has them") {
  const auto records = std::make_shared<test::RecordMap>();
  (*records)["AS\x1e"] = "";
  auto list = open_list(records);
  auto entry = sample("user.bovik", "id");
  REQUIRE_OK(list.update(entry, 1));
  CHECK(records->count("AU\x1e"
                       "fred\x1euser\x1f"
                       "bovik") == 1);
  CHECK(records->count("AU\x1e"
                       "bovik\x1euser\x1f"
                       "bovik") == 0);  // the owner
  CHECK(records->count("AU\x1e"
                       "cyrus\x1euser\x1f"
                       "bovik") == 0);  // an administrator
  CHECK(records->count("AU\x1e"
                       "anyone\x1euser\x1f"
                       "bovik") == 0);  // only p
  entry.acl = "bovik\tlrs\tted\tr\t";
  REQUIRE_OK(list.update(entry, 2));
  CHECK(records->count("AU\x1e"
                       "fred\x1euser\x1f"
                       "bovik") == 0);
  CHECK(records->count("AU\x1eted\x1euser\x1f"
                       "bovik") == 1);
  REQUIRE_OK(list.erase("user.bovik"));
  CHECK(records->size() == 1);
}

TEST_CASE("reverse id and ACL records of 3.4") {
  const auto records = std::make_shared<test::RecordMap>();
  *records = {{"$RACL", "3"}, {"$RUNQ", "1"}};
  auto list = open_list(records, ListFormat::dlist_32);
  REQUIRE_OK(list.update(sample("bb", "id1"), 5));
  CHECK(records->count("$RUNQ$id1$bb") == 1);
  CHECK(records->count("$RACL$S$fred$bb") == 1);
  REQUIRE_OK(list.rename("bb", sample("cc", "id1"), 6));
  CHECK(records->at("bb") == "%(I id1 T d V 1795327158 C 1 F 6 M 6)");
  CHECK(records->count("$RACL$S$fred$bb") == 0);
  CHECK(records->count("$RACL$S$fred$cc") == 1);
  const auto found = list.find_by_uniqueid("id1");
  REQUIRE_OK(found);
  CHECK((*found)->name == "cc");
}

TEST_CASE("a text list has no tombstones") {
  const auto records = std::make_shared<test::RecordMap>();
  auto list = open_list(records, ListFormat::text);
  REQUIRE_OK(list.update(sample("user.bovik", ""), 1));
  CHECK(records->at("user.bovik").starts_with("0 default bovik\t"));
  REQUIRE_OK(list.rename("user.bovik", sample("user.b2", ""), 1));
  CHECK(records->size() == 1);
  REQUIRE_OK(list.entomb("user.b2", 1));
  CHECK(records->empty());
}

TEST_CASE("walking below a name does not take in its neighbours") {
  for (const auto format : {ListFormat::keyed_36, ListFormat::dlist_25}) {
    const auto records = std::make_shared<test::RecordMap>();
    auto list = open_list(records, format);
    for (const char* name :
         {"user.base", "user.base.a", "user.baseplus", "user.base-x", "example.org!user.base"}) {
      REQUIRE_OK(list.update(sample(name, std::string("id-") + name), 1));
    }
    CHECK(names_under(list, "user.base") == std::vector<std::string>{"user.base", "user.base.a"});
    CHECK(names_under(list, "example.org!") == std::vector<std::string>{"example.org!user.base"});
    CHECK(names_under(list, "").size() == 5);
  }
}

TEST_CASE("an unreadable record is reported for itself and hides no other") {
  const auto records = std::make_shared<test::RecordMap>();
  auto list = open_list(records);
  REQUIRE_OK(list.update(sample("a", "ida"), 1));
  REQUIRE_OK(list.update(sample("c", "idc"), 1));
  (*records)["Nb"] = "%(T e I idb P default V";
  std::vector<std::string> good;
  std::vector<std::string> bad;
  REQUIRE_OK(list.for_each("", [&](const ListItem& item) -> Result<db::Visit> {
    (item.entry ? good : bad).emplace_back(item.name);
    return db::Visit::go_on;
  }));
  CHECK(good == std::vector<std::string>{"a", "c"});
  CHECK(bad == std::vector<std::string>{"b"});
  // It can be written over and removed.
  REQUIRE_OK(list.update(sample("b", "idb"), 2));
  REQUIRE_OK(list.erase("b"));
}
