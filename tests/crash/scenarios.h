// What is done to a database while the power fails or the disk does: one row per operation and backend.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/db/database.h"

namespace cyr::test {

using Content = std::map<std::string, std::string>;

// A database under test. Every transaction is told to `observer` before it is made and after it was promised.
class Subject {
 public:
  struct Observer {
    std::function<void(const Content& next)> starting = [](const Content&) {};
    std::function<void()> promised = [] {};
  };

  Subject(Io& io, const fs::path& top, db::Kind kind);

  [[nodiscard]] db::Kind kind() const { return kind_; }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] const Content& content() const { return content_; }  // what was promised last
  void set_content(Content content) { content_ = std::move(content); }
  void watch(Observer observer) { observer_ = std::move(observer); }
  void use(Io& io);  // from now on; the database is opened anew when it is needed
  [[nodiscard]] bool plain_file() const { return kind_ != db::Kind::quotalegacy; }

  struct Change {
    int key = 0;
    std::optional<std::size_t> size = {};  // of the value; nothing: the record is deleted
  };
  Status change(const std::vector<Change>& changes);
  Status abort(const std::vector<Change>& changes);
  void close() { database_.reset(); }
  Status repack();
  Status convert();
  // Another process begins a transaction and dies in it.
  void die_in(const std::vector<Change>& changes);

 private:
  Result<db::Database*> database();
  Status make(db::Transaction& transaction, const std::vector<Change>& changes, Content& content);
  [[nodiscard]] std::string key(int number) const;
  [[nodiscard]] std::string value(std::size_t size);

  Io* io_;
  fs::path path_;
  db::Kind kind_;
  std::unique_ptr<db::Database> database_;
  Content content_;
  Observer observer_;
  int values_ = 0;
};

struct Scenario {
  const char* name;
  void (*prepare)(Subject& subject);
  Status (*run)(Subject& subject);
  bool files_only = false;  // makes no sense on a quota tree
};
[[nodiscard]] const std::vector<Scenario>& scenarios();

// Whether the database at `path` is one of `allowed` (each record that of one of them, for a quota tree,
// whose files are replaced one by one), before and after the next writer mended it. Empty when it is, else
// what is wrong. `may_be_absent`: so is no database at all.
[[nodiscard]] std::string verify(Io& io, const fs::path& path, db::Kind kind,
                                 const std::vector<Content>& allowed, bool may_be_absent);

}  // namespace cyr::test
