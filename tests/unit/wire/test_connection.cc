// Connections over socket pairs: lines and counts, limits and timeouts, and the layers. TLS is judged from
// both sides by OpenSSL; deflate by zlib's own stream.
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <fstream>
#include <thread>

#include "format/wire/base64.h"
#include "format/wire/connection.h"
#include "format/wire/deflate.h"
#include "format/wire/tls.h"
#include "tests/support/check.h"
#include "tests/support/temp_dir.h"

using namespace cyr;
using cyr::test::TempDir;
using std::chrono::milliseconds;

namespace {

struct Pair {
  Pair() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) == 0);
    a = std::make_unique<wire::Connection>(fds[0], fds[0]);
    b = std::make_unique<wire::Connection>(fds[1], fds[1]);
    a->set_timeout(milliseconds(5000));
    b->set_timeout(milliseconds(5000));
  }
  std::unique_ptr<wire::Connection> a, b;
};

void send(wire::Connection& connection, std::string_view text) {
  connection.write(text);
  REQUIRE_OK(connection.flush());
}

std::string line(wire::Connection& connection, std::size_t limit = 1000) {
  auto got = connection.read_line(limit);
  REQUIRE_OK(got);
  return *got;
}

}  // namespace

TEST_CASE("lines end in LF or CRLF, counted bytes do not", "[wire]") {
  Pair pair;
  send(*pair.a, "one\r\ntwo\n\r\nab\ncdefour");
  CHECK(line(*pair.b) == "one");
  CHECK(pair.b->has_input());
  CHECK(line(*pair.b) == "two");
  CHECK(line(*pair.b).empty());
  auto counted = pair.b->read_exactly(6);
  REQUIRE_OK(counted);
  CHECK(*counted == "ab\ncde");
  CHECK(*pair.b->read_some(3) == "fou");
  pair.a->close();
  CHECK(*pair.b->read_some(3) == "r");
  const auto end = pair.b->read_line(10);
  REQUIRE(!end);
  CHECK(wire::is_closed(end.error()));
}

TEST_CASE("a line that is too long is skipped, the next one is read", "[wire]") {
  Pair pair;
  std::thread writer(
      [&] { send(*pair.a, std::string(100'000, 'x') + "\r\nnext\r\n" + std::string(11, 'y') + "\n"); });
  const auto first = pair.b->read_line(10);
  REQUIRE(!first);
  CHECK(wire::is_too_long(first.error()));
  CHECK(line(*pair.b) == "next");
  const auto third = pair.b->read_line(10);  // in the buffer as a whole already
  REQUIRE(!third);
  CHECK(wire::is_too_long(third.error()));
  writer.join();
}

TEST_CASE("a line without an end does not fill the memory", "[wire]") {
  Pair pair;
  std::thread writer([&] {
    pair.a->write(std::string(3U << 20U, 'x'));
    (void)pair.a->flush();
  });
  const auto got = pair.b->read_line(10);
  REQUIRE(!got);
  CHECK(wire::is_closed(got.error()));
  pair.b->close();
  writer.join();
}

TEST_CASE("waiting ends in time, and when the watched descriptor says so", "[wire]") {
  Pair pair;
  Pair other;
  pair.b->set_timeout(milliseconds(50));
  send(*pair.a, "half a line");
  const auto late = pair.b->read_line(100);
  REQUIRE(!late);
  CHECK(wire::is_timeout(late.error()));
  CHECK(*pair.b->read_some(100) == "half a line");
  CHECK(*pair.b->wait(milliseconds(10)) == wire::Wake::timeout);
  send(*other.a, "!");
  CHECK(*pair.b->wait(milliseconds(5000), other.b->input_descriptor()) == wire::Wake::other);
  pair.b->watch(other.b->input_descriptor());
  CHECK(*pair.b->wait(milliseconds(5000)) == wire::Wake::watched);
  const auto woken = pair.b->read_line(100);
  REQUIRE(!woken);
  CHECK(wire::is_woken(woken.error()));
  send(*pair.a, "x\n");  // what was sent is served all the same
  CHECK(line(*pair.b) == "x");
}

TEST_CASE("a peer that does not read ends the writing", "[wire]") {
  Pair pair;
  pair.a->set_timeout(milliseconds(50));
  pair.a->write(std::string(8U << 20U, 'x'));
  const auto sent = pair.a->flush();
  REQUIRE(!sent);
  CHECK(wire::is_timeout(sent.error()));
  CHECK(pair.a->write_error());
  pair.b->close();
}

TEST_CASE("the tap sees plain bytes of both directions", "[wire]") {
  Pair pair;
  std::string seen;
  pair.b->set_tap([&](bool sent, Bytes bytes) { seen += (sent ? ">" : "<") + std::string(as_text(bytes)); });
  send(*pair.a, "a\n");
  CHECK(line(*pair.b) == "a");
  send(*pair.b, "b\n");
  CHECK(seen == "<a\n>b\n");
}

TEST_CASE("deflate in both directions, and a bomb comes in pieces", "[wire]") {
  Pair pair;
  REQUIRE_OK(pair.a->push_layer(*wire::deflate_layer(), false));
  REQUIRE_OK(pair.b->push_layer(*wire::deflate_layer(), false));
  send(*pair.a, "hello\r\n");
  CHECK(line(*pair.b) == "hello");
  send(*pair.b, "back\r\n");
  CHECK(line(*pair.a) == "back");
  const std::string zeros(10U << 20U, '0');  // 10 KiB on the wire
  send(*pair.a, zeros + "\r\n");
  std::size_t count = 0;
  REQUIRE_OK(pair.b->read_counted(zeros.size(), [&](Bytes piece) {
    CHECK(piece.size() <= 128U << 10U);
    count += piece.size();
    return success();
  }));
  CHECK(count == zeros.size());
  CHECK(line(*pair.b).empty());
}

TEST_CASE("what deflate sends is what zlib reads, and garbage is an error", "[wire]") {
  Pair pair;
  REQUIRE_OK(pair.a->push_layer(*wire::deflate_layer(), false));
  send(*pair.a, "some words\r\n");
  const std::string raw = *pair.b->read_some(1000);
  z_stream z{};
  REQUIRE(inflateInit2(&z, -15) == Z_OK);
  std::array<unsigned char, 100> out{};
  std::vector<unsigned char> in(raw.begin(), raw.end());
  z.next_in = in.data();
  z.avail_in = static_cast<unsigned>(in.size());
  z.next_out = out.data();
  z.avail_out = out.size();
  CHECK(inflate(&z, Z_SYNC_FLUSH) == Z_OK);
  CHECK(std::string(out.begin(), out.begin() + 12) == "some words\r\n");
  inflateEnd(&z);
  send(*pair.b, "\xff\xff\xff\xff garbage");
  CHECK(!pair.a->read_line(100));
}

TEST_CASE("base64, the vectors of RFC 4648", "[wire]") {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    CHECK(wire::to_base64(plain) == coded);
    CHECK(wire::from_base64(coded) == plain);
  }
  for (const char* bad : {"Zg=", "Z===", "Zg==Zg==", "Zm9\n", "====", "Z"}) {
    CHECK(!wire::from_base64(bad));
  }
}

namespace {

// Certificates of "localhost" and 127.0.0.1, and an imapd.conf that names them.
struct Certificates {
  Certificates() {
    const auto made = wire::make_self_signed({"localhost", "127.0.0.1"}, 2);
    REQUIRE_OK(made);
    std::ofstream((dir.path() / "key.pem").string()) << made->key;
    std::ofstream((dir.path() / "cert.pem").string()) << made->certificate;
  }
  [[nodiscard]] Result<wire::TlsContext> server(const std::string& more = {}) const {
    const std::string p = dir.path().string();
    const auto config = conf::Config::parse(posix_io(),
                                            "configdirectory: /c\ntls_server_cert: " + p +
                                                "/cert.pem\ntls_server_key: " + p + "/key.pem\n" + more,
                                            "imapd.conf");
    REQUIRE_OK(config);
    return wire::TlsContext::server(*config);
  }
  TempDir dir;
};

struct Outcome {
  std::optional<Error> server, client;
  std::string echoed;
};

// STARTTLS on both sides of a pair; then the client's line comes back.
Outcome handshake(const wire::TlsContext& server, const wire::TlsClientOptions& options, const char* host,
                  std::string_view injected = {}) {
  Pair pair;
  Outcome out;
  pair.a->write(injected);
  REQUIRE_OK(pair.a->flush());
  if (!injected.empty()) {
    REQUIRE_OK(pair.b->read_some(1));
  }
  std::thread other([&] {
    const auto tls = wire::start_tls(*pair.b, server);
    if (!tls) {
      out.server = tls.error();
      pair.b->close();
      return;
    }
    const auto got = pair.b->read_line(100);
    pair.b->write("echo " + got.value_or("nothing") + "\r\n");
    (void)pair.b->flush();
  });
  const auto context = wire::TlsContext::client(options);
  const auto tls = wire::start_tls(*pair.a, *context, host);
  if (tls) {
    pair.a->write("hello\r\n");
    out.echoed = pair.a->read_line(100).value_or("");
  } else {
    out.client = tls.error();
    pair.a->close();
  }
  other.join();
  return out;
}

}  // namespace

TEST_CASE("TLS: trusted, checked by name and by address", "[wire][tls]") {
  const Certificates certificates;
  const auto server = certificates.server();
  REQUIRE_OK(server);
  const wire::TlsClientOptions trusting{.ca_file = certificates.dir.path() / "cert.pem"};
  CHECK(handshake(*server, trusting, "localhost").echoed == "echo hello");
  CHECK(handshake(*server, trusting, "127.0.0.1").echoed == "echo hello");
  const auto wrong = handshake(*server, trusting, "mail.example.org");
  REQUIRE(wrong.client);
  CHECK(wrong.client->text() == "the certificate of mail.example.org is not accepted: hostname mismatch");
  const auto unknown = handshake(*server, {}, "localhost");
  REQUIRE(unknown.client);
  CHECK(unknown.client->text().find("self-signed certificate") != std::string::npos);
  CHECK(handshake(*server, {.verify = false}, "localhost").echoed == "echo hello");
}

TEST_CASE("TLS: what came before is not taken for what comes after", "[wire][tls]") {
  const Certificates certificates;
  const auto server = certificates.server();
  REQUIRE_OK(server);
  CHECK(handshake(*server, {.verify = false}, "localhost", "xA1 INJECTED\r\n").echoed == "echo hello");
}

TEST_CASE("TLS: client certificates and configurations that cannot work", "[wire][tls]") {
  const Certificates certificates;
  const std::string p = certificates.dir.path().string();
  const auto strict =
      certificates.server("tls_client_ca_file: " + p + "/cert.pem\ntls_client_certs: require\n");
  REQUIRE_OK(strict);
  CHECK(handshake(*strict, {.verify = false}, "localhost").server);
  const wire::TlsClientOptions own{.verify = false,
                                   .certificate = certificates.dir.path() / "cert.pem",
                                   .key = certificates.dir.path() / "key.pem"};
  CHECK(handshake(*strict, own, "localhost").echoed == "echo hello");
  CHECK(certificates.server("tls_versions: tls1_0 tls1_1\n").error().code == Errc::config);
  CHECK(certificates.server("tls_ciphers: NONSENSE\n").error().code == Errc::config);
  const auto none =
      conf::Config::parse(posix_io(), "configdirectory: /c\ntls_server_cert: disabled\n", "imapd.conf");
  REQUIRE_OK(none);
  CHECK(wire::TlsContext::server(*none).error().code == Errc::not_found);
}
