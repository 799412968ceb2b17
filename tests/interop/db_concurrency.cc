// Many processes write one database at the same time, half of them the real cyr_dbtool; nothing may be lost.
// Arguments: the backend, the number of processes (4) and of transactions that each makes (40);
// scripts/db-concurrency makes 16 x 2000.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "format/base/text.h"
#include "format/db/database.h"
#include "format/text/imap_string.h"
#include "tests/support/oracle.h"

namespace {

using namespace cyr;

constexpr const char* counter = "user.pcount";

class Crowd {
 public:
  Crowd(const std::string& backend, int processes, int transactions)
      : store_("classic"),
        backend_(backend),
        kind_(*db::kind_from_name(backend)),
        processes_(processes),
        transactions_(transactions) {
    path_ = store_ / (tree() ? "config/crowd/quota" : "config/crowd/crowd.db");
    fs::create_directories(tree() ? path_ / "p" : path_.parent_path());
    test::oracle::hand_over(store_);
  }

  bool run() {
    // The database is made by the user that the real program runs as, and so are all changes.
    if (!in_child([&] { return db::open(posix_io(), path_, kind_, {.create = true}).has_value(); })) {
      return complain("cannot be made");
    }
    std::vector<pid_t> children;
    for (int number = 0; number < processes_; ++number) {
      children.push_back(start([&, number] { return number % 2 == 0 ? ours(number) : theirs(number); }));
    }
    bool good = true;
    for (const pid_t child : children) {
      good = wait_for(child) && good;
    }
    return good && everything_is_there() && real_agrees();
  }

 private:
  [[nodiscard]] bool tree() const { return kind_ == db::Kind::quotalegacy; }
  static std::string key(int number, int transaction) {
    return fmt::format("user.p{}n{}", number, transaction);
  }
  [[nodiscard]] std::string value(int number, int transaction) const {
    return tree() ? fmt::format("%(S ({} {}))", number, transaction)
                  : fmt::format("{} {} {}", number, transaction,
                                std::string(static_cast<std::size_t>(transaction % 50), 'v'));
  }

  pid_t start(const std::function<bool()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
      struct ::stat owner {};
      const bool root = ::geteuid() == 0 && ::stat(store_.root().c_str(), &owner) == 0;
      if (root && (::setgid(owner.st_gid) != 0 || ::setuid(owner.st_uid) != 0)) {
        ::_exit(2);
      }
      ::_exit(body() ? 0 : 1);
    }
    return child;
  }
  static bool wait_for(pid_t child) {
    int status = 1;
    ::waitpid(child, &status, 0);
    return status == 0;
  }
  bool in_child(const std::function<bool()>& body) { return wait_for(start(body)); }

  static bool complain(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    return false;
  }

  // Each transaction counts up what all of ours share, and stores a record of its own.
  bool ours(int number) {
    auto database = db::open(posix_io(), path_, kind_);
    if (!database) {
      return complain(database.error().text());
    }
    for (int i = 0; i < transactions_; ++i) {
      const Status done = one(**database, number, i);
      if (!done) {
        return complain(done.error().text());
      }
    }
    return true;
  }
  Status one(db::Database& database, int number, int transaction) {
    CYR_TRY(const auto change, database.begin());
    CYR_TRY(const auto before, change->get(counter));
    CYR_CHECK(change->put(counter, count_value(count_of(before) + 1)));
    CYR_CHECK(change->put(key(number, transaction), value(number, transaction)));
    return change->commit();
  }
  [[nodiscard]] std::string count_value(int count) const {
    return tree() ? fmt::format("%(S ({} 1))", count) : std::to_string(count);
  }
  [[nodiscard]] int count_of(const std::optional<std::string>& value) const {
    return value ? std::atoi(value->c_str() + (tree() ? std::string_view("%(S (").size() : 0)) : 0;
  }

  // One process, a transaction for every record.
  bool theirs(int number) {
    std::string script;
    for (int i = 0; i < transactions_; ++i) {
      script += tree() ? "SET " : "BEGIN\nSET ";
      text::append_astring(script, key(number, i));
      script += ' ';
      text::append_literal(script, value(number, i), text::LiteralForm::plus);
      script += tree() ? "\n" : "\nCOMMIT\n";
    }
    const auto result = test::oracle::run("cyr_dbtool", store_, {path_.string(), backend_, "batch"},
                                          {.input = script, .timeout_seconds = 7200});
    return (result.status == 0 && result.err.empty()) || complain("the real cyr_dbtool: " + result.err);
  }

  bool everything_is_there() {
    auto database = db::open(read_only_io(), path_, kind_);
    if (!database) {
      return complain(database.error().text());
    }
    std::map<std::string, std::string> seen;
    const Status read =
        (*database)->for_each("", [&](std::string_view at, std::string_view record) -> Result<db::Visit> {
          seen.emplace(at, record);
          return db::Visit::go_on;
        });
    if (!read) {
      return complain(read.error().text());
    }
    int lost = 0;
    for (int number = 0; number < processes_; ++number) {
      for (int i = 0; i < transactions_; ++i) {
        const auto found = seen.find(key(number, i));
        lost += found == seen.end() || found->second != value(number, i) ? 1 : 0;
      }
    }
    const int counted = count_of(seen.contains(counter) ? std::optional(seen[counter]) : std::nullopt);
    const int expected = (processes_ + 1) / 2 * transactions_;
    std::printf("%s: %d processes x %d transactions: %d records lost, counter %d of %d, %zu records\n",
                backend_.c_str(), processes_, transactions_, lost, counted, expected, seen.size());
    const Status sound = (*database)->consistent();
    return (sound || complain(sound.error().text())) && lost == 0 && counted == expected;
  }

  bool real_agrees() {
    const auto result = test::oracle::run("cyr_dbtool", store_, {path_.string(), backend_, "consistent"});
    return result.out == "Yes, consistent\n" || complain("the real cyr_dbtool: " + result.out + result.err);
  }

  test::TempStore store_;
  std::string backend_;
  db::Kind kind_;
  int processes_;
  int transactions_;
  fs::path path_;
};

}  // namespace

int main(int argc, char** argv) {
  test::keep_temporary_files_in_memory();
  if (const int skip = test::oracle::gate()) {
    return skip;
  }
  const auto processes = argc == 4 ? parse_number<int>(argv[2]) : std::optional<int>(4);
  const auto transactions = argc == 4 ? parse_number<int>(argv[3]) : std::optional<int>(40);
  if ((argc != 2 && argc != 4) || !db::kind_from_name(argv[1]) || !processes || !transactions) {
    std::fprintf(stderr, "usage: %s BACKEND [PROCESSES TRANSACTIONS]\n", argv[0]);
    return 64;
  }
  return Crowd(argv[1], *processes, *transactions).run() ? 0 : 1;
}
