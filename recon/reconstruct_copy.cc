#include "recon/reconstruct_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "format/base/text.h"
#include "format/check/list_rebuild.h"
#include "format/cli/common.h"
#include "format/cli/printer.h"
#include "format/store/store_copy.h"

namespace cyr::recon {

namespace {

Result<std::shared_ptr<const conf::Config>> config_of_copy(const fs::path& top) {
  CYR_TRY(auto config,
          conf::Config::load(read_only_io(), top / "imapd.conf", {.ident = "reconstruct", .prefix = {}}));
  return std::make_shared<const conf::Config>(std::move(config));
}

void print_needs(const store::CopyNeeds& needs, const fs::path& top, bool json) {
  if (json) {
    cli::JsonLine line;
    line.add("plan", "copy").add("directory", top.native()).add("files", needs.files);
    line.add("bytes", needs.bytes).add("copied", needs.there).add("conversion", needs.metadata);
    line.add("free", needs.free).print();
    return;
  }
  fmt::print("the copy in {}: {} files, {}{}, up to {} more for the conversion; {} free\n",
             printable(top.native()), needs.files, size_text(needs.bytes),
             needs.there == 0 ? "" : fmt::format(", of which {} are there", size_text(needs.there)),
             size_text(needs.metadata), size_text(needs.free));
}

// Before hours of copying: what would stop the conversion.
Status look_at_original(const std::shared_ptr<const conf::Config>& config,
                        const ReconstructOptions& options) {
  CYR_TRY(const auto store, store::Store::open(read_only_io(), config));
  CYR_TRY(const auto plan, check::plan_mailbox_list(*store, {.release = options.release,
                                                             .stop = &cli::stop_requested(),
                                                             .jobs = std::max(1U, options.jobs)}));
  return options.force ? success() : check::refuse_plan(plan);
}

bool fits(const store::CopyNeeds& needs, const fs::path& top) {
  const std::uint64_t wanted = needs.bytes - needs.there + needs.metadata;
  if (wanted <= needs.free) {
    return true;
  }
  cli::print_error("reconstruct",
                   make_error(Errc::io, fmt::format("the copy needs {}, and there are {} free",
                                                    size_text(wanted), size_text(needs.free)))
                       .at(top)
                       .with_hint("nothing was written; name a directory on a larger file system"));
  return false;
}

Status make_copy(store::StoreCopy& copy, const conf::Config& config, const store::CopyNeeds& needs,
                 const ReconstructOptions& options) {
  cli::Progress progress("reconstruct: copying, MiB", !options.quiet);
  const auto watch = [&](std::uint64_t bytes, const fs::path& path) {
    progress.show(bytes >> 20U, needs.bytes >> 20U, path.native());
  };
  CYR_TRY(const auto totals, copy.copy(watch, &cli::stop_requested()));
  progress.clear();
  CYR_CHECK(copy.finish(conf::relocated_text(config, copy.top())));
  for (const auto& line : totals.notes) {
    cli::print_warning("reconstruct", line);
  }
  if (!options.quiet && !options.json) {
    fmt::print("copied {} files, {}, and {} links{}; its configuration is {}\n", totals.files,
               size_text(totals.bytes), totals.links,
               totals.there == 0 ? "" : fmt::format("; {} files were there", totals.there),
               printable((copy.top() / "imapd.conf").native()));
    std::fflush(stdout);
  }
  return success();
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < units.size()) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", size, units[unit]);
}

Result<int> run_on_copy(std::shared_ptr<const conf::Config> config, const ReconstructOptions& options,
                        const fs::path& top) {
  CYR_TRY(auto copy,
          store::StoreCopy::open(read_only_io(), io_of(options), conf::store_places(*config), top));
  if (!copy.complete()) {
    CYR_TRY(const auto needs, copy.look(&cli::stop_requested()));
    if (options.dry_run) {
      CYR_TRY(const int status, run_reconstruct(config, options));
      print_needs(needs, top, options.json);
      return fits(needs, top) ? status : static_cast<int>(cli::exit_cannot_create);
    }
    if (!options.quiet) {
      print_needs(needs, top, options.json);
      std::fflush(stdout);
    }
    if (!fits(needs, top)) {
      return static_cast<int>(cli::exit_cannot_create);
    }
    CYR_CHECK(look_at_original(config, options));
    CYR_CHECK(make_copy(copy, *config, needs, options));
  }
  CYR_TRY(auto of_copy, config_of_copy(top));
  return run_reconstruct(std::move(of_copy), options);
}

}  // namespace cyr::recon
