#include "cyradm/imap_client.h"

#include <algorithm>

#include "format/base/text.h"
#include "format/wire/dial.h"

namespace cyr::cyradm {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t longest_line = std::size_t{1} << 20;       // bytes
constexpr std::size_t largest_response = std::size_t{16} << 20;  // bytes, literals included
constexpr int most_before_login = 1000;                          // untagged responses to one command
constexpr milliseconds connect_timeout{30'000};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (const auto word : split(text, ' ')) {
    if (!word.empty()) {
      out.push_back(upper_ascii(word));
    }
  }
  return out;
}

Error refused(std::string why) { return make_error(Errc::permission, std::move(why)); }

}  // namespace

ServerAddress parse_server(std::string_view server, const std::string& default_port) {
  if (server.find('/') != std::string_view::npos) {
    return {std::string(server), {}, true};
  }
  ServerAddress out{std::string(server), default_port, false};
  const auto bracket = server.starts_with('[') ? server.find(']') : std::string_view::npos;
  if (bracket != std::string_view::npos) {
    out.host = std::string(server.substr(1, bracket - 1));
    if (server.substr(bracket + 1).starts_with(':')) {
      out.port = std::string(server.substr(bracket + 2));
    }
  } else if (std::count(server.begin(), server.end(), ':') == 1) {
    const auto colon = server.find(':');
    out.host = std::string(server.substr(0, colon));
    out.port = std::string(server.substr(colon + 1));
  }
  return out;
}

Result<std::unique_ptr<ImapClient>> ImapClient::open(const ImapSettings& settings) {
  const ServerAddress address = parse_server(settings.server, settings.port);
  auto dialled = address.is_path ? wire::dial_unix(address.host)
                                 : wire::dial(address.host, address.port, connect_timeout, settings.wake_fd);
  if (!dialled) {
    if (wire::is_woken(dialled.error())) {
      return make_error(Errc::cancelled, "interrupted");
    }
    return std::move(dialled).error();
  }
  auto client = std::unique_ptr<ImapClient>(new ImapClient);
  client->host_ = address.is_path ? "localhost" : address.host;
  client->local_ = dialled->local;
  client->own_address_ = dialled->own_address;
  client->peer_address_ = dialled->peer_address;
  client->connection_ = std::move(dialled->connection);
  client->alert_ = settings.alert;
  client->connection_->set_timeout(settings.login_timeout);
  client->connection_->watch(settings.wake_fd);
  CYR_CHECK(client->secure(settings));
  return client;
}

Status ImapClient::secure(const ImapSettings& settings) {
  if (settings.tls == TlsUse::from_start) {
    CYR_CHECK(begin_tls(settings));
  }
  CYR_CHECK(read_greeting());
  if (!capabilities_known_) {
    CYR_CHECK(ask_capabilities());
  }
  if (settings.tls == TlsUse::from_start || settings.tls == TlsUse::never) {
    return success();
  }
  // Whoever sits in between can make it look as if we were logged in already, and so keep TLS away.
  if (preauthenticated_ && !local_) {
    return refused(
        "the server says that we are logged in before TLS could be started (--notls permits that)");
  }
  if (!has("STARTTLS") || preauthenticated_) {
    return settings.tls == TlsUse::required ? Status(refused("the server does not offer STARTTLS"))
                                            : success();
  }
  CYR_TRY(const auto answer, run(ImapCommand("STARTTLS")));
  if (answer.word != "OK") {
    return refused("the server offers STARTTLS and refuses it: " + answer.text);
  }
  // An honest server says nothing more before the handshake.
  if (connection_->has_input()) {
    return refused("the server sent more than its answer to STARTTLS: somebody may stand in between");
  }
  CYR_CHECK(begin_tls(settings));
  capabilities_.clear();
  return ask_capabilities();
}

Status ImapClient::begin_tls(const ImapSettings& settings) {
  CYR_TRY(const auto context, wire::TlsContext::client(settings.tls_options));
  auto started = wire::start_tls(*connection_, context, settings.tls_options.verify ? host_ : "");
  if (!started) {
    const Error& cause = started.error();
    if (wire::is_woken(cause)) {
      return make_error(Errc::cancelled, "interrupted");
    }
    return Error(cause).with_hint(
        settings.tls_options.verify
            ? "--cafile FILE or --capath DIRECTORY name the certificates to trust; --insecure trusts any"
            : "");
  }
  tls_ = std::move(*started);
  return success();
}

Status ImapClient::read_greeting() {
  const auto read = read_response();
  if (!read && goodbye_.empty() && read.error().code == Errc::corrupt) {
    return make_error(Errc::io, "this is no IMAP server");
  }
  CYR_CHECK(read);
  const ImapResponse& greeting = *read;
  if (greeting.kind != ImapResponse::Kind::status || greeting.tag != "*" ||
      (greeting.word != "OK" && greeting.word != "PREAUTH")) {
    const std::string text = greeting.word == "BYE" ? greeting.text : "this is no IMAP server";
    return make_error(Errc::io, text);
  }
  preauthenticated_ = greeting.word == "PREAUTH";
  (void)take_note(greeting);
  return success();
}

Status ImapClient::ask_capabilities() {
  CYR_TRY(const auto answer, run(ImapCommand("CAPABILITY")));
  if (answer.word != "OK") {
    return make_error(Errc::io, "CAPABILITY: " + answer.text);
  }
  capabilities_known_ = true;
  return success();
}

void ImapClient::set_capabilities(const std::vector<std::string>& words) {
  capabilities_ = {words.begin(), words.end()};
  capabilities_known_ = true;
}

bool ImapClient::has(std::string_view capability) const { return capabilities_.contains(capability); }

bool ImapClient::usable() {
  while (connection_ != nullptr && connection_->is_open()) {
    const auto wake = connection_->wait(milliseconds(0));
    if (!wake) {
      close();
      return false;
    }
    if (*wake != wire::Wake::input) {
      return true;
    }
    const auto response = read_response();  // BYE before the end, or news of no interest
    if (!response) {
      close();
      return false;
    }
    (void)take_note(*response);
  }
  return false;
}

void ImapClient::close() {
  if (connection_ != nullptr) {
    connection_->close();
  }
}

Error ImapClient::lost(const Error& cause) {
  close();
  if (wire::is_woken(cause)) {
    return make_error(Errc::cancelled, "interrupted; the server may carry it out all the same");
  }
  if (!goodbye_.empty()) {
    return make_error(Errc::io, "Connection to server lost. The server said: " + goodbye_);
  }
  if (wire::is_closed(cause)) {
    return make_error(Errc::io, "Connection to server lost.");
  }
  return make_error(cause.code == Errc::corrupt ? Errc::corrupt : Errc::io,
                    "Connection to server lost: " + cause.text());
}

Result<ImapResponse> ImapClient::read_response() {
  std::string text;
  while (true) {
    auto line = connection_->read_line(longest_line);
    if (!line) {
      return lost(line.error());
    }
    const std::size_t start = text.size();
    if (text.empty()) {
      text = std::move(*line);
    } else {
      text += *line;
    }
    const auto announced = literal_announced(text, std::string_view(text).substr(start));
    if (!announced) {
      return lost(announced.error());
    }
    if (!*announced) {
      break;
    }
    if (**announced > largest_response || text.size() + **announced > largest_response) {
      return lost(make_error(Errc::corrupt, "the server sends a response larger than " +
                                                std::to_string(largest_response) + " bytes"));
    }
    auto literal = connection_->read_exactly(static_cast<std::size_t>(**announced));
    if (!literal) {
      return lost(literal.error());
    }
    text.append("\r\n").append(*literal);
  }
  auto response = parse_response(text);
  if (!response) {
    return lost(response.error());
  }
  return response;
}

bool ImapClient::take_note(const ImapResponse& response) {
  if (response.kind == ImapResponse::Kind::data && response.word == "CAPABILITY") {
    std::vector<std::string> words;
    for (const auto& value : response.values) {
      words.push_back(upper_ascii(value.text));
    }
    set_capabilities(words);
    return true;
  }
  if (response.kind != ImapResponse::Kind::status) {
    return false;
  }
  if (response.code_word() == "CAPABILITY") {
    set_capabilities(words_of(response.code_rest()));
  } else if (response.code_word() == "ALERT" && alert_) {
    alert_(response.text);
  }
  if (response.word == "BYE") {
    goodbye_ = response.text;
  }
  return true;
}

Result<ImapResponse> ImapClient::wait_for_answer(const std::string& tag, const OnData& on_data,
                                                 bool continuation) {
  Status status = success();
  for (int count = 0;; ++count) {
    if (!logged_in_ && count > most_before_login) {
      return lost(make_error(Errc::corrupt, "the server talks without end"));
    }
    CYR_TRY(auto response, read_response());
    if (response.tag == tag && response.kind == ImapResponse::Kind::status) {
      (void)take_note(response);
      CYR_CHECK(status);
      return response;
    }
    if (response.kind == ImapResponse::Kind::continuation) {
      if (continuation) {
        return response;
      }
      return lost(make_error(Errc::corrupt, "the server asks for more where nothing follows"));
    }
    if (response.tag != "*") {
      return lost(make_error(Errc::corrupt, "the server answers a command that was not sent"));
    }
    if (!take_note(response) && on_data && status) {
      status = on_data(std::move(response));
    }
  }
}

Result<ImapResponse> ImapClient::run(const ImapCommand& command, const OnData& on_data) {
  if (connection_ == nullptr || !connection_->is_open()) {
    return make_error(Errc::io, "Connection to server lost.");
  }
  const std::string tag = next_tag();
  const auto pieces = command.pieces(has("LITERAL+"));
  connection_->write(tag + " ");
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    connection_->write(pieces[i]);
    if (auto sent = connection_->flush(); !sent) {
      return lost(sent.error());
    }
    const bool last = i + 1 == pieces.size();
    CYR_TRY(auto answer, wait_for_answer(tag, on_data, !last));
    if (last || answer.tagged()) {
      return answer;
    }
  }
  return make_error(Errc::io, "nothing to send");
}

}  // namespace cyr::cyradm
