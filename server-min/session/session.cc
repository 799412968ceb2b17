#include "server-min/session/session.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <random>

#include "format/base/log.h"
#include "format/base/text.h"
#include "server-min/session/signals.h"

namespace cyr::session {
namespace {

using conf::Option;
constexpr auto shutdown_interval = std::chrono::seconds(1);

Usage usage_now() {
  ::rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto microseconds = [](const ::timeval& time) {
    return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
  };
  return {microseconds(usage.ru_utime), microseconds(usage.ru_stime)};
}

std::string seconds_text(std::int64_t microseconds) {
  return fmt::format("{}.{:06}", microseconds / 1'000'000, microseconds % 1'000'000);
}

struct Address {
  ::sockaddr_storage storage{};
  ::socklen_t size = sizeof storage;
  [[nodiscard]] const ::sockaddr* get() const {
    return reinterpret_cast<const ::sockaddr*>(&storage);
  }                                                                                    // NOLINT
  [[nodiscard]] ::sockaddr* get() { return reinterpret_cast<::sockaddr*>(&storage); }  // NOLINT
  [[nodiscard]] bool is_ip() const { return storage.ss_family == AF_INET || storage.ss_family == AF_INET6; }
};

// Address and port in digits; both empty when there are none.
std::pair<std::string, std::string> numeric(const Address& address) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(address.get(), address.size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  const std::string text = host.data();
  return {text.substr(0, text.find('%')), port.data()};  // without the interface of a link-local address
}

Peer peer_of(int fd) {
  Peer peer;
  Address remote;
  Address local;
  if (::getpeername(fd, remote.get(), &remote.size) != 0) {
    return peer;  // no socket: somebody on this machine started us
  }
  if (!remote.is_ip() || ::getsockname(fd, local.get(), &local.size) != 0) {
    peer.name = "[unix socket]";
    return peer;
  }
  const auto [address, port] = numeric(remote);
  const auto [local_address, local_port] = numeric(local);
  peer.address = address;
  peer.local_address = local_address;
  peer.sasl_remote = address + ";" + port;
  peer.sasl_local = local_address + ";" + local_port;
  std::array<char, NI_MAXHOST> name{};
  const bool named =
      ::getnameinfo(remote.get(), remote.size, name.data(), name.size(), nullptr, 0, NI_NAMEREQD) == 0;
  peer.name = named ? fmt::format("{} [{}]", name.data(), address) : fmt::format("[{}]", address);
  return peer;
}

void set_option(int fd, int level, int name, std::int64_t value) {
  const int number = static_cast<int>(std::clamp<std::int64_t>(value, 0, 1 << 30));
  (void)::setsockopt(fd, level, name, &number, sizeof number);
}

void tune_socket(int fd, const conf::Config& config) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (!config.is_on(Option::tcp_keepalive)) {
    return;
  }
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (const auto count = config.integer(Option::tcp_keepalive_cnt); count > 0) {
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
  }
  if (const auto idle = config.seconds(Option::tcp_keepalive_idle); idle > 0) {
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
  }
  if (const auto interval = config.seconds(Option::tcp_keepalive_intvl); interval > 0) {
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
  }
}

std::uint64_t random_number() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

}  // namespace

Session::Session(Service& service, int in_fd, int out_fd)
    : service_(service),
      peer_(peer_of(in_fd)),
      connection_(in_fd, out_fd),
      login_(service, peer_, [this] { return id_; }),
      proc_file_(service.io(), service.store().paths().proc_directory()),
      usage_(usage_now()) {
  connection_.watch(stop_descriptor());
  if (peer_.is_tcp()) {
    tune_socket(in_fd, service.config());
  }
  new_id();
  show();
  if (service.tls_first() && !start_tls()) {
    connection_.close();
  }
}

Session::~Session() {
  connection_.close();
  if (!login_.logged_in()) {
    return;
  }
  const Usage now = usage_now();
  log(LogLevel::notice, "USAGE {} user: {} sys: {}", login_.user(), seconds_text(now.user - usage_.user),
      seconds_text(now.system - usage_.system));
}

std::string_view Session::version() { return CYRKIT_VERSION; }

std::string Session::banner(std::string_view protocol) const {
  const std::string_view how_much = config_text(Option::serverinfo);
  if (how_much == "off") {
    return "server ready";
  }
  return how_much == "min"
             ? fmt::format("{} server ready", service_.server_name())
             : fmt::format("{} cyrkit {} {} server ready", service_.server_name(), protocol, version());
}

void Session::new_id() {
  const std::string given(config_text(Option::syslog_prefix));
  const std::string prefix = given.empty() ? service_.server_name() : given;
  id_ = fmt::format("{}-{}-{}-{}-{}", prefix.substr(0, 128), std::time(nullptr), ::getpid(), ++id_count_,
                    random_number());
}

bool Session::can_start_tls() const { return service_.tls() != nullptr && !tls_active_ && !layer_active_; }

Status Session::start_tls() {
  connection_.set_timeout(std::chrono::seconds(30));
  auto tls = wire::start_tls(connection_, *service_.tls());
  if (!tls) {
    log(LogLevel::notice, "STARTTLS negotiation failed: {}: {}", peer_.name, tls.error().text());
    return std::move(tls).error();
  }
  tls_active_ = true;
  log(LogLevel::notice, "starttls: {} {}", tls->text(),
      tls->peer.empty() ? "no authentication" : "authenticated as " + printable(tls->peer));
  login_.set_tls(*tls);
  return success();
}

void Session::start_telemetry() {
  const std::string last = config().is_on(Option::telemetry_bysessionid) ? id_ : std::to_string(::getpid());
  telemetry_ = Telemetry::open(store(), login_.user(), service_.name() + "-" + last);
  if (telemetry_) {
    connection_.set_tap([this](bool sent, Bytes bytes) { telemetry_->add(sent, bytes); });
  }
}

Status Session::welcome(std::string_view answer) {
  CYR_CHECK(connection_.flush());
  start_telemetry();
  shown_.user = login_.user();
  show();
  connection_.write(answer);
  CYR_CHECK(connection_.flush());
  if (auto layer = login_.take_security_layer()) {
    layer_active_ = true;
    return connection_.push_layer(std::move(layer), false);
  }
  return success();
}

void Session::show() {
  shown_.pid = ::getpid();
  shown_.service = service_.name();
  shown_.client = peer_.name;
  proc_file_.show(shown_);
}

void Session::show_mailbox(std::string_view mailbox) {
  shown_.mailbox = mailbox;
  show();
}

void Session::show_command(std::string_view command) {
  shown_.command = command;
  show();
}

std::optional<std::string> Session::should_end() {
  if (stop_requested()) {
    return "Server shutting down";
  }
  const auto now = std::chrono::steady_clock::now();
  if (shutdown_seen_ == std::chrono::steady_clock::time_point{} || now - shutdown_seen_ > shutdown_interval) {
    shutdown_seen_ = now;
    shutdown_ = shutdown_text(store());
  }
  return shutdown_;
}

void serve_one(Service& service, int in_fd, int out_fd) noexcept {
  try {
    Session session(service, in_fd, out_fd);
    if (session.connection().is_open()) {
      service.definition().serve(session);
    }
  } catch (const std::exception& trouble) {
    log(LogLevel::error, "a session ended early: {}", trouble.what());
  }
}

}  // namespace cyr::session
