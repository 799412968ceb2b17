// LMTP's words and the reader of DATA. Whole dialogues are compared with the real lmtpd in
// tests/interop/services.py.
#include "server-min/lmtpd/command.h"
#include "server-min/lmtpd/data_reader.h"
#include "server-min/lmtpd/recipient.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::lmtpd;

namespace {

struct Read {
  std::string message;
  std::size_t used = 0;
  bool done = false;
  std::string id, date;
};

// In pieces of `step` bytes.
Read read_data(std::string_view bytes, std::size_t step) {
  Read out;
  DataReader reader([&out](std::string_view text) {
    out.message.append(text);
    return success();
  });
  while (!reader.done() && out.used < bytes.size()) {
    const auto used = reader.feed(bytes.substr(out.used, step));
    REQUIRE_OK(used);
    out.used += *used;
  }
  out.done = reader.done();
  out.id = reader.message_id();
  out.date = reader.date();
  return out;
}

}  // namespace

TEST_CASE("commands", "[lmtpd]") {
  CHECK(parse_command("lhlo me").verb == Verb::lhlo);
  CHECK(parse_command("LHLO").verb == Verb::unknown);
  CHECK(parse_command("DATA x").verb == Verb::unknown);
  CHECK(parse_command("HELO x").verb == Verb::unknown);
  CHECK(parse_command("QUIT").verb == Verb::quit);
  CHECK(parse_command("MAIL FROM:<a@b>").argument == "FROM:<a@b>");
}

TEST_CASE("paths: quotes, routes, parameters", "[lmtpd]") {
  const auto parse = [](std::string_view text) { return parse_path(text, "TO:", true); };
  CHECK(parse("TO:<bovik@x> SIZE=3 IGNOREQUOTA")->parameters.size() == 2);
  CHECK(parse("to:<bovik>")->address == Address{"bovik", ""});
  CHECK(parse("TO: <bovik+Work.a@x.org>")->address == Address{"bovik+Work.a", "x.org"});
  CHECK(parse("TO:<\"a b\\\"c\"@x>")->address.local == "a b\"c");
  CHECK(parse("TO:<@a,@b:bovik@c>")->address == Address{"bovik", "c"});
  CHECK(parse("TO:<>")->null);
  for (const char* bad : {"TO:", "TO:bovik", "TO:<bovik", "TO:<bovik>x", "FROM:<a>", "TO:<a\xe4>", "TO:<\"a>",
                          "TO:<a@>", "TO:<a b>", "TO:<<a>>"}) {
    CAPTURE(bad);
    CHECK(!parse(bad));
  }
  CHECK(parse_path("TO:<a\xe4>", "TO:", false).has_value());
  CHECK(decode_xtext("a+40b") == "a@b");
  CHECK(!decode_xtext("a+4"));
  CHECK(!decode_xtext("a+zz"));
}

TEST_CASE("DATA: dots, the end, Return-Path, what duplicates are known by", "[lmtpd]") {
  const std::string sent =
      "Return-Path: <old>\r\n folded\r\nMessage-ID:\r\n <id@x>\r\nDate: Thu, 26 Nov 2026 04:00:00 +0000\r\n"
      "Return-Path: <two>\r\n\r\nReturn-Path: in the body\r\n..dot\r\n.x\r\n.\r\nNOOP\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{10000}}) {
    const Read read = read_data(sent, step);
    CHECK(read.done);
    CHECK(sent.substr(read.used) == "NOOP\r\n");
    CHECK(
        read.message ==
        "Message-ID:\r\n <id@x>\r\nDate: Thu, 26 Nov 2026 04:00:00 +0000\r\n\r\nReturn-Path: in the body\r\n"
        ".dot\r\nx\r\n");
    CHECK(read.id == "<id@x>");
    CHECK(read.date == "Thu, 26 Nov 2026 04:00:00 +0000");
  }
  CHECK(read_data(".\r\n", 100).done);
  CHECK(read_data("a: b\n.\n", 100).message == "a: b\n");
  CHECK_FALSE(read_data("a: b\r\n.\r", 100).done);
  CHECK_FALSE(read_data("a.\r\n", 100).done);
}

TEST_CASE("DATA: fields and lines of any length go through", "[lmtpd]") {
  const std::string field = "X: " + std::string(300'000, 'a') + "\r\n\t" + std::string(300'000, 'b') + "\r\n";
  const std::string body = "\r\n" + std::string(200'000, '.') + "\r\n";
  const Read read = read_data(field + "Return-Path: <x>\r\n" + body + ".\r\n", 4096);
  CHECK(read.done);
  CHECK(read.message == field + "\r\n" + std::string(199'999, '.') + "\r\n");
}

TEST_CASE("posting needs the p right", "[lmtpd]") {
  meta::MailboxEntry entry;
  entry.acl = "anyone\tlrs\tann\tlrp\t";
  CHECK(may_post(entry, session::Identity("ann", {})));
  CHECK_FALSE(may_post(entry, session::Identity()));
  entry.acl = "anyone\tp\t-ann\tp\t";
  CHECK(may_post(entry, session::Identity()));
  CHECK_FALSE(may_post(entry, session::Identity("ann", {})));
}
