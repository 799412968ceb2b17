// cyr_ls: the mailboxes below one, as ls(1) shows files, whatever their directories are called.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "format/store/store.h"
#include "format/text/mutf7.h"

namespace {

using namespace cyr;

struct Arguments {
  cli::CommonOptions common;
  std::string name;
  bool one_column = false;
  bool seven_bit = false;
  bool with_id = false;
  bool long_form = false;
  bool metadata = false;
  bool recursive = false;
};

struct Child {
  meta::MailboxEntry entry;
  std::string shown;  // last component
};

std::string owner_name(::uid_t uid) {
  const ::passwd* entry = ::getpwuid(uid);  // NOLINT(concurrency-mt-unsafe)
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}
std::string group_name(::gid_t gid) {
  const ::group* entry = ::getgrgid(gid);  // NOLINT(concurrency-mt-unsafe)
  return entry != nullptr ? entry->gr_name : std::to_string(gid);
}

std::string mode_text(::mode_t mode) {
  std::string out = "d";
  for (unsigned bit = 0400; bit != 0; bit >>= 1U) {
    constexpr std::string_view letters = "rwx";
    const auto at = static_cast<std::size_t>(out.size() - 1) % 3;
    out += (mode & bit) != 0 ? letters[at] : '-';
  }
  return out;
}

// As ls quotes what a shell would take apart.
std::string quoted(const std::string& name) {
  const bool plain = name.find_first_of(" '\"$`&()[]{};<>|*?#~!\\") == std::string::npos;
  if (plain) {
    return name;
  }
  return name.find('\'') == std::string::npos ? "'" + name + "'" : "\"" + name + "\"";
}

class Lister {
 public:
  Lister(store::Store& store, const Arguments& arguments) : store_(store), arguments_(arguments) {}

  Status list(const std::string& internal) {
    CYR_TRY(const auto children, children_of(internal));
    const std::string title = internal.empty() ? "" : shown_name(store_.external_name(internal));
    fmt::print("\n{}:\n\n", printable(title));
    for (const auto& child : children) {
      CYR_CHECK(print(child));
    }
    if (arguments_.recursive) {
      for (const auto& child : children) {
        CYR_CHECK(list(child.entry.name));
      }
    }
    return success();
  }

 private:
  [[nodiscard]] std::string shown_name(const std::string& name) const {
    return arguments_.seven_bit ? name : text::mutf7_to_utf8(name).value_or(name);
  }

  Result<std::vector<Child>> children_of(const std::string& internal) {
    CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
    std::vector<Child> out;
    const std::string prefix = internal.empty() ? "" : internal + ".";
    CYR_CHECK(list->for_each(prefix, [&](const meta::ListItem& item) -> Result<db::Visit> {
      const std::string_view rest = item.name.substr(prefix.size());
      if (item.entry && item.entry->type.local() && rest.find('.') == std::string_view::npos) {
        std::string last(rest);
        std::replace(last.begin(), last.end(), '^', store_.name_space().unixhierarchysep ? '.' : '^');
        out.push_back({*item.entry, shown_name(last)});
      }
      return db::Visit::go_on;
    }));
    return out;
  }

  Status print(const Child& child) {
    CYR_TRY(const auto files, store_.files(child.entry));
    std::string line = arguments_.with_id ? fmt::format("{:<40} ", child.entry.uniqueid) : "";
    if (arguments_.long_form) {
      const fs::path directory = arguments_.metadata ? files.index.parent_path() : files.data;
      CYR_TRY(const FileInfo info, store_.io().stat(directory));
      const auto when = static_cast<std::time_t>(info.mtime);
      std::tm local{};
      ::localtime_r(&when, &local);
      std::array<char, 32> date{};
      (void)std::strftime(date.data(), date.size(), "%b %e %H:%M", &local);
      line += fmt::format("{} {} {:<8} {:<8} {:>8} {} ", mode_text(info.mode), info.links,
                          owner_name(info.uid), group_name(info.gid), info.size, date.data());
    }
    fmt::print("{}{}\n", line, quoted(printable(child.shown)));
    return success();
  }

  store::Store& store_;
  const Arguments& arguments_;
};

Result<int> run(const Arguments& arguments) {
  CYR_TRY(auto config, cli::start_program(arguments.common, "cyr_ls"));
  CYR_TRY(const auto store,
          store::Store::open(posix_io(), std::make_shared<const conf::Config>(std::move(config))));
  std::string internal;
  if (!arguments.name.empty()) {
    CYR_TRY(const std::string encoded,
            arguments.seven_bit ? Result<std::string>(arguments.name) : text::utf8_to_mutf7(arguments.name));
    CYR_TRY(const auto name, names::MailboxName::from_admin(encoded, store->name_space()));
    internal = name.to_internal(store->name_space());
    CYR_TRY(meta::MailboxList * list, store->mailbox_list());
    CYR_TRY(const auto entry, list->find(internal));
    if (!entry && internal != "user") {
      return make_error(Errc::not_found, "there is no mailbox " + printable(arguments.name));
    }
  }
  CYR_CHECK(Lister(*store, arguments).list(internal));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("list the mailboxes below one", "cyr_ls");
  Arguments arguments;
  cli::add_common_options(app, arguments.common, {.json = false, .verbose = false});
  app.add_flag("-1", arguments.one_column, "one name a line (always)");
  app.add_flag("-7", arguments.seven_bit, "names as they are stored, in modified UTF-7");
  app.add_flag("-i", arguments.with_id, "unique ids, too");
  app.add_flag("-l", arguments.long_form, "mode, owner, size and time of the directory");
  app.add_flag("-m", arguments.metadata, "with -l: of the metadata directory");
  app.add_flag("-R", arguments.recursive, "those below, too");
  app.add_option("mailbox", arguments.name, "the mailbox, as an administrator names it; without: the top");
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("cyr_ls", [&] { return run(arguments); });
}
