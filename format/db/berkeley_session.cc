#include "format/db/berkeley_session.h"

#include <fmt/format.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "format/db/berkeley_library.h"
#include "format/db/berkeley_thang.h"
#include "format/db/order.h"

namespace cyr::db::berkeley {

namespace {

Status status(const Result<int>& done) { return done ? success() : Status(done.error()); }

int compare_mbox(DB* /*db*/, const DBT* a, const DBT* b) {
  static const KeyOrder order(Order::mbox);
  return order.compare(text_of(*a), text_of(*b));
}

}  // namespace

// Runs calls one after another.
class Session::Thread {
 public:
  explicit Thread(std::chrono::milliseconds patience)
      : queue_(std::make_shared<Queue>()),
        patience_(patience),
        thread_([queue = queue_] { queue->serve(); }) {}
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() {
    if (lost_) {
      thread_.detach();
      return;
    }
    queue_->give({});
    thread_.join();
  }

  // What `call` returns. Nothing when it is late; it may go on for ever then, with what it owns, and there
  // are no further calls.
  std::optional<int> run(std::function<int()> call) {
    if (lost_) {
      return {};
    }
    std::packaged_task<int()> task(std::move(call));
    std::future<int> result = task.get_future();
    queue_->give(std::move(task));
    lost_ = result.wait_for(patience_) != std::future_status::ready;
    return lost_ ? std::nullopt : std::optional(result.get());
  }
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  class Queue {
   public:
    void give(std::packaged_task<int()> task) {
      {
        const std::lock_guard lock(mutex_);
        task_ = std::move(task);
        full_ = true;
      }
      given_.notify_one();
    }
    void serve() {
      for (auto task = take(); task.valid(); task = take()) {
        task();
      }
    }

   private:
    std::packaged_task<int()> take() {
      std::unique_lock lock(mutex_);
      given_.wait(lock, [this] { return full_; });
      full_ = false;
      return std::move(task_);
    }
    std::mutex mutex_;
    std::condition_variable given_;
    std::packaged_task<int()> task_;  // none: the end
    bool full_ = false;
  };

  std::shared_ptr<Queue> queue_;
  std::chrono::milliseconds patience_;
  bool lost_ = false;
  std::thread thread_;  // after queue_, which it uses
};

struct Session::Handles {
  std::unique_ptr<DB_ENV, CloseHandle<DB_ENV>> env;
  std::unique_ptr<DB, CloseHandle<DB>> db;  // after env: goes first
  DB_TXN* txn = nullptr;

  int open_environment(const Place& place) {
    DB_ENV* raw = nullptr;
    if (const int code = ::db_env_create(&raw, 0)) {
      return code;
    }
    env.reset(raw);
    silence(raw);
    const auto wait = static_cast<db_timeout_t>(std::chrono::microseconds(place.patience).count() / 2);
    if (const int code = raw->set_lk_detect(raw, DB_LOCK_DEFAULT)) {
      return code;
    }
    if (const int code = raw->set_timeout(raw, wait, DB_SET_LOCK_TIMEOUT)) {
      return code;
    }
    return raw->open(raw, place.environment.c_str(), subsystems | DB_CREATE, static_cast<int>(place.mode));
  }
  int open_database(const Place& place, bool create) {
    DB* raw = nullptr;
    if (const int code = ::db_create(&raw, env.get(), 0)) {
      return code;
    }
    db.reset(raw);
    if (place.order == Order::mbox && place.kind == Kind::berkeley) {
      if (const int code = raw->set_bt_compare(raw, compare_mbox)) {
        return code;
      }
    }
    const DBTYPE type = place.kind == Kind::berkeley ? DB_BTREE : DB_HASH;
    return raw->open(raw, nullptr, place.file.c_str(), nullptr, type,
                     DB_AUTO_COMMIT | (create ? DB_CREATE : 0U), static_cast<int>(place.mode));
  }
};

struct Session::Answer {
  Answer() = default;
  explicit Answer(std::string_view from) : key(from) {}
  Taken key;
  Taken value;
};

// Closed in the thread that works with it, unless that is lost.
struct Session::Cursor {
  DBC* handle = nullptr;
};

Session::Session(Place place)
    : place_(std::move(place)),
      thread_(std::make_unique<Thread>(place_.patience)),
      handles_(std::make_shared<Handles>()) {}

Session::~Session() {
  (void)abort();
  (void)close();
}

// `call` gets the handles, and must own everything else that it uses.
template <class Call>
Result<int> Session::run(const char* step, int absent, const Call& call) {
  const auto code = thread_->run([handles = handles_, call] { return call(*handles); });
  if (!code) {
    return make_error(Errc::locked,
                      fmt::format("Berkeley DB, {}: no answer for {} seconds; a program that died seems to "
                                  "hold a lock in the environment {}",
                                  step, std::chrono::duration<double>(place_.patience).count(),
                                  place_.environment.string()))
        .at(place_.file)
        .with_hint(
            "reading and cvt_cyrusdb still work, on a copy; to write here, stop every program that uses "
            "the environment and recover it, which forgets what only its cache holds");
  }
  if (*code != 0 && *code != absent) {
    return library_error(*code, step, place_.file);
  }
  return *code;
}

Status Session::open(bool create) {
  CYR_CHECK(status(run("open the environment", 0,
                       [place = place_](Handles& handles) { return handles.open_environment(place); })));
  return status(run("open", 0, [place = place_, create](Handles& handles) {
    return handles.open_database(place, create);
  }));
}

Status Session::begin() {
  return status(run("begin", 0, [](Handles& handles) {
    return handles.env->txn_begin(handles.env.get(), nullptr, &handles.txn, 0);
  }));
}

Result<std::optional<std::string>> Session::get(std::string_view key) {
  const auto answer = std::make_shared<Answer>();
  CYR_TRY(const int code, run("get", DB_NOTFOUND, [answer, key = std::string(key)](Handles& handles) {
            DBT wanted = thang(key);
            return handles.db->get(handles.db.get(), handles.txn, &wanted, answer->value.get(), 0);
          }));
  return code == 0 ? std::optional(std::string(answer->value.text())) : std::nullopt;
}

Status Session::put(std::string_view key, std::string_view value) {
  return status(run("put", 0, [key = std::string(key), value = std::string(value)](Handles& handles) {
    DBT key_thang = thang(key);
    DBT value_thang = thang(value);
    return handles.db->put(handles.db.get(), handles.txn, &key_thang, &value_thang, 0);
  }));
}

Status Session::erase(std::string_view key) {
  return status(run("delete", DB_NOTFOUND, [key = std::string(key)](Handles& handles) {
    DBT wanted = thang(key);
    return handles.db->del(handles.db.get(), handles.txn, &wanted, 0);
  }));
}

Status Session::walk(std::string_view from, const Visitor& visit) {
  const auto cursor = std::make_shared<Cursor>();
  const auto answer = std::make_shared<Answer>(from);
  CYR_CHECK(status(run("read", 0, [cursor](Handles& handles) {
    return handles.db->cursor(handles.db.get(), handles.txn, &cursor->handle, 0);
  })));
  const auto step = [&](u_int32_t where) {
    return run("read", DB_NOTFOUND, [cursor, answer, where](Handles&) {
      return cursor->handle->get(cursor->handle, answer->key.get(), answer->value.get(), where);
    });
  };
  const auto visit_all = [&]() -> Status {
    const bool seek = place_.kind == Kind::berkeley && !from.empty();
    for (u_int32_t where = seek ? DB_SET_RANGE : DB_FIRST;; where = DB_NEXT) {
      CYR_TRY(const int code, step(where));
      if (code != 0) {
        return success();
      }
      CYR_TRY(const Visit go, visit(std::string(answer->key.text()), std::string(answer->value.text())));
      if (go == Visit::stop) {
        return success();
      }
    }
  };
  Status done = visit_all();
  const Status closed =
      status(run("read", 0, [cursor](Handles&) { return cursor->handle->close(cursor->handle); }));
  return done ? closed : done;
}

Status Session::commit(bool sync) {
  return status(run("commit", 0, [how = sync ? DB_TXN_SYNC : DB_TXN_NOSYNC](Handles& handles) {
    DB_TXN* const txn = std::exchange(handles.txn, nullptr);
    return txn->commit(txn, static_cast<u_int32_t>(how));
  }));
}

Status Session::abort() {
  return status(run("abort", 0, [](Handles& handles) {
    DB_TXN* const txn = std::exchange(handles.txn, nullptr);
    return txn == nullptr ? 0 : txn->abort(txn);
  }));
}

Status Session::checkpoint() {
  return status(run("checkpoint", 0, [](Handles& handles) {
    return handles.env->txn_checkpoint(handles.env.get(), 0, 0, DB_FORCE);
  }));
}

Status Session::close() {
  return status(run("close", 0, [](Handles& handles) {
    handles.db.reset();
    handles.env.reset();
    return 0;
  }));
}

}  // namespace cyr::db::berkeley
