// cyr_dbtool consistent, consistency, check, stat: what can be said of a database without changing it.
#include <fmt/format.h>

#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/db/deep_check.h"
#include "format/db/order.h"
#include "format/db/stat.h"
#include "quotatool/cyr_dbtool_printer.h"

namespace cyr::quotatool {

Result<int> say_consistent(const ActionContext& in) {
  const Status verdict = in.database->consistent();
  print(verdict ? "Yes, consistent\n" : "No, not consistent\n");
  if (!verdict) {
    cli::print_error(dbtool_name, verdict.error());
  }
  return verdict ? cli::exit_ok : in.status(status_inconsistent);
}

// The older spelling: silent when all is well.
Result<int> say_inconsistent(const ActionContext& in) {
  const Status verdict = in.database->consistent();
  if (!verdict) {
    print("Consistency Error for " + in.arguments.file.string() + "\n");
    cli::print_error(dbtool_name, verdict.error());
  }
  return verdict ? cli::exit_ok : in.status(status_inconsistent);
}

namespace {

db::SalvageOptions options_of(const ActionContext& in) {
  db::SalvageOptions options;
  options.kind = in.kind;
  options.open = in.options;
  return options;
}

void print_finding(const DbtoolArguments& arguments, const db::CheckFinding& finding) {
  if (arguments.json) {
    cli::JsonLine line;
    line.add("type", "finding").add("what", finding.what);
    if (finding.offset) {
      line.add("offset", *finding.offset);
    }
    if (finding.key) {
      add_bytes(line, arguments, "key", *finding.key);
    }
    line.print();
    return;
  }
  const std::string where = finding.offset ? fmt::format("offset {}: ", *finding.offset) : std::string();
  const std::string key = finding.key ? ", key \"" + printable(*finding.key) + '"' : std::string();
  print(fmt::format("{}{}{}\n", where, printable(finding.what), key));
}

}  // namespace

Result<int> check_database(const ActionContext& in) {
  CYR_TRY(const db::CheckResult result, db::deep_check(read_only_io(), in.arguments.file, options_of(in)));
  for (const db::CheckFinding& finding : result.findings) {
    print_finding(in.arguments, finding);
  }
  const bool sound = result.findings.empty();
  if (in.arguments.json) {
    cli::JsonLine line;
    line.add("type", "summary")
        .add("file", in.arguments.file.string())
        .add("backend", db::name_of(result.kind));
    line.add("records", result.records).add("bytes", result.bytes).add("order", db::name_of(result.order));
    line.add("findings", std::uint64_t{result.findings.size()}).add("consistent", sound);
    line.print();
  } else {
    print(fmt::format("{}: {}, {} records, {} bytes of keys and values, {} order, {}\n",
                      in.arguments.file.string(), db::name_of(result.kind), result.records, result.bytes,
                      db::name_of(result.order),
                      sound ? std::string("consistent")
                            : fmt::format("NOT consistent, {} findings", result.findings.size())));
  }
  return sound ? cli::exit_ok : status_damaged;
}

Result<int> show_stat(const ActionContext& in) {
  CYR_TRY(const db::Statistics statistics,
          db::stat_database(read_only_io(), in.arguments.file, options_of(in)));
  cli::JsonLine line;
  line.add("file", in.arguments.file.string());
  for (const db::StatItem& item : statistics.items) {
    const auto* const number = std::get_if<std::uint64_t>(&item.value);
    if (in.arguments.json && number != nullptr) {
      line.add(item.name, *number);
    } else if (in.arguments.json) {
      line.add(item.name, std::get<std::string>(item.value));
    } else {
      print(fmt::format("{}: {}\n", item.name,
                        number != nullptr ? std::to_string(*number) : std::get<std::string>(item.value)));
    }
  }
  if (in.arguments.json) {
    line.print();
  }
  if (!statistics.damaged) {
    return cli::exit_ok;
  }
  cli::print_error("cyr_dbtool", corrupt("damaged; these are the numbers of what can be read")
                                     .at(in.arguments.file)
                                     .with_hint("the action check says where, salvage makes a new file of "
                                                "what is whole"));
  return status_damaged;
}

}  // namespace cyr::quotatool
