// The actions of cyr_dbtool, apart from batch. Each gives the exit status.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/db/database.h"

namespace cyr::quotatool {

struct DbtoolArguments {
  fs::path file;
  std::string backend;
  std::string action;
  std::vector<std::string> words;  // KEY and VALUE, as given
  bool create = false;
  bool convert = false;
  bool one_transaction = false;
  bool mbox_order = false;
  bool hex = false;
  bool json = false;
  bool compat_exit = false;
};

// Statuses of what real Cyrus does not tell apart (it exits 0).
inline constexpr int status_absent = 1;       // get: no such key
inline constexpr int status_inconsistent = 1;

// Prints records as the options say: KEY TAB VALUE, hex, or JSON lines.
class RecordPrinter {
 public:
  explicit RecordPrinter(const DbtoolArguments& arguments) : hex_(arguments.hex), json_(arguments.json) {}
  void record(std::string_view key, std::string_view value) const;
  void value(std::string_view key, std::string_view value) const;

 private:
  void json(std::string_view key, std::string_view value) const;
  bool hex_;
  bool json_;
};

// Runs `arguments.action`; the database is opened as the action needs it, read-only for those that only look.
Result<int> run_dbtool(const DbtoolArguments& arguments, db::OpenOptions options);

// cyr_dbtool ... batch: commands on standard input (cyr_dbtool.8). 0, or 1 after the first command that failed.
Result<int> run_batch(db::Database& database);

}  // namespace cyr::quotatool
