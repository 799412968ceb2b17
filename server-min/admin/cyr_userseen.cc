// cyr_userseen: removes the seen states that users have of their own mailboxes, whose state is in the index
// today. Without -d nothing is changed.
#include <fmt/format.h>

#include "format/base/text.h"
#include "format/cli/app.h"
#include "format/store/store.h"
#include "format/store/user_files.h"

namespace {

using namespace cyr;

struct Own {
  names::UserId user;
  std::string name;
  std::string uniqueid;
};

Result<std::vector<Own>> own_mailboxes(store::Store& store) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  std::vector<Own> out;
  CYR_CHECK(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    const auto name = names::MailboxName::from_internal(item.name, store.name_space());
    if (item.entry && item.entry->type.local() && name && name->is_user()) {
      out.push_back({name->user(), std::string(item.name), item.entry->uniqueid});
    }
    return db::Visit::go_on;
  }));
  return out;
}

// True if there was a record.
Result<bool> remove_seen(store::Store& store, const Own& own) {
  const auto path = store::user_file(store, own.user, "seen");
  if (!path) {
    return false;
  }
  auto database = store.open_database(*path, conf::Option::seenstate_db);
  if (!database) {
    return database.error().code == Errc::not_found ? Result<bool>(false) : Result<bool>(database.error());
  }
  CYR_TRY(const auto record, (*database)->get(own.uniqueid));
  if (record) {
    CYR_CHECK((*database)->erase(own.uniqueid));
  }
  return record.has_value();
}

Result<int> run(const cli::CommonOptions& common, bool really) {
  CYR_TRY(auto config, cli::start_program(common, "cyr_userseen"));
  CYR_TRY(const auto store,
          store::Store::open(posix_io(), std::make_shared<const conf::Config>(std::move(config))));
  CYR_TRY(const auto mailboxes, own_mailboxes(*store));
  for (const auto& own : mailboxes) {
    fmt::print("{} seen for {} on {}\n", really ? "removing" : "would remove", printable(own.user.text()),
               printable(own.name));
    if (really) {
      CYR_TRY(const bool removed, remove_seen(*store, own));
      (void)removed;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("remove users' seen states of their own mailboxes", "cyr_userseen");
  cli::CommonOptions common;
  bool really = false;
  cli::add_common_options(app, common, {.json = false, .verbose = false});
  app.add_flag("-d", really, "do it; otherwise only say what would be removed");
  if (const auto done = cli::parse_command_line(app, argc, argv)) {
    return *done;
  }
  return cli::run_program("cyr_userseen", [&] { return run(common, really); });
}
