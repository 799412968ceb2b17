#include "recon/reconstruct_root.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "format/base/text.h"
#include "format/check/list_plan.h"
#include "format/cli/common.h"
#include "format/conf/store_layout.h"

namespace cyr::recon {

namespace {

using Votes = std::map<std::string, std::map<std::string, std::uint64_t>>;

Result<conf::Config> parse(const std::string& text, const fs::path& root) {
  return conf::Config::parse(read_only_io(), text, root / "imapd.conf", {.ident = "reconstruct"});
}

// For each name of ours, how many listed mailboxes found on it are listed under another name.
Result<Votes> compare_names(const conf::Config& config) {
  CYR_TRY(const auto store, store::Store::open(read_only_io(), std::make_shared<const conf::Config>(config)));
  CYR_TRY(const auto plan, check::plan_mailbox_list(*store, {.release = {}, .stop = &cli::stop_requested()}));
  Votes votes;
  for (const auto& planned : plan.entries) {
    for (const auto& source : plan.sources) {
      const auto* entry = planned.directory.empty() ? nullptr : source.find(planned.entry.name);
      if (entry != nullptr && entry->type.local() && !source.foreign) {
        ++votes[planned.entry.partition][entry->partition];
        break;
      }
    }
  }
  return votes;
}

// The list's own names of partitions in place of those that were made up.
std::string with_listed_names(std::string text, const Votes& votes) {
  std::map<std::string, std::string> renamed;
  for (const auto& [ours, theirs] : votes) {
    const auto most = std::max_element(theirs.begin(), theirs.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most != theirs.end() && most->first != ours) {
      renamed.emplace(ours, most->first);
    }
  }
  std::string out;
  for (const auto& row : split(text, '\n')) {
    std::string line(row);
    for (const auto& [ours, theirs] : renamed) {
      for (const std::string_view kind : {"partition-", "metapartition-", "archivepartition-"}) {
        if (line.starts_with(std::string(kind) + ours + ": ")) {
          line = std::string(kind) + theirs + line.substr(kind.size() + ours.size());
          break;
        }
      }
      if (line == "defaultpartition: " + ours) {
        line = "defaultpartition: " + theirs;
      }
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace

Result<conf::Config> config_of_root(const fs::path& root) {
  CYR_TRY(auto layout, conf::detect_store_layout(read_only_io(), root));
  CYR_TRY(auto config, parse(layout.text, root));
  CYR_TRY(const auto votes, compare_names(config));
  layout.text = with_listed_names(std::move(layout.text), votes);
  CYR_TRY(config, parse(layout.text, root));
  for (const auto& line : split(layout.text, '\n')) {
    if (!line.empty()) {
      fmt::print(stderr, "reconstruct: {}: {}\n", printable(root.native()), printable(line));
    }
  }
  for (const auto& note : layout.notes) {
    cli::print_warning("reconstruct", note);
  }
  return config;
}

}  // namespace cyr::recon
