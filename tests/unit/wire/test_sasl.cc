// The server side of SASL against a password database made by saslpasswd2, and the CRAM-MD5 arithmetic of RFC
// 2195 done here with OpenSSL's own command line being the judge of HMAC: the password is known, so is the
// digest.
#include "format/wire/sasl.h"
#include "tests/support/check.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

using namespace cyr;
using wire::SaslStep;

namespace {

class Realm {
 public:
  Realm() {
    const std::string file = (dir_.path() / "sasldb2").string();
    const auto made = test::run_command(
        {"/usr/sbin/saslpasswd2", "-p", "-c", "-f", file, "-u", "mail.test", "alice"}, {.input = "secret"});
    REQUIRE(made.status == 0);
    auto config = conf::Config::parse(
        posix_io(),
        "configdirectory: /c\nsasl_pwcheck_method: auxprop\nsasl_auxprop_plugin: sasldb\n"
        "sasl_mech_list: PLAIN CRAM-MD5 SCRAM-SHA-1 ANONYMOUS EXTERNAL\nsasl_sasldb_path: " +
            file + "\n",
        "imapd.conf");
    REQUIRE_OK(config);
    auto library = wire::SaslLibrary::start(std::make_shared<conf::Config>(std::move(*config)));
    REQUIRE_OK(library);
    library_ = std::move(*library);
  }
  static wire::SaslServer server(bool plaintext) {
    wire::SaslServerSettings settings;
    settings.service = "imap";
    settings.server_name = "mail.test";
    settings.plaintext = plaintext;
    settings.canonicalize = [](std::string_view user, std::string_view /*who*/) -> Result<std::string> {
      return user == "evil" ? Result<std::string>(make_error(Errc::invalid, "bad")) : std::string(user);
    };
    settings.authorize = [](std::string_view user, std::string_view who) -> Status {
      return user == who || user == "bob" ? success() : Status(make_error(Errc::permission, "not as him"));
    };
    auto made = wire::SaslServer::create(std::move(settings));
    REQUIRE_OK(made);
    return std::move(*made);
  }

 private:
  test::TempDir dir_;
  std::unique_ptr<wire::SaslLibrary> library_;
};

std::string plain(const std::string& as, const std::string& who, const std::string& password) {
  return as + '\0' + who + '\0' + password;
}

}  // namespace

TEST_CASE("passwords and PLAIN", "[wire][sasl]") {
  const Realm realm;
  auto server = Realm::server(true);
  CHECK(server.check_password("alice", "secret").state == SaslStep::State::done);
  CHECK(server.user() == "alice");
  const auto wrong = server.check_password("alice", "wrong");
  CHECK(wrong.state == SaslStep::State::failed);
  CHECK(wrong.reason == "authentication failure");
  CHECK(wrong.detail == "SASL(-13): authentication failure: checkpass failed");
  const auto nobody = server.check_password("dave", "wrong");
  CHECK(nobody.reason == "authentication failure");  // the client does not learn who exists
  CHECK(nobody.detail == "SASL(-13): user not found: checkpass failed");

  CHECK(server.start("plain", plain("", "alice", "secret")).state == SaslStep::State::done);
  CHECK(server.mechanism() == "PLAIN");
  auto proxy = Realm::server(true);
  CHECK(proxy.start("PLAIN", plain("carol", "alice", "secret")).state == SaslStep::State::failed);
  CHECK(proxy.start("PLAIN", plain("carol", "alice", "secret")).detail.find("not as him") !=
        std::string::npos);
  CHECK(proxy.start("PLAIN", plain("", "evil", "secret")).state == SaslStep::State::failed);
  CHECK(proxy.start("PLAIN", plain("bob", "alice", "secret")).state == SaslStep::State::done);
  CHECK(proxy.user() == "bob");
  CHECK(proxy.authentication() == "alice");
  auto asked = Realm::server(true);
  CHECK(asked.start("PLAIN", std::nullopt).state == SaslStep::State::challenge);
  CHECK(asked.step(plain("", "alice", "secret")).state == SaslStep::State::done);
}

TEST_CASE("mechanisms are offered as the layer below permits", "[wire][sasl]") {
  const Realm realm;
  auto server = Realm::server(false);
  CHECK(server.mechanisms("AUTH=", " ").find("PLAIN") == std::string::npos);
  CHECK(server.mechanisms("AUTH=", " ").find("AUTH=CRAM-MD5") != std::string::npos);
  CHECK(server.mechanisms("", " ").find("ANONYMOUS") == std::string::npos);
  wire::TlsInfo tls;
  tls.bits = 256;
  tls.binding_name = "tls-exporter";
  tls.binding_data = std::string(32, 'x');
  server.set_tls(tls);
  CHECK(server.mechanisms("AUTH=", " ").find("AUTH=PLAIN") != std::string::npos);
  CHECK(server.mechanisms("AUTH=", " ").find("SCRAM-SHA-1-PLUS") != std::string::npos);
  auto trusted = Realm::server(false);
  trusted.set_trusted("postman");
  CHECK(trusted.mechanisms("", " ").find("EXTERNAL") != std::string::npos);
  CHECK(trusted.start("EXTERNAL", "").state == SaslStep::State::done);
  CHECK(trusted.user() == "postman");
}

TEST_CASE("CRAM-MD5 with the answer that openssl computes", "[wire][sasl]") {
  const Realm realm;
  auto server = Realm::server(false);
  const auto challenge = server.start("CRAM-MD5", std::nullopt);
  REQUIRE(challenge.state == SaslStep::State::challenge);
  const auto digest =
      test::run_command({"openssl", "dgst", "-md5", "-hmac", "secret"}, {.input = challenge.data});
  REQUIRE(digest.status == 0);
  const std::string hex = digest.out.substr(digest.out.rfind(' ') + 1, 32);
  CHECK(server.step("alice " + hex).state == SaslStep::State::done);
  CHECK(server.user() == "alice");
  auto other = Realm::server(false);
  REQUIRE(other.start("CRAM-MD5", std::nullopt).state == SaslStep::State::challenge);
  CHECK(other.step("alice " + hex).state == SaslStep::State::failed);  // of another challenge
}
