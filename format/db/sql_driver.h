// The seam between the sql backend and a database engine: one connection class per engine, one table per
// Cyrus database (format/doc/sql.md). Built in: SQLite.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "format/db/database.h"

namespace cyr::db::sql {

using RowVisitor = std::function<Result<Visit>(std::string_view key, std::string_view value)>;

// Where a scan begins and ends in raw order.
struct RowRange {
  std::string from;       // empty: at the first row
  bool inclusive = true;  // false: strictly after `from`
  std::string prefix;     // only keys that begin so
};

// One table. A key may have several rows, which races of writers without locks left: the latest counts.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  virtual Status begin() = 0;  // waits for other writers; keeps them away until commit() or rollback()
  virtual Status commit() = 0;
  virtual Status rollback() = 0;

  virtual Result<std::optional<std::string>> find(std::string_view key) = 0;
  // Rows in raw order of their keys, no key twice. The state that is visited is that of the start.
  virtual Status scan(const RowRange& range, const RowVisitor& visit) = 0;
  virtual Result<std::uint64_t> count() = 0;  // of rows
  virtual Status store(std::string_view key,
                       std::string_view value) = 0;  // all rows of the key, or a new one
  virtual Status append(std::string_view key,
                        std::string_view value) = 0;  // a new row, without looking for others
  virtual Status erase(std::string_view key) = 0;     // all rows of the key
  // Inside of a transaction: an empty table. `keep`: the old one gets another name, which is returned (the
  // first of NAME_old, NAME_old_1 ... that is free).
  virtual Result<std::string> set_aside(bool keep) = 0;
  // The engine's own check, and that no key has two rows.
  virtual Status check() = 0;
};

// Errc::not_found without `options.create` when there is no database or no table; Errc::unsupported for an
// engine that is not built in.
Result<std::unique_ptr<Connection>> connect(Io& io, const fs::path& path, const OpenOptions& options);
Result<std::unique_ptr<Connection>> connect_sqlite(Io& io, const fs::path& path, const OpenOptions& options);

}  // namespace cyr::db::sql
