// IDLE (RFC 2177).
#include <algorithm>
#include <chrono>

#include "format/base/text.h"
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/idle_watch.h"
#include "server-min/imapd/timeouts.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kMaxDone = 1024;  // bytes of the line that ends it

using Clock = std::chrono::steady_clock;

// Tells changes until the client says something. What comes of its own accord does not make the client's
// silence shorter.
Wake tell_changes(Session& session, const IdleWatch& watch, std::chrono::seconds poll) {
  const auto end = Clock::now() + idle_timeout(session.config());
  while (true) {
    if (!session.out.flush()) {
      return Wake::over;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) {
      session.out.untagged("BYE idle for too long");
      return Wake::over;
    }
    const Wake wake =
        session.transport.wait(watch.descriptor(), std::min<std::chrono::milliseconds>(poll, left));
    if (wake == Wake::over || wake == Wake::input) {
      return wake;
    }
    if (wake == Wake::changed) {
      watch.drain();
    }
    session.report(true);
  }
}

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
  if (tell_changes(session, watch, std::chrono::seconds(poll)) == Wake::over) {
    session.logout = true;
    return Answer{Answer::Kind::sent, ""};
  }
  CYR_TRY(const std::string line, invocation.parser.source().line(kMaxDone));
  return equal_ignoring_case(line, "DONE") ? ok() : bad("Invalid Idle continuation");
}

}  // namespace cyr::imapd
