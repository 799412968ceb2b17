// Databases by turns: we change one, the real cyr_dbtool changes it, and so on; after every turn both must
// list what a std::map says. The real one lives once a round: it lists, changes, lists. Arguments: the
// backend, and the number of rounds if not 20 (scripts/db-rounds makes 200).
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/filesystem/fstream.hpp>
#include <boost/filesystem/operations.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "format/base/text.h"
#include "format/db/database.h"
#include "format/text/imap_string.h"
#include "tests/support/oracle.h"

namespace {

using namespace cyr;
using Model = std::map<std::string, std::string>;
using Listing = std::vector<std::pair<std::string, std::string>>;

[[noreturn]] void fail(int round, const std::string& what) {
  std::fprintf(stderr, "round %d: %s\n", round, what.c_str());
  std::exit(1);
}

void must(int round, const Status& status) {
  if (!status) {
    fail(round, status.error().text());
  }
}

class Rounds {
 public:
  explicit Rounds(const std::string& backend)
      : store_("classic"), backend_(backend), kind_(*db::kind_from_name(backend)), random_(20261125) {
    path_ = store_ / (kind_ == db::Kind::quotalegacy ? "config/turns/quota" : "config/turns/turns.db");
    fs::create_directories(path_.parent_path());
    if (kind_ == db::Kind::quotalegacy) {
      fs::create_directories(path_);
    }
    test::oracle::hand_over(store_);
  }

  void run(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      ours(round);
      const Listing after_ours = compare(round, "after our turn");
      const Listing shown = theirs(round, after_ours);
      if (shown != compare(round, "after the turn of the real cyr_dbtool")) {
        fail(round, "the real cyr_dbtool lists other records after its own turn");
      }
      if (round % 20 == 19) {
        real_consistent(round);
      }
    }
    std::printf("%s: %d rounds, %zu records at the end, %d changes by us, %d by the real cyr_dbtool\n",
                backend_.c_str(), rounds, model_.size(), our_changes_, their_changes_);
  }

 private:
  struct Change {
    std::string key;
    std::optional<std::string> value;
  };

  unsigned roll(unsigned below) { return static_cast<unsigned>(random_() % below); }

  std::string make_key() {
    const std::string end = std::to_string(roll(40));
    if (kind_ == db::Kind::quotalegacy) {
      return (roll(2) == 0 ? "user.u" : "shared.f x") + end;
    }
    // 8-bit keys, and keys that the orders of the backends sort differently.
    constexpr std::array<std::string_view, 6> starts = {"user.",        "user\x1f", "user-",
                                                        "caf\xc3\xa9 ", "~",        "a\x01"};
    return std::string(starts[roll(starts.size())]) + end;
  }
  std::string make_value() {
    if (kind_ == db::Kind::quotalegacy) {
      return fmt::format("%(S ({} 1024) M ({}) AS (0) NF (1) MODSEQ {})", roll(100000), roll(100), roll(100));
    }
    std::string value(roll(20) == 0 ? 700 + roll(3000) : roll(60), '\0');
    for (char& c : value) {
      c = static_cast<char>(roll(256));
    }
    return value;
  }
  std::vector<Change> make_changes() {
    std::vector<Change> out(1 + roll(24));
    for (Change& change : out) {
      change.key = make_key();
      change.value = roll(3) == 0 ? std::nullopt : std::optional(make_value());
    }
    return out;
  }
  // The real one ends its batch at the deletion of a quota root that is not there.
  void drop_absent(std::vector<Change>& changes) const {
    Model after = model_;
    std::erase_if(changes, [&](const Change& change) {
      if (change.value) {
        after[change.key] = *change.value;
        return false;
      }
      return after.erase(change.key) == 0;
    });
  }
  void note(const std::vector<Change>& changes) {
    for (const Change& change : changes) {
      if (change.value) {
        model_[change.key] = *change.value;
      } else {
        model_.erase(change.key);
      }
    }
  }

  void ours(int round) {
    auto database = db::open(posix_io(), path_, kind_, {.create = true});
    if (!database) {
      fail(round, database.error().text());
    }
    auto transaction = (*database)->begin();
    if (!transaction) {
      fail(round, transaction.error().text());
    }
    const auto changes = make_changes();
    for (const Change& change : changes) {
      must(round,
           change.value ? (*transaction)->put(change.key, *change.value) : (*transaction)->erase(change.key));
    }
    if (roll(8) == 0) {
      must(round, (*transaction)->abort());
    } else {
      must(round, (*transaction)->commit());
      note(changes);
      our_changes_ += static_cast<int>(changes.size());
    }
    if (roll(20) == 0) {
      transaction->reset();
      must(round, (*database)->repack());
    }
    give_back();
  }

  // What root made in our turn, to the user that the real program runs as; not the whole store, every time.
  void give_back() const {
    struct ::stat owner {};
    if (::geteuid() != 0 || ::stat(store_.root().c_str(), &owner) != 0) {
      return;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path_.parent_path())) {
      (void)::lchown(entry.path().c_str(), owner.st_uid, owner.st_gid);
    }
  }

  // One process: a listing, which must be `before`, its changes, a listing, which is returned.
  Listing theirs(int round, const Listing& before) {
    auto changes = make_changes();
    const bool tree = kind_ == db::Kind::quotalegacy;
    if (tree) {
      drop_absent(changes);
    }
    const bool one = !tree && roll(2) == 0;
    const std::string show = tree ? "" : "SHOW\n";  // the real one dies of it on a tree
    const std::string shown_before = tree ? real({"show"}).out : "";
    std::string script = show + (one ? "BEGIN\n" : "");
    for (const Change& change : changes) {
      script += change.value ? "SET " : "DELETE ";
      text::append_astring(script, change.key);
      if (change.value) {
        script += ' ';
        // A literal passes any byte; the real one's quoted strings do not.
        text::append_literal(script, *change.value, text::LiteralForm::plus);
      }
      script += '\n';
    }
    script += (one ? "COMMIT\n" : "") + show;
    const auto result = real({"batch"}, script);
    if (result.status != 0 || !result.err.empty()) {
      fail(round, "the real cyr_dbtool failed: " + result.err);
    }
    note(changes);
    their_changes_ += static_cast<int>(changes.size());
    const Listing both = tree ? parse_lines(shown_before + real({"show"}).out) : parse(round, result.out);
    const auto middle = both.begin() + static_cast<std::ptrdiff_t>(std::min(before.size(), both.size()));
    if (Listing(both.begin(), middle) != before) {
      fail(round, "the real cyr_dbtool lists other records after our turn");
    }
    return {middle, both.end()};
  }

  // What `show` prints, of records without TAB and LF.
  static Listing parse_lines(std::string_view text) {
    Listing out;
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      const std::size_t tab = line.find('\t');
      out.emplace_back(line.substr(0, tab), tab < line.size() ? line.substr(tab + 1) : std::string_view());
      text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return out;
  }

  static Listing parse(int round, std::string_view text) {
    Listing out;
    text::StringReader in(text);
    while (!in.at_end()) {
      const auto key = in.astring();
      const bool apart = in.accept(' ');
      const auto value = in.astring();
      if (!key || !apart || !value || !in.accept('\n')) {
        fail(round, fmt::format("the real cyr_dbtool's listing cannot be read at byte {}", in.offset()));
      }
      out.emplace_back(*key, *value);
    }
    return out;
  }

  test::RunResult real(std::vector<std::string> words, const std::string& input = "") {
    std::vector<std::string> arguments = {path_.string(), backend_};
    arguments.insert(arguments.end(), words.begin(), words.end());
    return test::oracle::run("cyr_dbtool", store_, arguments, {.input = input});
  }

  Listing compare(int round, const char* when) {
    auto database = db::open(read_only_io(), path_, kind_);
    if (!database) {
      fail(round, std::string(when) + ": " + database.error().text());
    }
    Listing listing;
    must(round,
         (*database)->for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
           listing.emplace_back(key, value);
           return db::Visit::go_on;
         }));
    if (Model(listing.begin(), listing.end()) != model_ || listing.size() != model_.size()) {
      fail(round, std::string(when) + ": our reader sees other records");
    }
    must(round, (*database)->consistent());
    return listing;
  }

  void real_consistent(int round) {
    const auto result = real({"consistent"});
    if (result.out != "Yes, consistent\n") {
      fail(round, "the real cyr_dbtool: " + result.out + result.err);
    }
  }

  test::TempStore store_;
  std::string backend_;
  db::Kind kind_;
  std::mt19937 random_;
  fs::path path_;
  Model model_;
  int our_changes_ = 0;
  int their_changes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  test::keep_temporary_files_in_memory();
  if (const int skip = test::oracle::gate()) {
    return skip;
  }
  const auto rounds = argc == 3 ? parse_number<int>(argv[2]) : std::optional<int>(20);
  if (argc < 2 || argc > 3 || !db::kind_from_name(argv[1]) || !rounds) {
    std::fprintf(stderr, "usage: %s BACKEND [ROUNDS]\n", argv[0]);
    return 64;
  }
  Rounds(argv[1]).run(*rounds);
  return 0;
}
