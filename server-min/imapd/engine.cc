// See engine.h.
#include "server-min/imapd/engine.h"

#include "format/base/log.h"
#include "format/base/text.h"
#include "server-min/imapd/commands/registry.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kLineBeforeLogin = std::size_t{16} << 10;
constexpr std::size_t kLineAfterLogin = std::size_t{1} << 20;  // sets of UIDs get long

// "UID FETCH" -> "Fetch", as the messages of 3.6.1 have it.
std::string capitalised(std::string_view name) {
  std::string out = lower_ascii(name);
  if (!out.empty()) {
    out.front() = ascii_upper(out.front());
  }
  return out;
}

std::string_view kind_word(Answer::Kind kind) {
  switch (kind) {
    case Answer::Kind::ok:
      return "OK";
    case Answer::Kind::no:
      return "NO";
    default:
      return "BAD";
  }
}

}  // namespace

Engine::Engine(Session& session, CommandSource& source)
    : session_(session), parser_(source, ParserLimits{}) {}

ParserLimits Engine::limits() const {
  const conf::Config& config = session_.config();
  ParserLimits limits;
  limits.line = session_.caller ? kLineAfterLogin : kLineBeforeLogin;
  if (session_.caller) {
    limits.word = static_cast<std::size_t>(config.byte_count(conf::Option::maxword));
    limits.literal = static_cast<std::size_t>(config.byte_count(conf::Option::maxliteral));
    const std::int64_t total = config.integer(conf::Option::maxargssize);
    limits.total = total > 0 ? static_cast<std::size_t>(total) : limits.total;
  } else {
    limits.word = limits.literal = limits.total = kLineBeforeLogin;
  }
  const std::int64_t message = config.integer(conf::Option::maxmessagesize);
  limits.message = message > 0 ? static_cast<std::uint64_t>(message) : limits.message;
  limits.literal_minus = config.is_on(conf::Option::literalminus);
  return limits;
}

void Engine::run() {
  while (step()) {
  }
  session_.close_selected();
  (void)session_.out.flush();
}

void Engine::answer(const std::string& tag, const Answer& answer) {
  fmt::format_to(std::back_inserter(session_.out.buffer()), "{} {} {}\r\n", tag, kind_word(answer.kind),
                 answer.text);
}

bool Engine::step() {
  if (!session_.out.flush()) {
    return false;
  }
  parser_.set_limits(limits());
  if (Status begun = parser_.begin(); !begun) {
    if (begun.error().code == Errc::invalid) {
      session_.out.untagged("BAD {}", begun.error().what);
      return true;
    }
    return false;
  }
  const auto tag = parser_.tag();
  if (!tag || tag->empty()) {
    session_.out.untagged("BAD Invalid tag");
  } else {
    const Answer result = execute(*tag);
    if (!session_.out.failed() && result.kind != Answer::Kind::sent) {
      answer(*tag, result);
    }
  }
  if (Status rest = parser_.finish(); !rest) {
    return false;
  }
  return !session_.logout;
}

Answer Engine::execute(const std::string& tag) {
  if (!parser_.accept(' ') || parser_.at_end()) {
    return bad("Null command");
  }
  std::string name = parser_.word();
  bool uid = false;
  if (equal_ignoring_case(name, "UID") && session_.caller) {
    uid = true;
    if (!parser_.accept(' ')) {
      return bad("Missing required argument to Uid");
    }
    name = parser_.word();
  }
  return execute_command(tag, name, uid);
}

Answer Engine::execute_command(const std::string& tag, std::string_view name, bool uid) {
  const CommandRow* const row = find_command(name);
  if (!session_.caller && (row == nullptr || row->when == When::after_login || row->when == When::selected)) {
    return bad("Please login first");
  }
  if (row == nullptr || (uid && !row->uid_form)) {
    return bad(uid ? "Unrecognized UID subcommand" : "Unrecognized command");
  }
  if (row->when == When::before_login && session_.caller) {
    return bad("Already logged in");
  }
  if (row->when == When::selected && !session_.selected) {
    return bad("Please select a mailbox first");
  }
  parser_.set_command(capitalised(row->name));
  session_.transport.show(session_.selected ? session_.selected->name() : std::string(), row->name);
  Invocation invocation{session_, parser_, tag, uid};
  auto result = row->run(invocation);
  const Answer answer = result ? std::move(*result) : answer_for(result.error());
  if (row->tell != Tell::nothing) {
    session_.report(row->tell == Tell::everything || uid, uid);
  }
  session_.transport.show(session_.selected ? session_.selected->name() : std::string(), "");
  return answer;
}

}  // namespace cyr::imapd
