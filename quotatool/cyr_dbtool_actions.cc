#include "quotatool/cyr_dbtool_actions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <cstdio>
#include <functional>

#include "format/base/digest.h"
#include "format/base/file.h"
#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/cli/printer.h"
#include "format/db/convert.h"
#include "format/db/order.h"
#include "format/db/registry.h"
#include "quotatool/database_program.h"

namespace cyr::quotatool {

namespace {

constexpr std::string_view program = "cyr_dbtool";

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

bool is_utf8(std::string_view text) {
  // printable() shows every byte that is not UTF-8 as \xNN; text without control characters passes unchanged.
  std::string without_controls(text);
  for (char& c : without_controls) {
    c = static_cast<unsigned char>(c) < 0x20 || c == '\x7f' || c == '\\' ? ' ' : c;
  }
  return printable(without_controls) == without_controls;
}

// Lines of standard input until an empty line or the end.
class InputLines {
 public:
  std::optional<std::string> next() {
    std::string line;
    for (int c = std::getc(stdin); c != EOF; c = std::getc(stdin)) {
      if (c == '\n') {
        return line.empty() ? std::nullopt : std::optional(line);
      }
      line += static_cast<char>(c);
    }
    return line.empty() ? std::nullopt : std::optional(line);
  }
};

struct Pair {
  std::string key;
  std::optional<std::string> value;
};

Result<std::string> from_argument(std::string_view text, bool hex) {
  if (!hex) {
    return std::string(text);
  }
  const auto bytes = from_hex(text);
  if (!bytes) {
    return make_error(Errc::invalid, "\"" + printable(text) + "\" is not hex").with_hint("--hex holds for input too");
  }
  return std::string(as_text(*bytes));
}

Result<Pair> parse_pair(std::string_view key, std::optional<std::string_view> value, bool hex) {
  Pair pair;
  CYR_TRY(pair.key, from_argument(key, hex));
  if (value) {
    CYR_TRY(pair.value, from_argument(*value, hex));
  }
  return pair;
}

// The keys (and values) of get, set and delete: from the command line, else from standard input.
Status for_each_pair(const DbtoolArguments& arguments, const std::function<Status(const Pair&)>& visit) {
  if (!arguments.words.empty()) {
    std::optional<std::string_view> value;
    if (arguments.words.size() > 1) {
      value = arguments.words[1];
    }
    CYR_TRY(const Pair pair, parse_pair(arguments.words[0], value, arguments.hex));
    return visit(pair);
  }
  InputLines lines;
  while (const auto line = lines.next()) {
    const std::string_view text = *line;
    const std::size_t tab = text.find('\t');
    const std::string_view value = tab == std::string_view::npos ? "" : text.substr(tab + 1);
    CYR_TRY(const Pair pair, parse_pair(text.substr(0, tab), value, arguments.hex));
    CYR_CHECK(visit(pair));
  }
  return success();
}

// ---- actions ----

struct Context {
  const DbtoolArguments& arguments;
  db::Database& database;

  // `status` for the real program's 0.
  [[nodiscard]] int status(int status) const { return arguments.compat_exit ? cli::exit_ok : status; }
};

Result<int> show(const Context& in) {
  const RecordPrinter printer(in.arguments);
  std::string prefix;
  if (!in.arguments.words.empty()) {
    CYR_TRY(prefix, from_argument(in.arguments.words[0], in.arguments.hex));
  }
  CYR_CHECK(in.database.for_each(prefix, [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    printer.record(key, value);
    return std::ferror(stdout) != 0 ? db::Visit::stop : db::Visit::go_on;
  }));
  return cli::exit_ok;
}

Result<int> get(const Context& in) {
  const RecordPrinter printer(in.arguments);
  int status = cli::exit_ok;
  CYR_CHECK(for_each_pair(in.arguments, [&](const Pair& pair) -> Status {
    CYR_TRY(const auto value, in.database.get(pair.key));
    if (value) {
      printer.value(pair.key, *value);
    } else if (in.arguments.compat_exit) {
      print("\n");
    } else {
      cli::print_error(program, make_error(Errc::not_found, "no key \"" + printable(pair.key) + "\"").at(in.arguments.file));
      status = status_absent;
    }
    return success();
  }));
  return status;
}

// set and delete: all in one transaction with -T, else each in its own.
Result<int> change(const Context& in, const std::function<Status(db::Transaction&, const Pair&)>& step) {
  std::unique_ptr<db::Transaction> transaction;
  const auto one = [&](const Pair& pair) -> Status {
    if (!transaction) {
      CYR_TRY(transaction, in.database.begin());
    }
    CYR_CHECK(step(*transaction, pair));
    if (in.arguments.one_transaction) {
      return success();
    }
    Status done = transaction->commit();
    transaction.reset();
    return done;
  };
  CYR_CHECK(for_each_pair(in.arguments, one));
  if (transaction) {
    CYR_CHECK(transaction->commit());
  }
  return cli::exit_ok;
}

Result<int> set(const Context& in) {
  if (in.arguments.words.size() == 1) {
    return make_error(Errc::invalid, "set KEY needs a VALUE too").with_hint("without both, they are read from standard input");
  }
  return change(in, [](db::Transaction& transaction, const Pair& pair) {
    return transaction.put(pair.key, pair.value.value_or(""));
  });
}

Result<int> erase(const Context& in) {
  return change(in, [](db::Transaction& transaction, const Pair& pair) { return transaction.erase(pair.key); });
}

Result<int> consistent(const Context& in) {
  const Status verdict = in.database.consistent();
  print(verdict ? "Yes, consistent\n" : "No, not consistent\n");
  if (!verdict) {
    cli::print_error(program, verdict.error());
  }
  return verdict ? cli::exit_ok : in.status(status_inconsistent);
}

// The older spelling: silent when all is well.
Result<int> consistency(const Context& in) {
  const Status verdict = in.database.consistent();
  if (!verdict) {
    print("Consistency Error for " + in.arguments.file.string() + "\n");
    cli::print_error(program, verdict.error());
  }
  return verdict ? cli::exit_ok : in.status(status_inconsistent);
}

// Everything that can be said without changing the file: kind, records, order, findings.
Result<int> check(const Context& in) {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  Status verdict = in.database.for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    ++records;
    bytes += key.size() + value.size();
    return db::Visit::go_on;
  });
  if (verdict) {
    verdict = in.database.consistent();
  }
  const auto order = in.database.order();
  const std::string_view order_name = order ? db::name_of(*order) : "unknown";
  if (in.arguments.json) {
    cli::JsonLine line;
    line.add("file", in.arguments.file.string()).add("backend", db::name_of(in.database.kind())).add("records", records);
    line.add("bytes", bytes).add("order", order_name).add("consistent", verdict.has_value());
    if (!verdict) {
      line.add("problem", verdict.error().text()).add("hint", verdict.error().hint);
    }
    line.print();
  } else {
    print(fmt::format("{}: {}, {} records, {} bytes of keys and values, {} order, {}\n", in.arguments.file.string(),
                      db::name_of(in.database.kind()), records, bytes, order_name,
                      verdict ? "consistent" : "NOT consistent"));
    if (!verdict) {
      cli::print_error(program, verdict.error());
    }
  }
  return verdict ? cli::exit_ok : status_inconsistent;
}

Result<int> repack(const Context& in) {
  const Status done = in.database.repack();
  if (!done) {
    print("Failed to repack\n");
    cli::print_error(program, done.error());
  }
  return done ? cli::exit_ok : in.status(cli::exit_failed);
}

Result<int> dump(const Context& in) {
  const db::Backend& backend = db::backend_of(in.database.kind());
  if (backend.dump == nullptr) {
    return make_error(Errc::unsupported, fmt::format("{} has no dump", backend.name)).with_hint("show lists its records");
  }
  CYR_TRY(const File file, open_locked(read_only_io(), in.arguments.file, LockMode::shared));
  CYR_TRY(const FileBytes bytes, file.map());
  Status done = backend.dump(bytes.bytes(), [](std::string_view text) -> Status {
    print(text);
    return success();
  });
  if (!done) {
    return std::move(done.error()).at(in.arguments.file);
  }
  return cli::exit_ok;
}

Result<int> damage(const Context& /*in*/) {
  return make_error(Errc::unsupported, "damage is not done here: it would leave half a change in the database on purpose");
}

Result<int> batch(const Context& in) {
  CYR_TRY(const int status, run_batch(in.database));
  return in.status(status);
}

struct Action {
  std::string_view name;
  bool writes;  // needs the file for writing
  std::size_t most_words;
  Result<int> (*run)(const Context&);
};

constexpr std::array<Action, 11> actions = {{
    {"show", false, 1, show},
    {"get", false, 1, get},
    {"set", true, 2, set},
    {"delete", true, 1, erase},
    {"dump", false, 1, dump},
    {"consistent", false, 0, consistent},
    {"consistency", false, 0, consistency},
    {"check", false, 0, check},
    {"repack", true, 0, repack},
    {"batch", true, 0, batch},
    {"damage", false, 0, damage},
}};

// What the file is to be opened as: what it is, whatever was said, as Cyrus does; with -c it becomes what was said.
Result<db::Kind> settle_kind(const DbtoolArguments& arguments, const db::OpenOptions& options) {
  CYR_TRY(const auto declared, parse_backend(arguments.backend));
  if (declared == db::Kind::quotalegacy) {
    return *declared;
  }
  const auto info = posix_io().stat(arguments.file);
  if (!info) {
    return declared && arguments.create ? Result<db::Kind>(*declared) : info.error();
  }
  CYR_TRY(const auto found, db::detect(posix_io(), arguments.file));
  if (!declared && !found) {
    return make_error(Errc::corrupt, "is no database that this program knows").at(arguments.file).with_hint(
        "name the backend: " + backend_list());
  }
  if (!found || !declared || *found == *declared) {
    return declared ? *declared : *found;
  }
  if (!arguments.convert) {
    cli::print_warning(program, fmt::format("{} is a {} database, and is taken as one", arguments.file.string(),
                                            db::name_of(*found)));
    return *found;
  }
  db::ConvertOptions convert;
  convert.open = options;
  CYR_TRY(const auto converted, db::convert(posix_io(), arguments.file, *found, arguments.file, *declared, convert));
  (void)converted;
  return *declared;
}

}  // namespace

void RecordPrinter::json(std::string_view key, std::string_view value) const {
  cli::JsonLine line;
  for (const auto& [name, text] : {std::pair("key", key), std::pair("value", value)}) {
    if (hex_ || !is_utf8(text)) {
      line.add(std::string(name) + "_hex", to_hex(as_bytes(text)));
    } else {
      line.add(name, text);
    }
  }
  line.print();
}

void RecordPrinter::record(std::string_view key, std::string_view value) const {
  if (json_) {
    json(key, value);
    return;
  }
  print(hex_ ? to_hex(as_bytes(key)) : key);
  print("\t");
  print(hex_ ? to_hex(as_bytes(value)) : value);
  print("\n");
}

void RecordPrinter::value(std::string_view key, std::string_view value) const {
  if (json_) {
    json(key, value);
    return;
  }
  print(hex_ ? to_hex(as_bytes(value)) : value);
  print("\n");
}

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
    return make_error(Errc::invalid, fmt::format("{} takes at most {} arguments", action->name, action->most_words));
  }
  options.create = arguments.create;
  if (arguments.mbox_order) {
    options.order = db::Order::mbox;
  }
  const auto kind = settle_kind(arguments, options);
  Io& io = action->writes || arguments.create ? posix_io() : read_only_io();
  auto database = kind ? db::open(io, arguments.file, *kind, options) : kind.error();
  if (!database) {
    cli::print_error(program, database.error());
    return database.error().code == Errc::config ? cli::exit_config : cli::exit_temporary;
  }
  return action->run({arguments, **database});
}

}  // namespace cyr::quotatool
