// mboxcfg, setinfo and setmetadata.
#include "cyradm/commands/all.h"
#include "cyradm/commands/metadata_text.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> setmetadata_options = {{{"private", {}, "the user's own value"}}};
constexpr std::array<Word, 3> setmetadata_words = {Word::mailbox, Word::metadata_key, Word::other};
constexpr std::array<Word, 2> server_words = {Word::server_key, Word::other};

Status set_on(Session& session, const Arguments& arguments, const std::string& entry) {
  std::optional<std::string> value;
  if (arguments.operands.size() > 2) {
    value = arguments.operands[2];
  }
  if (arguments.operands[0].empty()) {
    return change_metadata(session, "", entry, value);
  }
  return session.for_each_mailbox(
      arguments.operands[0], "Setting metadata on",
      [&](const std::string& mailbox) { return change_metadata(session, mailbox, entry, value); });
}

Status run_mboxcfg(Session& session, const Arguments& arguments) {
  return set_on(session, arguments, mboxconfig_entry(arguments.operands[1], arguments.has("private")));
}

Status run_setmetadata(Session& session, const Arguments& arguments) {
  constexpr std::string_view shared = "/shared/";
  std::string entry = metadata_entry(arguments.operands[1]);
  if (arguments.has("private") && entry.starts_with(shared)) {
    entry = "/private/" + entry.substr(shared.size());
  }
  return set_on(session, arguments, entry);
}

Status run_setinfo(Session& session, const Arguments& arguments) {
  return change_metadata(session, "", server_entry(arguments.operands[0]), arguments.operands[1]);
}

// What the two commands that set an entry of a mailbox have in common.
constexpr Command setter(Command command) {
  command.options = setmetadata_options;
  command.least = 2;
  command.most = 3;
  command.words = setmetadata_words;
  command.effect = Effect::changes;
  return command;
}

}  // namespace

constexpr Command mboxcfg = setter({
    .name = "mboxcfg",
    .aliases = {"mboxconfig"},
    .synopsis = "[--private] mailbox [comment|expire|news2mail|sieve|squat|/<explicit annotation>] value",
    .summary = "configure mailbox",
    .message_name = "mboxconfig",
    .usage = "mboxconfig [--private] mailbox "
             "[comment|expire|news2mail|pop3showafter|sharedseen|sieve|squat|/<explicit annotation>] value",
    .details =
        "Sets the value that all users share, or with --private the own one. The value none, or no value,\n"
        "removes it. expire is in days; sharedseen and squat are true or false.",
    .examples = "mboxcfg shared/news expire 30\n"
                "mboxcfg user/bovik comment \"moved in May\"\n"
                "mboxcfg shared/news expire none",
    .run = &run_mboxcfg,
});

constexpr Command setmetadata = setter({
    .name = "setmetadata",
    .aliases = {"setmd"},
    .synopsis =
        "[--private] mailbox "
        "[comment|expire|news2mail|pop3showafter|sharedseen|sieve|specialuse|squat|/<explicit annotation>] "
        "value",
    .summary = "set metadata to mailbox",
    .usage =
        "setmetadata [--private] mailbox "
        "[comment|expire|news2mail|pop3showafter|sharedseen|sieve|specialuse|squat|/<explicit metadata>] "
        "value",
    .details =
        "comment and specialuse are the user's own, the others shared; a name that begins with /shared/ or\n"
        "/private/ is taken as it is. The value none, or no value, removes it.",
    .examples = "setmd user/bovik/Sent specialuse \\\\Sent\n"
                "setmd user/bovik /shared/comment \"moved in May\"",
    .run = &run_setmetadata,
});

constexpr Command setinfo = {
    .name = "setinfo",
    .synopsis = "[motd|comment|admin|shutdown|expire|squat] text",
    .summary = "set server metadata",
    .least = 2,
    .most = 2,
    .words = server_words,
    .effect = Effect::changes,
    .details =
        "motd is shown to every client, shutdown keeps clients out and tells them why. none removes it.",
    .examples =
        "setinfo motd \"Down for maintenance at 22:00\"\n"
        "setinfo motd none",
    .run = &run_setinfo,
};

}  // namespace cyr::cyradm::commands
