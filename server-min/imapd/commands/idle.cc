// IDLE (RFC 2177).
#include "format/base/text.h"
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/idle_watch.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kMaxDone = 1024;  // bytes of the line that ends it

}  // namespace

Result<Answer> run_idle(Invocation& invocation) {
  Session& session = invocation.session;
  const std::int64_t poll = session.config().seconds(conf::Option::imapidlepoll);
  if (poll <= 0) {
    return bad("Unrecognized command");
  }
  CYR_CHECK(invocation.parser.end());
  const IdleWatch watch(session.selected ? session.selected->view().files().index : fs::path());
  session.report(true);
  session.out.buffer() += "+ idling\r\n";
  while (true) {
    CYR_CHECK(session.out.flush());
    const Wake wake = session.transport.wait(watch.descriptor(), std::chrono::seconds(poll));
    if (wake == Wake::over) {
      session.logout = true;
      return Answer{Answer::Kind::sent, ""};
    }
    if (wake == Wake::input) {
      break;
    }
    if (wake == Wake::changed) {
      watch.drain();
    }
    session.report(true);
  }
  CYR_TRY(const std::string line, invocation.parser.source().line(kMaxDone));
  return equal_ignoring_case(line, "DONE") ? ok() : bad("Invalid Idle continuation");
}

}  // namespace cyr::imapd
