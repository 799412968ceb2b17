// Codecs of mailboxes.db: the rarer forms, what is refused, derived records.
#include <algorithm>

#include "format/meta/mailbox_entry.h"
#include "format/meta/mailbox_list.h"
#include "format/meta/reverse_records.h"
#include "tests/support/check.h"
#include "tests/unit/meta/golden_records.h"
#include "tests/unit/meta/memory_database.h"

using namespace cyr;
using namespace cyr::meta;

TEST_CASE("a shared mailbox News at the front does not make an old list a new one") {
  const auto records = std::make_shared<test::RecordMap>();
  (*records)["News"] = "%(A %(anyone lrs) I 3f2504e0-4f89-11d3-9a0c-0305e82c3301 P default V 1 F 1 M 2)";
  (*records)["user.bovik"] = "%(A %(bovik lrs) I 3f2504e0-4f89-11d3-9a0c-0305e82c3302 P default V 1 F 1 M 2)";
  auto found = detect_list_format(*test::memory_database(records));
  REQUIRE_OK(found);
  CHECK(*found == ListFormat::dlist_30);
  records->clear();
  (*records)["Info"] = "0 default anyone\tlrs\t";
  found = detect_list_format(*test::memory_database(records));
  REQUIRE_OK(found);
  CHECK(*found == ListFormat::text);
}

TEST_CASE("reverse ACL records are derived as Cyrus 3.6.1 derived them") {
  const test::TempStore store("modern");
  ReverseRules rules;
  rules.acl = ReverseAclForm::keyed;
  rules.admins = {"cyrus"};
  std::vector<std::string> derived{std::string(reverse_acl_mark_keyed)};
  std::vector<std::string> stored;
  const auto listings = test::golden_listings(store, "config%mailboxes.db.");
  REQUIRE(listings.size() == 1);
  for (const auto& [key, value] : listings[0].second) {
    const ListKey parsed = parse_list_key(key, ListFormat::keyed_36);
    if (parsed.kind == KeyKind::reverse_acl) {
      stored.push_back(key);
    } else if (parsed.kind == KeyKind::mailbox) {
      const auto entry = decode_entry(parsed.name, value);
      REQUIRE_OK(entry);
      const auto keys = reverse_keys(*entry, rules);
      derived.insert(derived.end(), keys.begin(), keys.end());
    }
  }
  std::sort(derived.begin(), derived.end());
  std::sort(stored.begin(), stored.end());
  CHECK(stored.size() > 20);
  CHECK(derived == stored);
}

TEST_CASE("database names keep dots in components and the domain as it is") {
  CHECK(dbname_of("example.org!user.john^doe.a") ==
        "example.org\x1duser\x1fjohn.doe\x1f"
        "a");
  CHECK(internal_name_of("example.org\x1duser\x1fjohn.doe\x1f"
                         "a") == "example.org!user.john^doe.a");
  CHECK(internal_name_of(dbname_of("bb.sub")) == "bb.sub");
}

TEST_CASE("mailbox types of all three spellings") {
  const auto bits = decode_type_bits(1 | 8 | 4);
  REQUIRE_OK(bits);
  CHECK(bits->remote);
  CHECK(bits->moving);
  CHECK(bits->kind == MailboxKind::netnews);
  CHECK(encode_type_bits(*bits) == 13);
  CHECK(encode_type_letters_25(*bits) == "mnr");
  CHECK(encode_type_letters_36(*bits) == "nmr");
  CHECK_FALSE(decode_type_bits(4096).has_value());
  const auto letters = decode_type_letters("ldce");
  REQUIRE_OK(letters);
  CHECK(encode_type_letters_36(*letters) == "edl");
  CHECK_FALSE(decode_type_letters("eQ").has_value());
}

TEST_CASE("text records: murder locations, development extensions, what is no record") {
  const auto remote = decode_entry("user.x", "1 mail3.example.org!default x\tlrs\t");
  REQUIRE_OK(remote);
  CHECK(remote->server == "mail3.example.org");
  CHECK(remote->partition == "default");
  CHECK(encode_entry(*remote, ListFormat::text) == "1 mail3.example.org!default x\tlrs\t");
  const std::string extended = "(uniqueid 0123456789abcdef specialuse \\Sent) 0 default x\tlrs\t";
  const auto entry = decode_entry("user.x.Sent", extended);
  REQUIRE_OK(entry);
  CHECK(entry->uniqueid == "0123456789abcdef");
  CHECK(entry->specialuse == "\\Sent");
  CHECK(encode_entry(*entry, ListFormat::extended_text) == extended);
  CHECK(encode_entry(*entry, ListFormat::text) == "0 default x\tlrs\t");
  for (const char* bad :
       {"", "0", "0 default", "x default y", "4096 default y", "(uniqueid 0 default", "(a b)0 p a"}) {
    INFO(bad);
    CHECK_FALSE(decode_entry("user.x", bad).has_value());
  }
}

TEST_CASE("dlist records that no release could have written are refused, unknown fields are not") {
  for (const char* bad : {"%(", "(a b)", "%(T eQ)", "%(V 4294967296)", "%(M x)", "%(A (x))", "%(H x)",
                          "%(I (x))", "%(A %(x (y)))"}) {
    INFO(bad);
    CHECK_FALSE(decode_entry("user.x", bad).has_value());
  }
  const auto entry = decode_entry("user.x", "%(T e ZZ %(a b) I abc P default V 7 A %())");
  REQUIRE_OK(entry);
  CHECK(entry->uidvalidity == 7);
  CHECK(entry->acl == "");
  CHECK_FALSE(decode_uniqueid_record("abc", "%(T e P default)").has_value());
}
