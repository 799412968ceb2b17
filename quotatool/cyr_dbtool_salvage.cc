// cyr_dbtool salvage: a new database of what is left of a damaged one, and a report of what is not.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/db/order.h"
#include "format/db/registry.h"
#include "format/db/salvage_write.h"
#include "quotatool/cyr_dbtool_printer.h"
#include "quotatool/database_program.h"

namespace cyr::quotatool {

namespace {

using db::Mark;
using db::SalvagedRecord;
using db::SalvageReport;

struct MarkName {
  Mark mark;
  std::string_view text;
  std::string_view json;
};
constexpr std::array<MarkName, 6> mark_names = {{
    {Mark::repaired_bit, "one bit put right", "repaired_bit"},
    {Mark::rebuilt_head, "head was damaged, key and value are whole", "rebuilt_head"},
    {Mark::older_version, "an older version; the latest one is lost", "older_version"},
    {Mark::maybe_deleted, "may have been deleted or changed", "maybe_deleted"},
    {Mark::uncommitted, "uncommitted", "uncommitted"},
    {Mark::wrong_era, "unescaped bytes of before 2.5, taken as they are", "wrong_era"},
}};

std::string quoted(const DbtoolArguments& arguments, std::string_view key) {
  constexpr std::size_t longest = 200;  // bytes
  const std::string text =
      arguments.hex || arguments.base64 ? shown(arguments, key) : printable(key.substr(0, longest));
  return '"' + text + '"' + (key.size() > longest ? "..." : "");
}

std::string between(const DbtoolArguments& arguments, const std::optional<std::string>& before,
                    const std::optional<std::string>& after) {
  if (before && after && *before == *after) {
    return "key " + quoted(arguments, *before);
  }
  if (before && after) {
    return "between keys " + quoted(arguments, *before) + " and " + quoted(arguments, *after);
  }
  return before  ? "after key " + quoted(arguments, *before)
         : after ? "before key " + quoted(arguments, *after)
                 : "its keys cannot be told";
}

bool out_of_doubt(const SalvagedRecord& record) { return record.marks == 0; }

// ---- for people ----

class TextReport {
 public:
  TextReport(const DbtoolArguments& arguments, const SalvageReport& report)
      : arguments_(arguments), report_(report) {}

  void print_all() const {
    head();
    for (const std::string& note : report_.notes) {
      say("note: " + printable(note));
    }
    for (const auto& region : report_.damaged) {
      say(fmt::format("damaged: {}offset {}, {}: {}; {}",
                      region.file.empty() ? "" : printable(region.file.string()) + ": ", region.offset,
                      region.length == 0 ? "to the end" : fmt::format("{} bytes", region.length), region.what,
                      between(arguments_, region.key_before, region.key_after)));
    }
    for (const auto& lost : report_.lost) {
      say(lost.key
              ? fmt::format("lost: the record at offset {} does not match its checksum; its key there is {}",
                            lost.offset, quoted(arguments_, *lost.key))
              : fmt::format("lost: something live points to offset {}, where nothing can be read; {}",
                            lost.offset, between(arguments_, lost.key_before, lost.key_after)));
    }
    for (const SalvagedRecord& record : report_.records) {
      marked(record);
    }
    for (const auto& left : report_.left_out) {
      say(fmt::format("left out: offset {}: {}, key {}, {} bytes of value", left.offset, left.why,
                      quoted(arguments_, left.key), left.value.size()));
    }
  }

 private:
  void say(std::string_view text) const { print(fmt::format("{}\n", text)); }

  void head() const {
    std::string line = fmt::format("{}: {}, {} records kept", arguments_.file.string(),
                                   db::name_of(*report_.kind), report_.records.size());
    line += report_.expected ? fmt::format(", the header tells of {}", *report_.expected) : std::string();
    line += report_.header_rebuilt ? ", without a usable header" : "";
    say(line);
    say(fmt::format("{} dead records and {} older versions dropped", report_.dropped.size(),
                    report_.superseded));
  }

  void marked(const SalvagedRecord& record) const {
    if (out_of_doubt(record)) {
      return;
    }
    std::string what;
    for (const MarkName& name : mark_names) {
      if (record.has(name.mark)) {
        what += (what.empty() ? "" : ", ") + std::string(name.text);
      }
    }
    say(fmt::format("kept: key {} at offset {}: {}", quoted(arguments_, record.key), record.offset, what));
  }

  const DbtoolArguments& arguments_;
  const SalvageReport& report_;
};

// ---- for programs: one object a line ----

class JsonReport {
 public:
  JsonReport(const DbtoolArguments& arguments, const SalvageReport& report)
      : arguments_(arguments), report_(report) {}

  void print_all() const {
    head();
    for (const std::string& note : report_.notes) {
      cli::JsonLine line;
      line.add("type", "note").add("what", note).print();
    }
    for (const auto& region : report_.damaged) {
      cli::JsonLine line;
      line.add("type", "damaged")
          .add("offset", region.offset)
          .add("length", region.length)
          .add("what", region.what);
      if (!region.file.empty()) {
        line.add("file", region.file.string());
      }
      range(line, region.key_before, region.key_after);
      line.print();
    }
    for (const auto& lost : report_.lost) {
      cli::JsonLine line;
      line.add("type", "lost").add("offset", lost.offset);
      if (lost.key) {
        add_bytes(line, arguments_, "key", *lost.key);
      }
      range(line, lost.key_before, lost.key_after);
      line.print();
    }
    for (const SalvagedRecord& record : report_.records) {
      marked(record);
    }
    for (const auto& left : report_.left_out) {
      cli::JsonLine line;
      line.add("type", "left_out").add("offset", left.offset).add("what", left.why);
      add_bytes(line, arguments_, "key", left.key);
      add_bytes(line, arguments_, "value", left.value);
      line.print();
    }
    for (const auto& dropped : report_.dropped) {
      cli::JsonLine line;
      line.add("type", "dropped").add("offset", dropped.offset);
      line.add("proof", dropped.why == db::DroppedRecord::Proof::erased ? "delete" : "pointer");
      line.add("proof_offset", dropped.proof);
      add_bytes(line, arguments_, "key", dropped.key);
      line.print();
    }
  }

 private:
  void head() const {
    cli::JsonLine line;
    line.add("type", "summary")
        .add("file", arguments_.file.string())
        .add("backend", db::name_of(*report_.kind));
    line.add("order", db::name_of(report_.order)).add("records", std::uint64_t{report_.records.size()});
    if (report_.expected) {
      line.add("expected", *report_.expected);
    }
    line.add("superseded", report_.superseded).add("header_rebuilt", report_.header_rebuilt);
    line.add("complete", report_.complete());
    line.print();
  }
  void range(cli::JsonLine& line, const std::optional<std::string>& before,
             const std::optional<std::string>& after) const {
    if (before) {
      add_bytes(line, arguments_, "key_before", *before);
    }
    if (after) {
      add_bytes(line, arguments_, "key_after", *after);
    }
  }
  void marked(const SalvagedRecord& record) const {
    if (out_of_doubt(record)) {
      return;
    }
    cli::JsonLine line;
    line.add("type", "kept").add("offset", record.offset);
    std::vector<std::string> marks;
    for (const MarkName& name : mark_names) {
      if (record.has(name.mark)) {
        marks.emplace_back(name.json);
      }
    }
    line.add("marks", marks);
    add_bytes(line, arguments_, "key", record.key);
    line.print();
  }

  const DbtoolArguments& arguments_;
  const SalvageReport& report_;
};

// What is to be salvaged, and what it is to become. All that can be refused is, before a byte is read or
// made.
struct Plan {
  db::Kind from;
  db::Kind to;
};

Result<Plan> make_plan(const ActionContext& in) {
  const DbtoolArguments& arguments = in.arguments;
  if (arguments.out.empty() == !arguments.dry_run) {
    return make_error(Errc::invalid, "salvage needs either --out NEW or --dry-run")
        .with_hint("the damaged database is never changed");
  }
  if (!arguments.report.empty() && arguments.report != "text" && arguments.report != "json") {
    return make_error(Errc::invalid, "--report is text or json, not \"" + printable(arguments.report) + "\"");
  }
  std::optional<db::Kind> kind = in.kind;
  if (kind != db::Kind::quotalegacy) {  // a tree, which may be named by a path that does not exist
    CYR_TRY(const auto found, db::detect(read_only_io(), arguments.file));
    kind = found ? found : kind;
  }
  if (!kind) {
    return make_error(Errc::corrupt, "is no database that this program knows")
        .at(arguments.file)
        .with_hint("name the backend that it had: " + backend_list());
  }
  if (db::backend_of(*kind).salvage == nullptr) {
    return make_error(Errc::unsupported, fmt::format("{} databases have no salvage", db::name_of(*kind)))
        .at(arguments.file)
        .with_hint("cvt_cyrusdb copies what can be read");
  }
  Plan plan{*kind, *kind};
  if (!arguments.to.empty()) {
    CYR_TRY(const auto to, parse_backend(arguments.to));
    plan.to = to.value_or(*kind);
  }
  if (!arguments.dry_run) {
    CYR_CHECK(db::check_salvage_target(read_only_io(), arguments.out, plan.to));
  }
  return plan;
}

}  // namespace

Result<int> salvage_database(const ActionContext& in) {
  const DbtoolArguments& arguments = in.arguments;
  CYR_TRY(const Plan plan, make_plan(in));
  db::SalvageOptions options;
  options.kind = plan.from;
  options.include_uncommitted = arguments.include_uncommitted;
  options.open = in.options;
  CYR_TRY(const SalvageReport report, db::salvage(read_only_io(), arguments.file, options));
  if (!arguments.dry_run) {
    CYR_CHECK(db::write_salvaged(posix_io(), report, arguments.out, plan.to, in.options));
  }
  if (arguments.json || arguments.report == "json") {
    JsonReport(arguments, report).print_all();
  } else {
    TextReport(arguments, report).print_all();
    if (!arguments.dry_run) {
      print(fmt::format("written: {}, {}\n", arguments.out, db::name_of(plan.to)));
    }
  }
  return report.complete() ? cli::exit_ok : status_loss;
}

}  // namespace cyr::quotatool
