// RECONSTRUCT mailbox [RECURSIVE], for cyradm: runs our reconstruct as a child (server.md 3.3).
#include <spawn.h>
#include <sys/wait.h>

#include "format/base/log.h"
#include "server-min/imapd/commands/registry.h"

extern char** environ;  // NOLINT: POSIX

namespace cyr::imapd {

namespace {

// Beside this program, or where the administrator's programs are.
std::string program_path(Io& io) {
  const auto self = io.read_link("/proc/self/exe");
  if (self) {
    const fs::path beside = fs::path(*self).parent_path() / "reconstruct";
    if (const auto there = io.exists(beside); there && *there) {
      return beside.string();
    }
  }
  return "reconstruct";
}

// The exit status; -1 when the program could not be run. Its standard descriptors are /dev/null: the
// connection may be on ours (-X).
Result<int> run_program(Io& io, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  CYR_TRY(const File null, File::open(io, "/dev/null", {.write = true}));
  ::posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  for (const int fd : {0, 1, 2}) {
    ::posix_spawn_file_actions_adddup2(&actions, null.fd(), fd);
  }
  ::pid_t child = -1;
  const int failed = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    return system_error(failed, "cannot run " + words.front());
  }
  int status = 0;
  if (::waitpid(child, &status, 0) == -1) {
    return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

Result<Answer> run_reconstruct(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string name, parser.astring());
  bool recursive = false;
  if (parser.accept(' ')) {
    if (!parser.accept_word("RECURSIVE")) {
      return bad("Invalid arguments to Reconstruct");
    }
    recursive = true;
  }
  CYR_CHECK(parser.end());
  if (!session.caller->is_admin()) {
    return no("Permission denied");
  }
  CYR_TRY(const meta::MailboxEntry entry, session.find_mailbox(name));
  // Nobody repairs a mailbox that this session keeps open.
  if (session.selected && session.selected->name() == entry.name) {
    session.close_selected();
    session.out.untagged("OK [CLOSED] Ok");
  }
  std::vector<std::string> words{program_path(session.store.io()), "-C", session.config().file().string()};
  if (recursive) {
    words.emplace_back("-r");
  }
  words.push_back(session.store.external_name(entry.name));
  session.store.close_databases();
  CYR_TRY(const int status, run_program(session.store.io(), std::move(words)));
  if (status != 0) {
    log(LogLevel::error, "reconstruct of {} ended with status {}", entry.name, status);
    return no("Reconstruct failed");
  }
  return ok();
}

}  // namespace cyr::imapd
