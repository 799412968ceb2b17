// A random workload on a database, mirrored in a std::map.
#pragma once

#include <map>
#include <random>
#include <string>

#include "format/db/order.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"

namespace cyr::test {

using Records = std::vector<std::pair<std::string, std::string>>;

inline Records records_of(db::Database& database, std::string_view prefix = "") {
  Records out;
  REQUIRE_OK(
      database.for_each(prefix, [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
        out.emplace_back(key, value);
        return db::Visit::go_on;
      }));
  return out;
}

class Workload {
 public:
  using Model = std::map<std::string, std::string, std::function<bool(std::string_view, std::string_view)>>;

  struct Shape {
    std::optional<db::Order> order = {};  // nothing: the backend's own
    unsigned largest = 20000;             // bytes of a value
    unsigned listings = 1;                // every n-th transaction is listed before it ends
  };

  Workload(Io& io, fs::path path, db::Kind kind, unsigned seed)
      : Workload(io, std::move(path), kind, seed, Shape()) {}
  Workload(Io& io, fs::path path, db::Kind kind, unsigned seed, const Shape& shape)
      : io_(io),
        path_(std::move(path)),
        kind_(kind),
        shape_(shape),
        order_(shape.order ? db::KeyOrder(*shape.order) : order_of(kind)),
        random_(seed),
        model_(less()) {
    reopen();
  }

  void step() {
    const unsigned dice = roll(100);
    if (dice < 60) {
      change_one();
    } else if (dice < 90) {
      transaction();
    } else if (dice < 94) {
      reopen();
    } else if (dice < 96) {
      REQUIRE_OK(database_->repack());
    } else {
      compare_prefix();
    }
  }

  void compare_all() {
    REQUIRE_OK(database_->consistent());
    const Records expected(model_.begin(), model_.end());
    REQUIRE(records_of(*database_) == expected);
  }

  void compare_lookups(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      const std::string key = make_key();
      INFO("key of " << key.size() << " bytes");
      const auto value = database_->get(key);
      REQUIRE_OK(value);
      const auto expected = model_.find(key);
      REQUIRE(value->has_value() == (expected != model_.end()));
      REQUIRE((!*value || **value == expected->second));
      const auto next = database_->next(key);
      REQUIRE_OK(next);
      const auto after = model_.upper_bound(key);
      REQUIRE(next->has_value() == (after != model_.end()));
      REQUIRE((!*next || (*next)->first == after->first));
    }
  }

  void reopen() {
    database_.reset();
    auto opened = db::open(io_, path_, kind_, {.create = true, .order = shape_.order});
    REQUIRE_OK(opened);
    database_ = std::move(*opened);
  }

 private:
  static db::KeyOrder order_of(db::Kind kind) {
    switch (kind) {
      case db::Kind::flat:
        return db::KeyOrder(db::Order::flat);
      case db::Kind::skiplist:
        return db::KeyOrder(db::Order::signed_char);
      default:
        return db::KeyOrder(db::Order::raw);
    }
  }
  std::function<bool(std::string_view, std::string_view)> less() {
    return [order = order_](std::string_view a, std::string_view b) { return order.less(a, b); };
  }
  unsigned roll(unsigned below) { return static_cast<unsigned>(random_() % below); }

  // Few enough keys that many are met again; all bytes, but for quotalegacy, whose keys are file names.
  std::string make_key() {
    if (kind_ == db::Kind::quotalegacy) {
      return (roll(2) == 0 ? "user." : "shared.x ") + std::string(1, static_cast<char>('a' + roll(26))) +
             std::to_string(roll(12));
    }
    std::string key(1 + roll(3), '\0');
    for (char& c : key) {
      constexpr std::string_view odd{"\0\t\n\r\xff.a~ \x80", 10};
      c = roll(2) == 0 ? odd[roll(10)] : static_cast<char>('a' + roll(6));
      if (c == '\n' && shape_.order == db::Order::mbox) {
        c = '\t';  // equal to it there: which of two spellings of one key stays is nobody's promise
      }
    }
    // Long keys are few, so that they are met again, and the file does not grow with the number of
    // operations.
    constexpr unsigned long_keys[] = {300, 5000, 20000, 70000};
    return roll(50) == 0 ? key.substr(0, 1) + std::string(long_keys[roll(4)], 'k') : key;
  }
  std::string make_value() {
    if (kind_ == db::Kind::quotalegacy) {
      return roll(2) == 0 ? std::to_string(roll(1000)) + " " + std::to_string(roll(1000))
                          : "%(S (" + std::to_string(roll(100000)) + " 1024) M (0))";
    }
    const bool largest = shape_.largest > 20000 && roll(4000) == 0;
    std::string value(largest ? shape_.largest : roll(30) == 0 ? roll(20000) : roll(40), '\0');
    for (char& c : value) {
      c = static_cast<char>(roll(256));
    }
    return value;
  }

  void change_one() {
    const std::string key = make_key();
    if (roll(3) == 0) {
      REQUIRE_OK(database_->erase(key));
      set(key, std::nullopt);
    } else {
      const std::string value = make_value();
      REQUIRE_OK(database_->put(key, value));
      set(key, value);
    }
  }

  // Changes the model, and remembers how it was.
  using Undo = std::vector<std::pair<std::string, std::optional<std::string>>>;
  void note(Undo& undo, const std::string& key, const std::optional<std::string>& value) {
    const auto found = model_.find(key);
    undo.emplace_back(found == model_.end() ? key : found->first,
                      found == model_.end() ? std::nullopt : std::optional(found->second));
    set(key, value);
  }
  void set(const std::string& key, const std::optional<std::string>& value) {
    model_.erase(key);  // in mbox order it may be another key, which is equal to this one
    if (value) {
      model_.emplace(key, *value);
    }
  }

  void transaction() {
    Undo undo;
    auto transaction = database_->begin();
    REQUIRE_OK(transaction);
    for (unsigned i = roll(12); i > 0; --i) {
      const std::string key = make_key();
      if (roll(3) == 0) {
        REQUIRE_OK((*transaction)->erase(key));
        note(undo, key, std::nullopt);
      } else {
        const std::string value = make_value();
        REQUIRE_OK((*transaction)->put(key, value));
        note(undo, key, value);
      }
      const auto there = (*transaction)->get(key);
      REQUIRE_OK(there);
      REQUIRE(there->has_value() == model_.contains(key));
    }
    if (++transactions_ % shape_.listings == 0) {
      const Records seen = records_of(*database_);  // reads through the Database see the transaction
      REQUIRE(seen == Records(model_.begin(), model_.end()));
    }
    switch (roll(3)) {
      case 0:
        REQUIRE_OK((*transaction)->abort());
        break;
      case 1:
        transaction->reset();  // the same, by forgetting it
        break;
      default:
        REQUIRE_OK((*transaction)->commit());
        return;
    }
    for (auto step = undo.rbegin(); step != undo.rend(); ++step) {
      set(step->first, step->second);
    }
  }

  void compare_prefix() {
    const std::string prefix = make_key().substr(0, 1 + roll(2));
    Records expected;
    for (const auto& [key, value] : model_) {
      if (key.starts_with(prefix)) {
        expected.emplace_back(key, value);
      }
    }
    REQUIRE(records_of(*database_, prefix) == expected);
  }

  Io& io_;
  fs::path path_;
  db::Kind kind_;
  Shape shape_;
  db::KeyOrder order_;
  std::mt19937 random_;
  Model model_;
  unsigned transactions_ = 0;
  std::unique_ptr<db::Database> database_;
};

}  // namespace cyr::test
