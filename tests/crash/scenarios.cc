#include "tests/crash/scenarios.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "format/base/text.h"
#include "format/db/convert.h"

namespace cyr::test {

namespace {

void must(const Status& status) {
  if (!status) {
    std::fprintf(stderr, "cannot prepare: %s\n", status.error().text().c_str());
    std::exit(2);
  }
}

// A database with a past: replaced and deleted records, several transactions.
void lived_in(Subject& subject) {
  for (int i = 0; i < 10; ++i) {
    must(subject.change({{.key = i * 2, .size = 20 + 10 * static_cast<std::size_t>(i)}}));
  }
  must(subject.change(
      {{.key = 4, .size = 90}, {.key = 8}, {.key = 12, .size = 5}, {.key = 12}, {.key = 14, .size = 0}}));
  must(subject.change({{.key = 16}}));
}
void nothing(Subject&) {}
void dead_writer(Subject& subject) {
  lived_in(subject);
  subject.die_in({{.key = 1, .size = 40}, {.key = 2}, {.key = 6, .size = 700}, {.key = 31, .size = 10}});
}

Status create(Subject& subject) {
  CYR_CHECK(subject.change({{.key = 1, .size = 10}}));
  return subject.change({{.key = 2, .size = 600}});
}
Status store(Subject& subject) { return subject.change({{.key = 7, .size = 50}}); }
Status replace(Subject& subject) { return subject.change({{.key = 6, .size = 70}}); }
Status erase(Subject& subject) {
  CYR_CHECK(subject.change({{.key = 0}}));
  return subject.change({{.key = 18}});
}
Status transaction(Subject& subject) {
  CYR_CHECK(subject.change(
      {{.key = 1, .size = 30}, {.key = 2}, {.key = 3, .size = 40}, {.key = 4, .size = 0}, {.key = 1}}));
  return subject.change({{.key = 5, .size = 700}, {.key = 6}, {.key = 0, .size = 9}, {.key = 6, .size = 12}});
}
// So many that quota roots are synced together.
Status many(Subject& subject) {
  return subject.change({{.key = 0, .size = 5},
                         {.key = 1, .size = 6},
                         {.key = 2},
                         {.key = 3, .size = 7},
                         {.key = 10, .size = 8},
                         {.key = 11, .size = 9},
                         {.key = 12, .size = 10},
                         {.key = 13, .size = 11},
                         {.key = 14, .size = 12}});
}
Status large(Subject& subject) {
  return subject.change({{.key = 5, .size = 600}, {.key = 9, .size = 9000}, {.key = 2, .size = 4096}});
}
Status aborted(Subject& subject) {
  CYR_CHECK(subject.abort({{.key = 3, .size = 30}, {.key = 2}, {.key = 6, .size = 800}}));
  return subject.change({{.key = 3, .size = 20}, {.key = 6}});
}
Status checkpoint(Subject& subject) {
  for (int i = 0; i < 6; ++i) {
    CYR_CHECK(subject.change({{.key = 2 + i % 3, .size = 3000}}));
    subject.close();  // twoskip and twom put it off until then
  }
  return success();
}
Status repack(Subject& subject) {
  CYR_CHECK(subject.repack());
  return subject.change({{.key = 6, .size = 70}});
}
Status convert(Subject& subject) { return subject.convert(); }

std::string describe(const Content& content) {
  std::string out;
  for (const auto& [key, value] : content) {
    out +=
        fmt::format(" {}={}", key, value.size() > 12 ? fmt::format("[{}]", value.size()) : printable(value));
  }
  return out;
}

class Verifier {
 public:
  Verifier(Io& io, const fs::path& path, db::Kind kind, const std::vector<Content>& allowed)
      : io_(io), path_(path), kind_(kind), allowed_(allowed) {}

  std::string run(bool may_be_absent) {
    if (const auto found = db::detect(io_, path_); found && *found && kind_ != db::Kind::quotalegacy) {
      kind_ = **found;  // a conversion that is done
    }
    auto opened = db::open(io_, path_, kind_, {.create = false});
    if (!opened) {
      const bool absent = opened.error().code == Errc::not_found;
      return absent && may_be_absent ? write(Content()) : "does not open: " + opened.error().text();
    }
    const auto content = read(**opened);
    if (!content) {
      return "reading: " + content.error().text();
    }
    if (!is_allowed(*content)) {
      return "content is none that was promised:" + describe(*content);
    }
    if (const std::string wrong = look_up(**opened, *content); !wrong.empty()) {
      return wrong;
    }
    // A dead writer's tail may be called so, and nothing else may be found.
    if (const Status sound = (*opened)->consistent();
        !sound && sound.error().what.find("writer died") == std::string::npos &&
        sound.error().hint.find("committed is intact") == std::string::npos) {
      return "consistent: " + sound.error().text();
    }
    opened->reset();
    return write(*content);
  }

 private:
  static Result<Content> read(db::Database& database) {
    Content out;
    CYR_CHECK(database.for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
      if (!out.emplace(key, value).second) {
        return make_error(Errc::corrupt, "a key comes twice");
      }
      return db::Visit::go_on;
    }));
    return out;
  }

  [[nodiscard]] bool is_allowed(const Content& content) const {
    if (kind_ != db::Kind::quotalegacy) {
      return std::find(allowed_.begin(), allowed_.end(), content) != allowed_.end();
    }
    const auto at = [](const Content& in, const std::string& key) {
      const auto found = in.find(key);
      return found == in.end() ? std::optional<std::string>() : std::optional(found->second);
    };
    Content keys = content;
    for (const Content& one : allowed_) {
      keys.insert(one.begin(), one.end());
    }
    return std::all_of(keys.begin(), keys.end(), [&](const auto& record) {
      return std::any_of(allowed_.begin(), allowed_.end(), [&](const Content& one) {
        return at(one, record.first) == at(content, record.first);
      });
    });
  }

  // Searching takes other ways through the file than listing.
  std::string look_up(db::Database& database, const Content& content) const {
    Content keys = content;
    for (const Content& one : allowed_) {
      keys.insert(one.begin(), one.end());
    }
    for (const auto& [key, value] : keys) {
      const auto found = database.get(key);
      if (!found) {
        return "looking up " + key + ": " + found.error().text();
      }
      const auto expected = content.find(key);
      if (*found !=
          (expected == content.end() ? std::optional<std::string>() : std::optional(expected->second))) {
        return "looking up " + key + " gives another record than the listing";
      }
    }
    return {};
  }

  std::string write(Content content) {
    auto opened = db::open(io_, path_, kind_, {.create = true});
    if (!opened) {
      return "does not open for writing: " + opened.error().text();
    }
    const std::string probe = "user.zz";
    const std::string value = "%(S (7 7))";
    if (const Status put = (*opened)->put(probe, value); !put) {
      return "next write: " + put.error().text();
    }
    content[probe] = value;
    opened = db::open(io_, path_, kind_);
    if (!opened) {
      return "does not open after the next write: " + opened.error().text();
    }
    const auto after = read(**opened);
    if (!after) {
      return "reading after the next write: " + after.error().text();
    }
    if (*after != content) {
      return "content changes with the next write:" + describe(*after);
    }
    const Status sound = (*opened)->consistent();
    return sound ? std::string() : "consistent after the next write: " + sound.error().text();
  }

  Io& io_;
  const fs::path& path_;
  db::Kind kind_;
  const std::vector<Content>& allowed_;
};

}  // namespace

Subject::Subject(Io& io, const fs::path& top, db::Kind kind)
    : io_(&io), path_(top / (kind == db::Kind::quotalegacy ? "quota" : "test.db")), kind_(kind) {}

void Subject::use(Io& io) {
  database_.reset();
  io_ = &io;
}

Result<db::Database*> Subject::database() {
  if (!database_) {
    CYR_TRY(database_, db::open(*io_, path_, kind_, {.create = true}));
  }
  return database_.get();
}

std::string Subject::key(int number) const { return fmt::format("user.{}{:02}", "abc"[number % 3], number); }

std::string Subject::value(std::size_t size) {
  ++values_;
  if (kind_ == db::Kind::quotalegacy) {
    return fmt::format("%(S ({} {}))", values_, size);
  }
  std::string out(size, static_cast<char>('a' + values_ % 26));
  const std::string number = std::to_string(values_);
  out.replace(0, std::min(number.size(), size), number.substr(0, std::min(number.size(), size)));
  return out;
}

Status Subject::make(db::Transaction& transaction, const std::vector<Change>& changes, Content& content) {
  for (const Change& change : changes) {
    if (change.size) {
      content[key(change.key)] = value(*change.size);
      CYR_CHECK(transaction.put(key(change.key), content[key(change.key)]));
    } else {
      content.erase(key(change.key));
      CYR_CHECK(transaction.erase(key(change.key)));
    }
  }
  return success();
}

Status Subject::change(const std::vector<Change>& changes) {
  CYR_TRY(db::Database* const opened, database());
  CYR_TRY(const auto transaction, opened->begin());
  // The values are known before anything happens, so that a crash anywhere can be judged.
  Content next = content_;
  const int values = values_;
  for (const Change& change : changes) {
    if (change.size) {
      next[key(change.key)] = value(*change.size);
    } else {
      next.erase(key(change.key));
    }
  }
  values_ = values;
  observer_.starting(next);
  Content made = content_;
  CYR_CHECK(make(*transaction, changes, made));
  CYR_CHECK(transaction->commit());
  content_ = next;
  observer_.promised();
  return success();
}

Status Subject::abort(const std::vector<Change>& changes) {
  CYR_TRY(db::Database* const opened, database());
  CYR_TRY(const auto transaction, opened->begin());
  Content lost = content_;
  CYR_CHECK(make(*transaction, changes, lost));
  return transaction->abort();
}

Status Subject::repack() {
  CYR_TRY(db::Database* const opened, database());
  return opened->repack();
}

Status Subject::convert() {
  database_.reset();
  const db::Kind to = kind_ == db::Kind::twoskip ? db::Kind::skiplist : db::Kind::twoskip;
  CYR_CHECK(db::convert(*io_, path_, kind_, path_, to));
  return success();
}

void Subject::die_in(const std::vector<Change>& changes) {
  database_.reset();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto opened = database();
    auto transaction = (*opened)->begin();
    Content lost;
    const bool made = transaction && make(**transaction, changes, lost);
    ::_exit(made ? 0 : 1);
  }
  int status = 1;
  ::waitpid(child, &status, 0);
  if (status != 0) {
    must(make_error(Errc::io, "the process that should die did so too early"));
  }
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> rows = {
      {"create", nothing, create},
      {"store", lived_in, store},
      {"replace", lived_in, replace},
      {"delete", lived_in, erase},
      {"transaction", lived_in, transaction},
      {"large values", lived_in, large},
      {"many records", lived_in, many},
      {"abort", lived_in, aborted},
      {"checkpoint", lived_in, checkpoint},
      {"repack", lived_in, repack, true},
      {"after a dead writer", dead_writer, transaction},
      {"convert in place", lived_in, convert, true},
  };
  return rows;
}

std::string verify(Io& io, const fs::path& path, db::Kind kind, const std::vector<Content>& allowed,
                   bool may_be_absent) {
  return Verifier(io, path, kind, allowed).run(may_be_absent);
}

}  // namespace cyr::test
