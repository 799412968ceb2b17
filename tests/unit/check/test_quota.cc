// quota: reports against golden ones, and recounts of real stores with one thing wrong at a time.
#include <algorithm>
#include <map>
#include <set>

#include "format/base/crc32.h"
#include "format/base/text.h"
#include "format/check/quota_check.h"
#include "format/check/quota_report.h"
#include "format/check/quota_select.h"
#include "format/mailbox/header.h"
#include "format/mailbox/index_file.h"
#include "tests/support/check.h"
#include "tests/support/temp_store.h"
#include "tests/support/tree.h"

using namespace cyr;
using namespace cyr::check;

namespace {

class Lines : public Reporter {
 public:
  void report(const Finding& finding) override { lines.push_back(text_of(finding)); }
  std::vector<std::string> lines;
};

struct Run {
  std::vector<std::string> lines;
  QuotaSummary summary;
};

std::unique_ptr<store::Store> open_store(const test::TempStore& temp, Io& io = posix_io()) {
  auto store = store::Store::open(io, fs::path(temp.conf()), {.ident = "quota"});
  REQUIRE_OK(store);
  return std::move(*store);
}

Result<Run> try_quota_f(const test::TempStore& temp, QuotaOptions options = {}, Io& io = posix_io()) {
  const auto store = open_store(temp, io);
  store::SavedCopies saved(io, store->saved_roots(), "test-run", true);
  store::UserLocks locks;
  Lines lines;
  options.threads = 2;
  CYR_TRY(const auto summary, QuotaChecker(*store, std::move(options), saved, locks, lines).run());
  return Run{std::move(lines.lines), summary};
}

Run quota_f(const test::TempStore& temp, QuotaOptions options = {}, Io& io = posix_io()) {
  auto run = try_quota_f(temp, std::move(options), io);
  REQUIRE_OK(run);
  return std::move(*run);
}

std::string report_of(const test::TempStore& temp) {
  const auto store = open_store(temp, read_only_io());
  const auto listing = list_quotas(*store, {});
  REQUIRE_OK(listing);
  std::string text(quota_table_header());
  for (const auto& root : listing->roots) {
    text += quota_table_lines(root, store->external_name(root.name));
  }
  return text;
}

// Where a mailbox of the list lies.
fs::path directory_of(const test::TempStore& temp, const std::string& mailbox) {
  const auto store = open_store(temp, read_only_io());
  const auto entry = (*store->mailbox_list())->find(mailbox);
  REQUIRE_OK(entry);
  REQUIRE(entry->has_value());
  const auto files = store->files(**entry);
  REQUIRE_OK(files);
  return files->data;
}

bool has_line(const Run& run, std::string_view text) {
  return std::any_of(run.lines.begin(), run.lines.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

// Lock files and old versions are not the store.
const std::vector<std::string> not_store{"run",        "config/undo.", "spool/undo.",
                                         "meta/undo.", "meta2/undo.",  "spool2/undo."};

}  // namespace

TEST_CASE(
    "reports are those of the real quota, and a recount of an intact store finds nothing and writes "
    "nothing") {
  for (const char* name : {"default", "classic", "virt", "skiplist", "modern"}) {
    INFO(name);
    const test::TempStore temp(name);
    const auto golden = test::parse_golden(temp.golden("intact/quota.txt"));
    REQUIRE(golden.size() == 1);
    CHECK(report_of(temp) == golden[0].output);
    const auto before = test::read_tree(temp.root(), {"run"});
    const auto run = quota_f(temp);
    CHECK(run.lines == std::vector<std::string>{});
    CHECK(run.summary.mailboxes > 100);
    CHECK(test::tree_changes(before, test::read_tree(temp.root(), {"run"})) == std::vector<std::string>{});
  }
}

TEST_CASE("mailboxes of old index versions are counted as 3.6.1 counts them") {
  const test::TempStore temp("versions");
  const auto golden = test::parse_golden(temp.golden("intact/quota-f.txt"));
  REQUIRE(golden.size() == 1);
  // The golden run came after a reconstruct that had changed what was there before: only what it made of it
  // counts.
  const auto without_old = [](std::string_view line) {
    const std::size_t at = line.find(" was ");
    const std::size_t end = line.find(", now ");
    return at == line.npos || end == line.npos
               ? std::string(line)
               : std::string(line.substr(0, at)) + std::string(line.substr(end));
  };
  std::string expected;
  for (const auto line : split(golden[0].output, '\n')) {
    expected += line.empty() ? "" : without_old(line) + "\n";
  }
  std::string text;
  for (const auto& line : quota_f(temp).lines) {
    text += without_old(line) + "\n";
  }
  CHECK(text + report_of(temp) == expected);
  CHECK(quota_f(temp).lines.empty());
}

TEST_CASE("usage that is wrong, in a dry run and in earnest") {
  const test::TempStore temp("classic");
  const fs::path file = temp / "config/quota/b/user.bovik";
  const std::string right = test::read_text(file);
  test::write_text(file, "%(S (9999 50000) M (77 9000) AS (3 100) NF (1 60) MODSEQ 5)\n");
  test::write_text(temp / "config/quota/f/user.fred", "9999\n100\n");  // the form of 2.x
  const auto before = test::read_tree(temp.root(), {"run"});
  const auto dry = quota_f(temp, {}, read_only_io());
  CHECK(test::tree_changes(before, test::read_tree(temp.root(), {"run"})).empty());
  CHECK(has_line(dry, "user.bovik: STORAGE usage was 9999, now "));
  CHECK(has_line(dry, "user.fred: MESSAGE usage was 0, now 68"));
  const auto run = quota_f(temp);
  CHECK(run.lines == dry.lines);
  CHECK(run.lines.size() == 8);
  CHECK(run.summary.problems == 0);
  const std::string now = test::read_text(file);
  CHECK(now.substr(0, now.find(" MODSEQ")) == right.substr(0, right.find(" MODSEQ")));
  CHECK(now.ends_with(" MODSEQ 6)\n"));
  CHECK(test::read_text(temp / "config/quota/f/user.fred")
            .starts_with("%(S (437213 100) M (68) AS (6690) NF (32)"));
  CHECK(test::read_text(temp / "config/undo./test-run/quota/f/user.fred") == "9999\n100\n");
  CHECK(quota_f(temp).lines.empty());
}

TEST_CASE("records that cannot be read are rebuilt, and cost no mailbox its root") {
  const test::TempStore temp("classic");
  const std::string cut = "%(S (1192398 50000) M (113 9000) AS (1";
  test::write_text(temp / "config/quota/b/user.bovik", cut);
  test::write_text(temp / "config/quota/f/user.fred", "junk\n");
  test::write_text(temp / "config/quota/m/user.mona", "");
  std::string whole = test::read_text(temp / "config/quota/t/user.ted");
  whole.pop_back();
  test::write_text(temp / "config/quota/t/user.ted", whole);  // only the line feed is missing
  const auto run = quota_f(temp);
  CHECK(run.lines.size() == 4);
  CHECK(has_line(run, "user.bovik: quota record cannot be read"));
  CHECK(has_line(run, "limits lost, set them again: X-ANNOTATION-STORAGE X-NUM-FOLDERS"));
  CHECK(has_line(run, "user.ted: quota record cannot be read (" +
                          (temp / "config/quota/t/user.ted").string() +
                          ": no line feed at the end, so Cyrus stops here): old one kept, usage counted "
                          "anew, all limits saved"));
  CHECK(run.summary.problems == 3);
  CHECK(test::read_text(temp / "config/quota/b/user.bovik")
            .starts_with("%(S (1005135 50000) M (112 9000) AS (105) NF (33)"));
  CHECK(test::read_text(temp / "config/quota/t/user.ted")
            .starts_with("%(S (425493 51000) M (97 9001) AS (3365 101) NF (39 61)"));
  CHECK(test::read_text(temp / "config/undo./test-run/quota/b/user.bovik") == cut);
  CHECK(test::read_text(temp / "config/undo./test-run/quota/f/user.fred") == "junk\n");
  const auto again = quota_f(temp);
  CHECK(again.lines.empty());
  CHECK(again.summary.problems == 0);
}

namespace {

void check_header(const fs::path& directory, std::string_view root) {
  const std::string bytes = test::read_text(directory / "cyrus.header");
  const auto header = mailbox::decode_header(as_bytes(bytes));
  REQUIRE_OK(header);
  CHECK(header->quotaroot.value_or("") == root);
  const std::string index = test::read_text(directory / "cyrus.index");
  const auto decoded = mailbox::decode_index_header(as_bytes(index));
  REQUIRE_OK(decoded);
  CHECK(decoded->header_file_crc == crc32(bytes));
}

}  // namespace

TEST_CASE("roots that come and go change headers") {
  const test::TempStore temp("classic");
  REQUIRE_OK(posix_io().unlink(temp / "config/quota/b/user.bovik"));  // the documented way to remove a root
  test::write_text(temp / "config/quota/z/zed", "%(S (5 100) M (0) AS (0) NF (0) MODSEQ 0)\n");
  test::write_text(temp / "config/quota/z/zap", "%(S (5) M (0) AS (0) NF (0) MODSEQ 0)\n");
  test::write_text(temp / "config/quota/t/user.ted.Keywords", "%(S (0 9) M (0) AS (0) NF (0) MODSEQ 0)\n");
  QuotaOptions options;
  options.selection.names = {"user.bovik", "zed", "zap", "user.ted.Keywords"};
  const auto run = quota_f(temp, options);
  CHECK(has_line(run, "user.bovik: quota root user.bovik --> (none)"));
  CHECK(has_line(run, "user.ted.Keywords: quota root user.ted --> user.ted.Keywords"));
  CHECK(has_line(run, "user.ted.Keywords: X-NUM-FOLDERS usage was 0, now 2"));
  CHECK(has_line(run, "zap: removed"));
  CHECK(has_line(run, "zed: no mailbox uses this quota root"));
  CHECK_FALSE(has_line(run, "user.bovik.Work"));  // has roots of its own
  CHECK(run.summary.problems == 0);
  check_header(directory_of(temp, "user.bovik"), "");
  check_header(directory_of(temp, "user.ted.Keywords"), "user.ted.Keywords");
  // What left user.ted is counted there when everything is.
  CHECK(has_line(quota_f(temp), "user.ted: X-NUM-FOLDERS usage was 39, now 37"));
  options.remove_unused = true;
  CHECK(quota_f(temp, options).lines == std::vector<std::string>{"zed: removed"});
  CHECK(quota_f(temp).lines.empty());
}

TEST_CASE("a mailbox that cannot be read does not stop the run, and its root keeps its usage") {
  const test::TempStore temp("classic");
  const fs::path index = directory_of(temp, "user.bovik") / "cyrus.index";
  test::write_text(index, std::string(500, 'x'));
  test::write_text(temp / "config/quota/b/user.bovik",
                   "%(S (1 50000) M (1 9000) AS (1 100) NF (1 60) MODSEQ 5)\n");
  test::write_text(temp / "config/quota/f/user.fred", "%(S (1) M (1 9002) AS (1) NF (1) MODSEQ 5)\n");
  const auto run = quota_f(temp);
  CHECK(has_line(run, "failed opening header for mailbox 'user.bovik': "));
  CHECK(has_line(run, "user.bovik: usage left as it is"));
  CHECK(has_line(run, "user.fred: STORAGE usage was 1, now 437213"));
  CHECK(run.summary.problems == 2);
  CHECK(test::read_text(temp / "config/quota/b/user.bovik").starts_with("%(S (1 50000)"));
  // Without its directory it counts as empty.
  const fs::path elsewhere = temp / "elsewhere";
  REQUIRE_OK(posix_io().rename(directory_of(temp, "user.ted.Keywords"), elsewhere));
  const auto missing = quota_f(temp);
  CHECK(has_line(missing, "failed opening header for mailbox 'user.ted.Keywords': no directory "));
  CHECK_FALSE(has_line(missing, "user.ted: X-NUM-FOLDERS"));
  CHECK(has_line(missing, "user.ted: MESSAGE usage was 97, now "));
}

TEST_CASE("a flipped bit in an index header: counted from the records") {
  const test::TempStore temp("classic");
  const fs::path index = directory_of(temp, "user.bovik") / "cyrus.index";
  std::string bytes = test::read_text(index);
  bytes[68] = static_cast<char>(bytes[68] ^ 4);  // deletedmodseq
  test::write_text(index, bytes);
  const auto run = quota_f(temp);
  REQUIRE(run.lines.size() == 1);
  CHECK(has_line(run, "user.bovik: counted from its index records"));
}

TEST_CASE("a root of a whole domain covers what no other root does, and stays") {
  const test::TempStore temp("virt");
  test::write_text(temp / "config/domain/O/example.net/quota/root",
                   "%(S (0 90000) M (0) AS (0) NF (0) MODSEQ 0)\n");
  QuotaOptions options;
  options.selection.domain = "example.net";
  const auto run = quota_f(temp, options);
  CHECK(has_line(run, "example.net!: X-NUM-FOLDERS usage was 0, now "));
  CHECK_FALSE(has_line(run, "removed"));
  CHECK(std::none_of(run.lines.begin(), run.lines.end(),
                     [](const auto& line) { return line.find("example.org") != line.npos; }));
  CHECK(quota_f(temp).lines.empty());
}

TEST_CASE("usage beyond 4 GiB") {
  const test::TempStore temp("classic");
  const fs::path path = directory_of(temp, "user.bovik") / "cyrus.index";
  auto file = File::open(posix_io(), path, {.write = true});
  REQUIRE_OK(file);
  auto header = mailbox::read_index_header(*file);
  REQUIRE_OK(header);
  const std::uint64_t before = header->quota_mailbox_used;
  header->quota_mailbox_used = std::uint64_t{5} << 40U;  // 5 TiB
  REQUIRE_OK(mailbox::write_index_header(*file, *header));
  const auto run = quota_f(temp);
  const std::int64_t now = 1005135 - static_cast<std::int64_t>(before) + (std::int64_t{5} << 40);
  CHECK(run.lines ==
        std::vector<std::string>{"user.bovik: STORAGE usage was 1005135, now " + std::to_string(now)});
  CHECK(report_of(temp).find("   50000 107374") != std::string::npos);
}

TEST_CASE("a server that delivers while its root is counted") {
  const test::TempStore temp("classic");
  const auto server = open_store(temp);
  // What a server does: change the index under the mailbox's lock, then the record: usage always, the scan
  // sums if the mailbox sorts up to the one counted last.
  const auto deliver = [&](const std::string& mailbox, const fs::path& directory, std::int64_t bytes) {
    auto file = File::open(posix_io(), directory / "cyrus.index", {.write = true});
    REQUIRE_OK(file);
    auto header = mailbox::read_index_header(*file);
    REQUIRE_OK(header);
    header->quota_mailbox_used += static_cast<std::uint64_t>(bytes);
    REQUIRE_OK(mailbox::write_index_header(*file, *header));
    REQUIRE_OK(
        (*server->quotas())->change("user.bovik", [&](std::optional<meta::QuotaRoot>& root) -> Result<bool> {
          root->used[0] += bytes;
          if (root->scan && mailbox <= root->scan->mailbox) {
            root->scan->used[0] += bytes;
          }
          return true;
        }));
  };
  test::write_text(temp / "config/quota/b/user.bovik",
                   "%(S (7 50000) M (112 9000) AS (105 100) NF (33 60) MODSEQ 5)\n");
  QuotaOptions options;
  std::set<std::string> counted;
  options.before_mailbox = [&](const std::string& name) {
    if (name == "user.bovik.Sent") {
      CHECK(counted.count("user.bovik") == 1);
      deliver("user.bovik", directory_of(temp, "user.bovik"), 1000);  // counted already
    }
    if (name == "user.bovik") {
      deliver("user.bovik.Trash", directory_of(temp, "user.bovik.Trash"), 500);  // still to come
    }
  };
  options.after_mailbox = [&](const std::string& name) { counted.insert(name); };
  quota_f(temp, options);
  CHECK(counted.size() == 33);
  CHECK(test::read_text(temp / "config/quota/b/user.bovik").starts_with("%(S (1006635 50000) M (112 9000)"));
  CHECK(quota_f(temp).lines.empty());
}

TEST_CASE("a lost mailbox list or quota database stops the run before anything is changed") {
  const test::TempStore temp("skiplist");
  REQUIRE_OK(posix_io().rename(temp / "config/quotas.db", temp / "config/elsewhere"));
  const auto without_roots = try_quota_f(temp);
  REQUIRE_FALSE(without_roots.has_value());
  CHECK(without_roots.error().text().find("no quota database, but ") != std::string::npos);
  REQUIRE_OK(posix_io().rename(temp / "config/elsewhere", temp / "config/quotas.db"));
  REQUIRE_OK(posix_io().unlink(temp / "config/mailboxes.db"));
  const std::string roots = test::read_text(temp / "config/quotas.db");
  CHECK_FALSE(try_quota_f(temp).has_value());
  CHECK(test::read_text(temp / "config/quotas.db") == roots);
}

TEST_CASE("arguments match by hierarchy") {
  const test::TempStore temp("default");
  const auto store = open_store(temp, read_only_io());
  const auto listed = [&](std::vector<std::string> names, bool users = false) {
    const auto selection = select_quotas(*store, {.names = std::move(names), .users = users, .domain = {}});
    REQUIRE_OK(selection);
    auto listing = list_quotas(*store, *selection);
    REQUIRE_OK(listing);
    std::string text;
    for (const auto& root : listing->roots) {
      text += root.name + " ";
    }
    for (const auto& name : listing->unmatched) {
      text += "?" + name + " ";
    }
    return text;
  };
  CHECK(listed({"user/bovik"}) == "user.bovik user.bovik.Work user.bovik.Work.2003 ");
  CHECK(listed({"user.bovik.Work"}) == "user.bovik.Work user.bovik.Work.2003 ");
  CHECK(listed({"user/bovik/Sent"}) == "user.bovik ");
  CHECK(listed({"user/bo"}) == "?user.bo ");
  CHECK(listed({"user/bo*"}) == "user.bovik user.bovik.Work user.bovik.Work.2003 ");
  CHECK(listed({"harry.q.bovik"}, true) == "user.harry^q^bovik ");
  CHECK(listed({"nobody"}, true) == "?user.nobody ");
  CHECK(listed({"info"}).empty());  // a mailbox without a root
}

TEST_CASE("what is done about a root") {
  RootTally root;
  root.name = "user.x";
  root.record.emplace();
  root.record->used = root.used = {1, 2, 3, 4};
  root.mailboxes = {0};
  QuotaOptions options;
  CHECK(decide(root, options) == RootAction::keep);
  root.touched = true;
  CHECK(decide(root, options) == RootAction::recount);
  root.touched = false;
  root.record->scan.emplace();
  CHECK(decide(root, options) == RootAction::recount);
  root.complete = false;
  CHECK(decide(root, options) == RootAction::leave);
  root.complete = true;
  root.mailboxes.clear();
  CHECK(decide(root, options) == RootAction::remove);
  root.record->limit[1] = 0;
  CHECK(decide(root, options) == RootAction::keep_unused);
  options.remove_unused = true;
  CHECK(decide(root, options) == RootAction::remove);
  options.remove_unused = false;
  root.record.reset();
  root.problem = corrupt("junk");
  CHECK(decide(root, options) == RootAction::remove);
  root.value = "%(S (1 5) M (";
  CHECK(decide(root, options) == RootAction::rebuild);
  root.problem = make_error(Errc::permission, "no");
  CHECK(decide(root, options) == RootAction::leave);
}

TEST_CASE("lines and JSON of a report") {
  meta::QuotaRoot root;
  root.used = {1023999, 77, 3, 1};
  root.limit = {100, 10, 0, std::nullopt};
  CHECK(quota_table_lines(root, "user/alice") ==
        "     100      999      999              STORAGE user/alice\n"
        "      10      770       77              MESSAGE user/alice\n"
        "       0                 0 X-ANNOTATION-STORAGE user/alice\n"
        "                         1        X-NUM-FOLDERS user/alice\n");
  CHECK(quota_json({{"user/alice", root}}) ==
        "{\n  \"user/alice\": {\n    \"STORAGE\": {\n      \"used\": 1023999,\n      \"limit\": 102400\n    "
        "},\n"
        "    \"MESSAGE\": {\n      \"used\": 77,\n      \"limit\": 10\n    },\n"
        "    \"X-ANNOTATION-STORAGE\": {\n      \"used\": 3\n    },\n    \"X-NUM-FOLDERS\": {\n      "
        "\"used\": 1\n    }\n  }\n}");
}
