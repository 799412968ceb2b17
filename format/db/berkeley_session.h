// One transaction of the library in an environment. Every call into the library is made in a thread of its
// own and waited for only so long: the mutexes in the shared regions are held by programs, and one that a
// dead program holds is never let go, nor can a call that waits for it be taken back.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "format/db/database.h"

namespace cyr::db::berkeley {

class Session {
 public:
  struct Place {
    fs::path environment;  // absolute, as is `file`: the library works elsewhere
    fs::path file;
    Kind kind = Kind::berkeley;
    Order order = Order::raw;  // of a btree
    ::mode_t mode = 0600;
    std::chrono::milliseconds patience{};  // for one call; half of it may go to a lock in the database
  };

  explicit Session(Place place);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();  // ends the transaction without a commit

  // Joins the environment, or makes it; the database must be there, or is made with `create`.
  Status open(bool create);
  Status begin();

  // Errc::locked when a call does not come back, or a lock is not given; the session is of no use then.
  Result<std::optional<std::string>> get(std::string_view key);
  Status put(std::string_view key, std::string_view value);
  Status erase(std::string_view key);  // fine when absent
  // Every record from the first key not less than `from` on; of a hash all of them, in its own order.
  Status walk(std::string_view from, const Visitor& visit);

  Status commit(bool sync);
  Status abort();
  Status checkpoint();  // outside of a transaction
  Status close();       // the database's pages are written out

 private:
  class Thread;
  struct Handles;
  struct Answer;
  struct Cursor;
  // What `call` returns, which is 0 or a code of the library; `absent` counts as 0 for `step`.
  template <class Call>
  Result<int> run(const char* step, int absent, const Call& call);

  Place place_;
  std::unique_ptr<Thread> thread_;
  std::shared_ptr<Handles> handles_;  // shared with the thread, which may never come back
};

}  // namespace cyr::db::berkeley
