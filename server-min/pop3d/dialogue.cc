#include "server-min/pop3d/dialogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "format/base/log.h"
#include "format/base/text.h"
#include "server-min/session/newcomer.h"

namespace cyr::pop3d {
namespace {

using conf::Option;

constexpr std::size_t longest_command = 1024;  // bytes; RFC 2449 says 255
constexpr std::size_t longest_response = 64U << 10U;
constexpr std::int64_t least_timeout = 600;  // seconds, RFC 1939
constexpr int most_errors = 100;
constexpr std::string_view no_such_message = "No such message";

}  // namespace

void serve(session::Session& session) { Dialogue(session).run(); }

void Dialogue::ok(std::string_view text) {
  connection_.write(fmt::format("+OK{}{}\r\n", text.empty() ? "" : " ", text));
}
void Dialogue::err(std::string_view text) { connection_.write(fmt::format("-ERR {}\r\n", text)); }

void Dialogue::run() {
  const auto timeout = std::max(least_timeout, session_.config().seconds(Option::poptimeout));
  connection_.set_timeout(std::chrono::seconds(timeout));
  if (const auto text = session_.should_end()) {
    err("[SYS/TEMP] " + *text);
    return;
  }
  const std::string& stamp = session_.login().apop_stamp();
  ok(session_.banner("POP3") + (stamp.empty() ? "" : " " + stamp));
  while (true) {
    const auto line = connection_.read_line(longest_command);
    if (const auto text = session_.should_end()) {
      err("[SYS/TEMP] " + *text);
      return;
    }
    if (!line && wire::is_too_long(line.error())) {
      err("line too long");
      ++errors_;
    } else if (!line) {
      if (wire::is_timeout(line.error())) {
        err("idle for too long");
      }
      return;  // nothing is deleted
    } else if (!serve_command(parse_command(*line))) {
      return;
    }
    if (errors_ > most_errors) {
      err("too many errors");
      return;
    }
  }
}

bool Dialogue::serve_command(const Command& command) {
  const When when = maildrop_ ? When::after_login : When::before_login;
  if (!allowed(command.verb, when)) {
    err("Unrecognized command");
    ++errors_;
    return true;
  }
  if (const auto problem = argument_error(command)) {
    err(*problem);
    return true;
  }
  return maildrop_ ? after_login(command) : before_login(command);
}

bool Dialogue::before_login(const Command& command) {
  switch (command.verb) {
    case Verb::user:
      user(command.argument);
      return true;
    case Verb::pass:
      return pass(command.argument);
    case Verb::apop:
      return apop(command.argument);
    case Verb::auth:
      return auth(command.argument);
    case Verb::capa:
      capabilities();
      return true;
    case Verb::stls:
      return start_tls();
    default:  // QUIT
      ok();
      return false;
  }
}

bool Dialogue::after_login(const Command& command) {
  switch (command.verb) {
    case Verb::stat:
      stat();
      break;
    case Verb::list:
      list(command.argument);
      break;
    case Verb::uidl:
      uidl(command.argument);
      break;
    case Verb::retr:
      retrieve(command.argument);
      break;
    case Verb::top:
      top(command.argument);
      break;
    case Verb::dele:
      remove(command.argument);
      break;
    case Verb::rset:
      maildrop_->reset();
      ok();
      break;
    case Verb::capa:
      capabilities();
      break;
    case Verb::quit:
      return quit();
    default:  // NOOP
      ok();
      break;
  }
  return true;
}

void Dialogue::capabilities() {
  const conf::Config& config = session_.config();
  std::string out = "+OK List of capabilities follows\r\n";
  if (!maildrop_) {
    const std::string mechanisms = session_.login().mechanisms("");
    out += mechanisms.empty() ? "" : "SASL " + mechanisms + "\r\n";
    out += session_.can_start_tls() ? "STLS\r\n" : "";
  }
  const std::int64_t expire = config.seconds(Option::popexpiretime);
  out += expire < 0 ? "EXPIRE NEVER\r\n" : fmt::format("EXPIRE {}\r\n", expire / 86400);
  out += fmt::format("LOGIN-DELAY {}\r\n", std::max<std::int64_t>(0, config.seconds(Option::popminpoll)));
  out += "TOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n";
  if (!maildrop_ && session_.login().plaintext_allowed()) {
    out += "USER\r\n";
  }
  connection_.write(out + fmt::format("IMPLEMENTATION cyrkit POP3 {}\r\n.\r\n", session::Session::version()));
}

bool Dialogue::start_tls() {
  if (!session_.can_start_tls()) {
    err("STLS is not available");
    return true;
  }
  ok("Begin TLS negotiation now");
  const auto timeout = connection_.timeout();
  user_.clear();
  if (!session_.start_tls()) {
    return false;
  }
  connection_.set_timeout(timeout);
  return true;
}

void Dialogue::user(std::string_view name) {
  if (!session_.login().plaintext_allowed()) {
    err("[AUTH] USER command only available under a layer");
    return;
  }
  user_ = name;
  ok("Name is a valid mailbox");
}

bool Dialogue::pass(const std::string& password) {
  if (user_.empty()) {
    err("[AUTH] Must give USER command");
    return true;
  }
  std::string name = std::move(user_);
  user_.clear();
  folder_.clear();
  if (const auto plus = name.find('+');
      plus != std::string::npos && session_.config().is_on(Option::popsubfolders)) {
    folder_ = name.substr(plus + 1);
    name.resize(plus);
  }
  return answer(session_.login().with_password(name, password));
}

bool Dialogue::apop(const std::string& argument) {
  if (session_.login().apop_stamp().empty()) {
    err("Unrecognized command");
    return true;
  }
  return answer(session_.login().with_apop(argument));
}

bool Dialogue::auth(const std::string& argument) {
  if (argument.empty()) {
    std::string list = session_.login().mechanisms("", "\r\n");
    connection_.write("+OK List of supported mechanisms follows\r\n" + list + (list.empty() ? "" : "\r\n") +
                      ".\r\n");
    return true;
  }
  const auto space = argument.find(' ');
  const std::optional<std::string> initial =
      space == std::string::npos ? std::nullopt : std::optional(argument.substr(space + 1));
  return answer(
      session_.login().authenticate(argument.substr(0, space), initial, [this](const std::string& challenge) {
        connection_.write("+ " + challenge + "\r\n");
        return connection_.read_line(longest_response);
      }));
}

bool Dialogue::answer(const session::Verdict& verdict) {
  using Kind = session::Verdict::Kind;
  switch (verdict.kind) {
    case Kind::closed:
      return false;
    case Kind::too_many:
      err(verdict.text);
      return false;
    case Kind::cancelled:
      err("[AUTH] " + verdict.text);
      return true;
    case Kind::bad_input:
      err("[AUTH] Invalid base64 string");
      return true;
    case Kind::refused:
      err(verdict.text == "authentication failure" ? "[AUTH] Invalid login" : "[AUTH] " + verdict.text);
      return ++errors_ < most_errors;
    case Kind::accepted:
      break;
  }
  return open_maildrop();
}

// pop_exclusive: the rule of the old documents, one POP3 session per maildrop.
Status Dialogue::lock_maildrop() {
  const auto exclusive = session_.config().overflow("pop_exclusive");
  if (!exclusive ||
      (*exclusive != "yes" && *exclusive != "on" && *exclusive != "1" && *exclusive != "true")) {
    return success();
  }
  CYR_TRY(const fs::path path, session_.store().paths().lock_file("$POP$" + maildrop_->name()));
  CYR_CHECK(session_.store().io().make_directories(path.parent_path(), 0755));
  CYR_TRY(lock_, open_locked(session_.store().io(), path, LockMode::exclusive, LockWait::try_once,
                             {.write = true, .create = true}));
  return success();
}

std::string Dialogue::too_early() const {
  const std::int64_t least = session_.config().seconds(Option::popminpoll);
  const auto last = static_cast<std::int64_t>(maildrop_->last_login());
  if (least <= 0 || last + least <= std::time(nullptr)) {
    return {};
  }
  return fmt::format("[LOGIN-DELAY] Logins must be at least {} minute{} apart", least / 60,
                     least == 60 ? "" : "s");
}

bool Dialogue::open_maildrop() {
  store::Store& store = session_.store();
  session::Login& login = session_.login();
  const auto refuse = [&](const std::string& text) {
    maildrop_.reset();
    log(LogLevel::notice, "no maildrop for {}: {}", login.user(), text);
    err(text);
    return false;
  };
  names::MailboxName name =
      names::MailboxName::inbox_of(names::UserId::parse(login.user(), store.name_space()));
  if (!folder_.empty()) {
    for (const auto part : split(folder_, store.name_space().separator())) {
      name.boxes.emplace_back(part);
    }
  }
  auto opened = Maildrop::open(store, name, login.identity());
  if (!opened && opened.error().code == Errc::not_found && folder_.empty() &&
      session::make_first_mailboxes(session_.service(), login.user())) {
    opened = Maildrop::open(store, name, login.identity());
  }
  if (!opened) {
    return refuse("[SYS/TEMP] Unable to open maildrop: " + opened.error().what);
  }
  maildrop_ = std::move(*opened);
  if (const std::string text = too_early(); !text.empty()) {
    return refuse(text);
  }
  if (auto locked = lock_maildrop(); !locked) {
    return refuse("[IN-USE] Unable to lock maildrop: Mailbox is locked");
  }
  session_.show_mailbox(maildrop_->name());
  log(LogLevel::debug, "open: user {} opened {}", login.user(), maildrop_->name());
  return session_.welcome(fmt::format("+OK Mailbox locked and ready SESSIONID=<{}>\r\n", session_.id()))
      .has_value();
}

void Dialogue::stat() {
  std::uint64_t count = 0;
  std::uint64_t size = 0;
  for (const auto& message : maildrop_->messages()) {
    count += message.deleted ? 0 : 1;
    size += message.deleted ? 0 : message.size;
  }
  ok(fmt::format("{} {}", count, size));
}

void Dialogue::listing(const std::string& argument, std::string_view title,
                       const std::function<std::string(const Message&)>& item) {
  if (!argument.empty()) {
    const auto number = parse_message_number(argument);
    const Message* const message = number ? maildrop_->find(*number) : nullptr;
    if (message == nullptr) {
      err(number ? no_such_message : "Not a number");
    } else {
      ok(fmt::format("{} {}", *number, item(*message)));
    }
    return;
  }
  ok(title);
  std::uint32_t number = 0;
  for (const auto& message : maildrop_->messages()) {
    ++number;
    if (!message.deleted) {
      connection_.write(fmt::format("{} {}\r\n", number, item(message)));
    }
  }
  connection_.write(".\r\n");
}

void Dialogue::list(const std::string& argument) {
  listing(argument, "scan listing follows",
          [](const Message& message) { return std::to_string(message.size); });
}

void Dialogue::uidl(const std::string& argument) {
  listing(argument, "unique-id listing follows",
          [this](const Message& message) { return maildrop_->uidl(message); });
}

void Dialogue::send(Message& message, std::uint64_t lines) {
  const auto bytes = maildrop_->bytes(message);
  if (!bytes) {
    log(LogLevel::error, "cannot read message {} of {}: {}", message.uid, maildrop_->name(),
        bytes.error().text());
    err("[SYS/PERM] Could not read message file");
    return;
  }
  ok("Message follows");
  std::string text;
  append_stuffed(text, bytes->text(), lines);
  connection_.write(text);
  connection_.write(".\r\n");
}

void Dialogue::retrieve(const std::string& argument) {
  const auto number = parse_message_number(argument);
  Message* const message = number ? maildrop_->find(*number) : nullptr;
  if (message == nullptr) {
    err(number ? no_such_message : "Not a number");
    return;
  }
  send(*message, UINT64_MAX);
  message->seen = true;
}

void Dialogue::top(const std::string& argument) {
  const auto numbers = parse_top(argument);
  Message* const message = numbers ? maildrop_->find(numbers->message) : nullptr;
  if (message == nullptr) {
    err(numbers ? no_such_message : std::string_view(numbers.error().what));
    return;
  }
  send(*message, numbers->lines);
}

void Dialogue::remove(const std::string& argument) {
  const auto number = parse_message_number(argument);
  Message* const message = number ? maildrop_->find(*number) : nullptr;
  if (message == nullptr) {
    err(number ? no_such_message : "Not a number");
  } else if (!maildrop_->may_delete()) {
    err("[SYS/PERM] Permission denied");
  } else {
    message->deleted = true;
    ok("message deleted");
  }
}

bool Dialogue::quit() {
  const auto deleted = maildrop_->update();
  if (!deleted) {
    log(LogLevel::error, "{}: {}", maildrop_->name(), deleted.error().text());
    err("[SYS/TEMP] some messages were not deleted");
    return false;
  }
  if (*deleted > 0) {
    log(LogLevel::notice, "Expunged {} messages from {}", *deleted, maildrop_->name());
  }
  ok();
  return false;
}

}  // namespace cyr::pop3d
