// cyr_df(8): how full the partitions' file systems are (tools.md 6.6).
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstdio>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "format/cli/printer.h"
#include "format/conf/imapd_conf.h"

namespace {

using namespace cyr;

struct CommandLine {
  cli::CommonOptions common;
  bool metapartitions = false;
  std::vector<std::string> ignored;
};

// In units of 1,024 bytes.
struct Space {
  std::uint64_t total = 0, used = 0, available = 0;
  std::uint64_t percent = 0;
};

Result<Space> space_of(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) {
    return system_error(errno, "statvfs failed", path);
  }
  const auto kib = [&info](std::uint64_t blocks) {
    return static_cast<std::uint64_t>(static_cast<double>(blocks) * static_cast<double>(info.f_frsize) /
                                      1024);
  };
  Space space{kib(info.f_blocks), kib(info.f_blocks - info.f_bfree), kib(info.f_bavail), 0};
  const std::uint64_t usable = space.used + space.available;
  space.percent = usable == 0 ? 0 : (space.used * 100 + usable - 1) / usable;
  return space;
}

void print(const std::string& name, const std::string& path, const Space& space, bool json) {
  if (json) {
    cli::JsonLine line;
    line.add("partition", name).add("kib", space.total).add("used", space.used);
    line.add("available", space.available).add("percent", space.percent).add("location", path).print();
    return;
  }
  fmt::print("{:<12} {:>12} {:>12} {:>12} {:>3}% {}\n", printable(name), space.total, space.used,
             space.available, space.percent, printable(path));
}

Result<int> run(const CommandLine& line) {
  CYR_TRY(const auto config, cli::start_program(line.common, "cyr_df"));
  const std::string_view prefix = line.metapartitions ? "metapartition-" : "partition-";
  if (!line.common.json) {
    fmt::print("{:<12} {:>12} {:>12} {:>12} {:>3} {}\n", "Partition", "1k-blocks", "Used", "Available",
               "Use%", "Location");
  }
  int status = cli::exit_ok;
  for (const auto& [option, path] : config.overflow_options()) {
    if (!option.starts_with(prefix)) {
      continue;
    }
    const auto space = space_of(path);
    if (!space) {
      std::fflush(stdout);
      cli::print_error("cyr_df", space.error());
      status = status == cli::exit_ok ? exit_status(space.error()) : status;
      continue;
    }
    print(option.substr(prefix.size()), path, *space, line.common.json);
  }
  return line.common.compat_exit ? cli::exit_ok : status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("show the space on partitions", "cyr_df");
  CommandLine line;
  cli::add_common_options(app, line.common, {.json = true, .verbose = false});
  app.add_flag("-m,--metapartition", line.metapartitions, "the metadata partitions");
  app.add_option("argument", line.ignored, "ignored, as Cyrus does")->group("");
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("cyr_df", [&line] { return run(line); });
}
