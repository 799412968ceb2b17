// The sql backend: every Cyrus database a table of an SQL database (format/doc/sql.md).
#pragma once

#include <memory>

#include "format/db/database.h"

namespace cyr::db::sql {

// The table of the database that Cyrus opens by `path`: its last component, the last '.' of that turned into
// '_'.
[[nodiscard]] std::string table_name(const fs::path& path);

// Errc::not_found without `create` when there is no database, or it has no such table.
Result<std::unique_ptr<Database>> open_table(Io& io, const fs::path& path, const OpenOptions& options);

// Writes a whole table, for conversions. All or nothing: what was in the table before is gone, or with
// `keep_old` in one of the name NAME_old.
class TableWriter {
 public:
  static Result<TableWriter> begin(Io& io, const fs::path& path, const OpenOptions& options, bool keep_old);
  TableWriter(TableWriter&&) noexcept;
  TableWriter& operator=(TableWriter&&) = delete;
  ~TableWriter();  // without commit(): nothing happened

  [[nodiscard]] bool replaces() const { return replaces_; }        // the table was there and not empty
  [[nodiscard]] const std::string& kept() const { return kept_; }  // the name of the old table; empty: none
  Status add(std::string_view key, std::string_view value);        // no key twice
  Status commit();

 private:
  struct State;
  explicit TableWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  bool replaces_ = false;
  std::string kept_;
};

}  // namespace cyr::db::sql
