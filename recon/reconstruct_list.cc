#include "recon/reconstruct_list.h"

#include <fmt/format.h>

#include <cstdio>

#include "format/base/text.h"
#include "format/cli/printer.h"

namespace cyr::recon {

namespace {

using check::ListPlan;
using check::PlannedEntry;

struct FormatName {
  meta::ListFormat format;
  std::string_view releases;
};
constexpr FormatName format_names[] = {
    {meta::ListFormat::text, "2.0-2.4"},     {meta::ListFormat::extended_text, "before 2.5"},
    {meta::ListFormat::dlist_25, "2.5"},     {meta::ListFormat::dlist_30, "3.0"},
    {meta::ListFormat::dlist_32, "3.2-3.4"}, {meta::ListFormat::keyed_36, "3.6-3.10"},
    {meta::ListFormat::keyed_312, "3.12"},
};

std::string_view releases_of(meta::ListFormat format) {
  for (const auto& row : format_names) {
    if (row.format == format) {
      return row.releases;
    }
  }
  return {};
}

std::string type_of(const meta::MailboxEntry& entry) { return meta::encode_type_letters_36(entry.type); }

void print_json(const ListPlan& plan) {
  for (const auto& planned : plan.entries) {
    cli::JsonLine line;
    line.add("plan", "entry").add("verdict", name_of(planned.verdict)).add("mailbox", planned.entry.name);
    line.add("mbtype", type_of(planned.entry)).add("partition", planned.entry.partition);
    line.add("uniqueid", planned.entry.uniqueid).add("acl", planned.entry.acl.value_or(""));
    line.add("uidvalidity", std::uint64_t{planned.entry.uidvalidity}).add("source", planned.source);
    line.add("reason", planned.reason).add("directory", planned.directory.native());
    line.add("directory_missing", planned.directory_missing).add("changed", planned.changed).print();
  }
  for (const auto& lost : plan.lost_found) {
    cli::JsonLine line;
    line.add("plan", "lost+found").add("name", lost.name).add("path", lost.path.native());
    line.add("reason", lost.reason).print();
  }
  for (const auto& root : plan.absent) {
    cli::JsonLine line;
    line.add("plan", "absent").add("partition", root.partition).add("root", root.root.native());
    line.add("exists", root.there).add("mailboxes", root.entries).print();
  }
  for (const auto& source : plan.sources) {
    cli::JsonLine line;
    line.add("plan", "source").add("name", source.title).add("path", source.path.native());
    line.add("sound", source.sound).add("damage", source.damage);
    line.add("entries", std::uint64_t{source.entries.size()}).print();
  }
  cli::JsonLine line;
  line.add("plan", "list").add("releases", releases_of(plan.format)).add("because", plan.format_reason);
  line.add("backend", db::name_of(plan.kind)).add("kept", plan.count(check::Verdict::kept));
  line.add("restored", plan.count(check::Verdict::restored));
  line.add("invented", plan.count(check::Verdict::invented));
  line.add("conflicting", plan.count(check::Verdict::conflicting));
  line.add("lost_found", std::uint64_t{plan.lost_found.size()});
  line.add("missing_directories", plan.missing_directories()).add("writes", plan.writes()).print();
}

void print_tables(const ListPlan& plan) {
  using cli::Align;
  cli::Table entries({{"Verdict", Align::left},
                      {"Mailbox", Align::left},
                      {"Type", Align::left},
                      {"Partition", Align::left},
                      {"Unique id", Align::left},
                      {"From", Align::left},
                      {"Reason", Align::left}});
  for (const auto& planned : plan.entries) {
    entries.add_row({std::string(name_of(planned.verdict)), planned.entry.name, type_of(planned.entry),
                     planned.entry.partition, planned.entry.uniqueid, planned.source, planned.reason});
  }
  entries.print();
  if (!plan.lost_found.empty()) {
    cli::Table lost({{"lost+found", Align::left}, {"Path", Align::left}, {"Reason", Align::left}});
    for (const auto& row : plan.lost_found) {
      lost.add_row({row.name, row.path.native(), row.reason});
    }
    fmt::print("\n");
    lost.print();
  }
  fmt::print("\n");
}

}  // namespace

void print_list_plan(const ListPlan& plan, bool json) {
  if (json) {
    print_json(plan);
    return;
  }
  print_tables(plan);
  for (const auto& source : plan.sources) {
    fmt::print("{}: {} entries{}{}\n", source.title, source.entries.size(), source.damage.empty() ? "" : ", ",
               printable(source.damage));
  }
  fmt::print(
      "the list of Cyrus {} ({}), {}: {} kept, {} restored, {} invented, {} conflicting, {} in lost+found\n",
      releases_of(plan.format), plan.format_reason, db::name_of(plan.kind), plan.count(check::Verdict::kept),
      plan.count(check::Verdict::restored), plan.count(check::Verdict::invented),
      plan.count(check::Verdict::conflicting), plan.lost_found.size());
}

}  // namespace cyr::recon
