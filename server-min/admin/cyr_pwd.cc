// cyr_pwd: which mailbox the directory is that one stands in.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "format/store/store.h"

namespace {

using namespace cyr;

Result<int> run(const cli::CommonOptions& common) {
  std::array<char, 4096> here{};
  if (::getcwd(here.data(), here.size()) == nullptr) {
    return system_error(errno, "cannot say where this is");
  }
  CYR_TRY(auto config, cli::start_program(common, "cyr_pwd"));
  CYR_TRY(const auto store,
          store::Store::open(posix_io(), std::make_shared<const conf::Config>(std::move(config))));
  const auto identified = store->paths().identify(here.data());
  std::string name;
  if (identified && identified->identity.layout == names::Layout::by_name) {
    name = identified->identity.name.to_internal(store->name_space());
  } else if (identified) {
    CYR_TRY(meta::MailboxList * list, store->mailbox_list());
    CYR_TRY(const auto entry, list->find_by_uniqueid(identified->identity.uniqueid));
    name = entry ? entry->name : "";
  }
  if (name.empty()) {
    return make_error(Errc::not_found, "this is no directory of a mailbox").at(here.data());
  }
  fmt::print("{}\n", printable(store->external_name(name)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("say which mailbox the current directory is", "cyr_pwd");
  cli::CommonOptions common;
  cli::add_common_options(app, common, {.json = false, .verbose = false});
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("cyr_pwd", [&] { return run(common); });
}
