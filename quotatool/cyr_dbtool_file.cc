// cyr_dbtool repack, dump, damage: the file rather than its records.
#include <fmt/format.h>
#include <unistd.h>

#include "format/base/file.h"
#include "format/base/text.h"
#include "format/db/registry.h"
#include "quotatool/cyr_dbtool_printer.h"

namespace cyr::quotatool {

Result<int> repack_database(const ActionContext& in) {
  const Status done = in.database->repack();
  if (!done) {
    print("Failed to repack\n");
    cli::print_error(dbtool_name, done.error());
  }
  return done ? cli::exit_ok : in.status(cli::exit_failed);
}

Result<int> dump_file(const ActionContext& in) {
  const db::Backend& backend = db::backend_of(*in.kind);
  if (backend.dump == nullptr) {
    cli::print_error(dbtool_name, make_error(Errc::unsupported, fmt::format("{} has no dump", backend.name))
                                      .at(in.arguments.file)
                                      .with_hint("show lists its records"));
    return cli::exit_unavailable;
  }
  if (!in.arguments.words.empty() && !parse_number<std::uint32_t>(in.arguments.words[0])) {
    return make_error(Errc::invalid, "dump level \"" + printable(in.arguments.words[0]) + "\" is no number");
  }
  const auto level = in.arguments.words.empty() ? 0 : *parse_number<std::uint32_t>(in.arguments.words[0]);
  CYR_TRY(const File file, open_locked(read_only_io(), in.arguments.file, LockMode::shared));
  CYR_TRY(const FileBytes bytes, file.map());
  Status done = backend.dump({bytes.bytes(), in.arguments.file, level}, [](std::string_view text) -> Status {
    print(text);
    return success();
  });
  if (!done) {
    return std::move(done.error()).at(in.arguments.file);
  }
  return cli::exit_ok;
}

// What the real program does: half a transaction, and then nobody who ends it.
Result<int> damage_database(const ActionContext& in) {
  if (!in.arguments.really) {
    return make_error(Errc::invalid, "damage leaves half a transaction in the database, as a crash would")
        .at(in.arguments.file)
        .with_hint("for tests only; --really does it");
  }
  CYR_TRY(const auto transaction, in.database->begin());
  CYR_CHECK(transaction->put("INVALID", "CRASHME"));
  ::_exit(cli::exit_software);  // as the real program ends; no destructor may abort the transaction
}

}  // namespace cyr::quotatool
