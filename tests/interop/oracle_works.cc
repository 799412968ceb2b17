// The oracle itself: the real tools say about an unpacked store what its golden files say, and the real
// server serves it. If this fails, no other interop test means anything.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <stdexcept>

#include "tests/support/oracle.h"

using namespace cyr::test;

namespace {

void require(bool ok, const std::string& what) {
  if (!ok) {
    throw std::runtime_error(what);
  }
}

void tools_agree(const TempStore& store) {
  oracle::hand_over(store);
  for (const auto& command : parse_golden(store.golden("intact/quota.txt"))) {
    const std::vector<std::string> arguments(command.argv.begin() + 1, command.argv.end());
    const auto result = oracle::run(command.argv.front(), store, arguments, {.merge = true});
    require(store.to_golden(result.out) == command.output, "quota: " + result.out);
  }
}

void server_serves(const TempStore& store) {
  const oracle::Server server(store);
  oracle::ImapClient client(server.imap_port());
  client.login("cyrus");
  const auto mailboxes = client.ok("LIST \"\" \"*\"");
  require(mailboxes.size() > 20, fmt::format("LIST gave {} mailboxes", mailboxes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  if (const int status = oracle::gate(); status != 0) {
    return status;
  }
  try {
    const TempStore store(argc > 1 ? argv[1] : "default");
    tools_agree(store);
    server_serves(store);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
