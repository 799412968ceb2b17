#include "quotatool/cyr_dbtool_actions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/db/convert.h"
#include "format/db/registry.h"
#include "quotatool/cyr_dbtool_printer.h"
#include "quotatool/database_program.h"

namespace cyr::quotatool {

namespace {

enum class Needs : std::uint8_t {
  file,  // the bytes as they are: works on what cannot be opened
  reading,
  writing,
};

struct Action {
  std::string_view name;
  Needs needs;
  std::size_t most_words;
  Result<int> (*run)(const ActionContext&);
};

// Adding an action is adding a row and its function (cyr_dbtool_actions.h says in which file).
constexpr std::array<Action, 14> actions = {{
    {"show", Needs::reading, 1, show_records},
    {"get", Needs::reading, 1, get_records},
    {"set", Needs::writing, 2, set_records},
    {"delete", Needs::writing, 1, delete_records},
    {"dump", Needs::reading, 1, dump_file},
    {"consistent", Needs::reading, 0, say_consistent},
    {"consistency", Needs::reading, 0, say_inconsistent},
    {"check", Needs::file, 0, check_database},
    {"stat", Needs::file, 0, show_stat},
    {"salvage", Needs::file, 0, salvage_database},
    {"diff", Needs::reading, 2, diff_databases},
    {"repack", Needs::writing, 0, repack_database},
    {"batch", Needs::writing, 0, run_batch},
    {"damage", Needs::writing, 0, damage_database},
}};

// A directory is no database file, but for a quota tree.
Status check_named(const DbtoolArguments& arguments, std::optional<db::Kind> declared) {
  const auto info = read_only_io().stat(arguments.file);
  if (!info || info->kind != FileKind::directory) {
    return success();
  }
  CYR_TRY(const auto found, db::detect(read_only_io(), arguments.file));
  if (found == db::Kind::quotalegacy && declared && *declared != db::Kind::quotalegacy) {
    return make_error(Errc::invalid, "is a directory, not a database file")
        .at(arguments.file)
        .with_hint("a tree of quota files is opened with quotalegacy");
  }
  return success();
}

// What the file is to be opened as: what it is, whatever was said, as Cyrus does; with -c it becomes what was
// said.
Result<db::Kind> settle_kind(const DbtoolArguments& arguments, const db::OpenOptions& options,
                             std::optional<db::Kind> declared) {
  CYR_CHECK(check_named(arguments, declared));
  if (declared == db::Kind::quotalegacy) {
    return *declared;
  }
  const auto info = posix_io().stat(arguments.file);
  if (!info) {
    return declared && arguments.create ? Result<db::Kind>(*declared) : info.error();
  }
  CYR_TRY(const auto found, db::detect(posix_io(), arguments.file));
  if (!declared && !found) {
    return make_error(Errc::corrupt, "is no database that this program knows")
        .at(arguments.file)
        .with_hint("name the backend: " + backend_list());
  }
  if (!found || !declared || *found == *declared) {
    return declared ? *declared : *found;
  }
  if (!arguments.convert) {
    cli::print_warning(dbtool_name, fmt::format("{} is a {} database, and is taken as one",
                                                arguments.file.string(), db::name_of(*found)));
    return *found;
  }
  db::ConvertOptions convert;
  convert.open = options;
  CYR_TRY(const auto converted,
          db::convert(posix_io(), arguments.file, *found, arguments.file, *declared, convert));
  (void)converted;
  return *declared;
}

Result<int> run_on_file(const Action& action, const DbtoolArguments& arguments,
                        const db::OpenOptions& options, std::optional<db::Kind> declared) {
  if (Status named = check_named(arguments, declared); !named) {
    return std::move(named).error();
  }
  return action.run({arguments, options, declared, nullptr});
}

Result<int> run_on_database(const Action& action, const DbtoolArguments& arguments,
                            const db::OpenOptions& options, std::optional<db::Kind> declared) {
  const bool writes = (action.needs == Needs::writing && !arguments.read_only) || arguments.create;
  if (declared && (writes || arguments.convert)) {
    CYR_CHECK(db::check_writable(*declared, arguments.file));
  }
  const auto kind = settle_kind(arguments, options, declared);
  Io& io = writes ? posix_io() : read_only_io();
  auto database = kind ? db::open(io, arguments.file, *kind, options) : kind.error();
  if (!database) {
    if (!arguments.compat_exit) {
      return std::move(database).error();
    }
    cli::print_error(dbtool_name, database.error());
    return cli::exit_temporary;
  }
  return action.run({arguments, options, *kind, database->get()});
}

// The same status whatever the action wanted of the file: 75 when there is none, as Cyrus has it (tools.md
// 1.2), 65 for damaged bytes, and so on.
Result<int> settle_status(Result<int> done) {
  if (!done && done.error().code == Errc::not_found) {
    cli::print_error(dbtool_name, done.error());
    return cli::exit_temporary;
  }
  return done;
}

}  // namespace

Result<int> run_dbtool(const DbtoolArguments& arguments, db::OpenOptions options) {
  const auto* const action = std::find_if(actions.begin(), actions.end(),
                                          [&](const Action& row) { return row.name == arguments.action; });
  if (action == actions.end()) {
    if (arguments.compat_exit) {
      print("Unknown action " + arguments.action + "\n");
      return cli::exit_ok;
    }
    return make_error(Errc::invalid, "Unknown action " + printable(arguments.action));
  }
  if (arguments.words.size() > action->most_words) {
    return make_error(Errc::invalid,
                      fmt::format("{} takes at most {} arguments", action->name, action->most_words));
  }
  options.create = arguments.create;
  if (arguments.mbox_order) {
    options.order = db::Order::mbox;
  }
  const auto declared = parse_backend(arguments.backend);
  if (!declared) {
    cli::print_error(dbtool_name, declared.error());
    return cli::exit_config;
  }
  return settle_status(action->needs == Needs::file
                           ? run_on_file(*action, arguments, options, *declared)
                           : run_on_database(*action, arguments, options, *declared));
}

}  // namespace cyr::quotatool
