// One large mailbox looked at by several threads comes to what one thread comes to.
#include <boost/filesystem/operations.hpp>

#include "format/store/mailbox_edit.h"
#include "tests/support/tree.h"
#include "tests/unit/check/repair_bench.h"

using namespace cyr;
using test::Bench;

namespace {

constexpr std::int64_t kNow = 1795667300;
constexpr unsigned kMany = 18000;  // messages: enough for every pass to have work for two threads

// user.bovik with very many links to one more message.
store::MailboxFiles grow(Bench& bench) {
  auto store = store::Store::open(posix_io(), bench.temp.conf());
  REQUIRE_OK(store);
  const auto selection = store::select_mailboxes(**store, {"user/bovik"}, {});
  REQUIRE_OK(selection);
  store::UserLocks locks;
  const auto edit = store::MailboxEdit::open(**store, selection->entries.front(), locks, kNow);
  REQUIRE_OK(edit);
  auto staged = store::StagedMessage::create(**store, "default");
  REQUIRE_OK(staged);
  REQUIRE_OK(staged->write("Subject: one of many\r\nMessage-ID: <many@example.org>\r\n\r\nHello\r\n"));
  REQUIRE_OK(staged->finish());
  for (unsigned i = 0; i < kMany; ++i) {
    REQUIRE_OK((*edit)->append(*staged, {}));
  }
  REQUIRE_OK((*edit)->commit());
  return (*edit)->files();
}

void flip(const fs::path& path, std::size_t at) {
  std::string text = test::read_text(path);
  REQUIRE(text.size() > at);
  text[at] = static_cast<char>(text[at] ^ 0x20);
  test::write_text(path, text);
}

std::vector<std::string> texts(const Bench& bench, const test::Findings& findings) {
  std::vector<std::string> out;
  for (const auto& finding : findings.all) {
    out.push_back(test::replace_all(check::text_of(finding), bench.temp.root().native(), "ROOT"));
  }
  return out;
}

// The files that a repair writes, to be put back before the next one: the messages are made once.
class Kept {
 public:
  explicit Kept(const store::MailboxFiles& files) {
    for (const auto& path : {files.index, files.cache, files.header}) {
      texts_.emplace_back(path, test::read_text(path));
    }
  }
  void put_back() const {
    for (const auto& [path, text] : texts_) {
      boost::filesystem::remove(path);
      test::write_text(path, text);
    }
  }

 private:
  std::vector<std::pair<fs::path, std::string>> texts_;
};

void hurt(const store::MailboxFiles& files, std::string_view damage) {
  if (damage == "caches") {
    boost::filesystem::remove(files.cache);
  } else if (damage == "some caches") {
    for (const std::size_t at : {5000U, 1000000U, 2500000U}) {
      flip(files.cache, at);
    }
  } else if (damage == "records") {
    for (const std::size_t record : {100U, 9500U, 16000U}) {
      flip(files.index, 160 + record * 112 + 30);
    }
  } else if (damage == "index") {
    boost::filesystem::remove(files.index);
  }
}

}  // namespace

TEST_CASE("several threads find and write what one does", "[repair]") {
  Bench bench("default");
  const auto files = grow(bench);
  const Kept kept(files);
  for (const std::string_view damage : {"none", "caches", "some caches", "records", "index"}) {
    INFO(damage);
    std::vector<std::vector<std::string>> found;
    std::vector<std::string> indexes, caches;
    for (const unsigned threads : {1U, 4U}) {
      kept.put_back();
      hurt(files, damage);
      check::Options options;
      options.force_reparse = damage == "some caches";
      options.now = kNow + 100;
      options.threads = threads;
      const auto findings = bench.run("user/bovik", options);
      CHECK(findings.all.empty() == (damage == "none"));
      found.push_back(texts(bench, findings));
      indexes.push_back(test::read_text(files.index));
      caches.push_back(test::read_text(files.cache));
      CHECK(bench.last.parsed >= (options.force_reparse ? kMany : 0));
    }
    CHECK(found[0] == found[1]);
    CHECK(caches[0] == caches[1]);
    CHECK((damage == "index" || indexes[0] == indexes[1]));  // a new index has a UIDVALIDITY by the clock
  }
}
