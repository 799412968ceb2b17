// The actions of cyr_dbtool. The table of them is in cyr_dbtool_actions.cc; each stands in the file named
// beside it there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/cli/common.h"
#include "format/db/database.h"

namespace cyr::quotatool {

struct DbtoolArguments {
  fs::path file;
  std::string backend;
  std::string action;
  std::vector<std::string> words;  // what the action takes, as given
  bool create = false;
  bool convert = false;
  bool one_transaction = false;
  bool mbox_order = false;
  bool hex = false;
  bool base64 = false;
  bool json = false;
  bool compat_exit = false;
  bool read_only = false;
  // salvage
  std::string out;
  std::string to;
  std::string report;
  bool include_uncommitted = false;
  bool dry_run = false;
  bool really = false;  // damage
};

inline constexpr std::string_view dbtool_name = "cyr_dbtool";

// Statuses of what real Cyrus does not tell apart (it exits 0).
inline constexpr int status_absent = 1;  // get: no such key
inline constexpr int status_inconsistent = 1;
inline constexpr int status_different = 1;  // diff
inline constexpr int status_loss = 2;       // salvage: something is lost or doubtful
inline constexpr int status_damaged = 65;   // check, stat: damaged bytes were met

// What an action gets.
struct ActionContext {
  const DbtoolArguments& arguments;
  const db::OpenOptions& options;
  std::optional<db::Kind> kind;      // of an open database; else as declared, nothing for "auto"
  db::Database* database = nullptr;  // nothing for an action that works on the file as it is

  // `status` for the real program's 0.
  [[nodiscard]] int status(int status) const { return arguments.compat_exit ? cli::exit_ok : status; }
};

// cyr_dbtool_records.cc
Result<int> show_records(const ActionContext& in);
Result<int> get_records(const ActionContext& in);
Result<int> set_records(const ActionContext& in);
Result<int> delete_records(const ActionContext& in);
// cyr_dbtool_check.cc
Result<int> say_consistent(const ActionContext& in);
Result<int> say_inconsistent(const ActionContext& in);
Result<int> check_database(const ActionContext& in);
Result<int> show_stat(const ActionContext& in);
// cyr_dbtool_file.cc
Result<int> repack_database(const ActionContext& in);
Result<int> dump_file(const ActionContext& in);
Result<int> damage_database(const ActionContext& in);
// cyr_dbtool_salvage.cc
Result<int> salvage_database(const ActionContext& in);
// cyr_dbtool_diff.cc
Result<int> diff_databases(const ActionContext& in);
// cyr_dbtool_batch.cc: commands on standard input (cyr_dbtool.8). 0, or 1 after the first command that
// failed.
Result<int> run_batch(const ActionContext& in);

// Runs `arguments.action`; the database is opened as the action needs it, read-only for those that only look.
Result<int> run_dbtool(const DbtoolArguments& arguments, db::OpenOptions options);

}  // namespace cyr::quotatool
