// THREAD and SORT: the examples and rules of RFC 5256.
#include "server-min/imapd/envelope.h"
#include "server-min/imapd/sort.h"
#include "server-min/imapd/thread.h"
#include "tests/support/check.h"

using namespace cyr::imapd;

TEST_CASE("base subjects of RFC 5256 2.1") {
  const auto base = [](std::string_view text) { return base_subject(text).text; };
  CHECK(base("Re: hello") == "HELLO");
  CHECK(base("re[2]: Fwd: hello") == "HELLO");
  CHECK(base("[list] Re: [list] hello (fwd) (fwd)") == "HELLO");
  CHECK(base("[Fwd: Re: hello]") == "HELLO");
  CHECK(base("  a \t b\t") == "A B");
  CHECK(base("[only]") == "[ONLY]");
  CHECK(base("Re:") == "");
  CHECK(base("Fw: x") == "X");
  CHECK(base("Reply: x") == "REPLY: X");
  CHECK(base_subject("Re: a").is_reply);
  CHECK(base_subject("a (fwd)").is_reply);
  CHECK_FALSE(base_subject("[list] a").is_reply);
}

TEST_CASE("envelopes are read back from the cache") {
  const auto envelope = read_envelope(
      "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"Re: \\\"x\\\"\" ((\"Terry Gray\" NIL \"gray\" "
      "\"cac.washington.edu\")) NIL NIL ((NIL NIL \"grp\" NIL)(NIL NIL \"imap\" \"a.b\")(NIL NIL NIL NIL)) "
      "NIL NIL "
      "NIL {3}\r\n<a>)");
  REQUIRE(envelope);
  CHECK(envelope->subject == "Re: \"x\"");
  CHECK(envelope->from->mailbox == "gray");
  CHECK(envelope->to->mailbox == "imap");  // the group's name is no address
  CHECK_FALSE(envelope->cc);
  CHECK(envelope->message_id == "<a>");
  CHECK_FALSE(read_envelope("(NIL NIL ((("));
  CHECK_FALSE(read_envelope(""));
  const auto some = read_envelope(
      "({1}\r\n) \"a \\\"(b\" ((NIL NIL \"x)\" {1}\r\n\"))NIL ((NIL NIL \"r\" \"s\")) "
      "((\"n\" NIL \"y\" \"z\")(\"m\" NIL q NIL)) NIL NIL \"<p>\" <m>)",
      {.subject = true, .to = true, .ids = true});
  REQUIRE(some);
  CHECK(some->subject == "a \"(b");
  CHECK_FALSE(some->from);
  CHECK((some->to->name == "n" && some->to->mailbox == "y" && some->to->host == "z"));
  CHECK(some->in_reply_to == "<p>");
  CHECK(some->message_id == "<m>");
}

TEST_CASE("ORDEREDSUBJECT threads by base subject, then date") {
  std::vector<ThreadMessage> messages{{1, 100, "B", false, "", {}},
                                      {2, 50, "A", false, "", {}},
                                      {3, 60, "B", true, "", {}},
                                      {4, 70, "A", true, "", {}},
                                      {5, 80, "A", true, "", {}}};
  CHECK(print_threads(thread_by_subject(messages)) == "(2 (4)(5))(3 1)");
}

TEST_CASE("REFERENCES links by ids, through messages that are not there") {
  const std::vector<ThreadMessage> messages{
      {1, 10, "A", false, "a", {}},        {2, 20, "A", true, "b", {"a"}},
      {3, 30, "A", true, "c", {"a", "b"}}, {4, 40, "X", true, "d", {"gone"}},
      {5, 50, "Y", true, "e", {"gone"}},   {6, 60, "Z", false, "", {}},
  };
  CHECK(print_threads(thread_by_references(messages)) == "(1 2 3)((4)(5))(6)");
}

TEST_CASE("REFERENCES survives loops, doubled ids and long chains") {
  const std::vector<ThreadMessage> loop{
      {1, 1, "", false, "a", {"b"}}, {2, 2, "", false, "b", {"a"}}, {3, 3, "", false, "a", {"a"}}};
  const std::string text = print_threads(thread_by_references(loop));
  for (const char* number : {"1", "2", "3"}) {
    CHECK(text.find(number) != std::string::npos);
  }
  std::vector<ThreadMessage> chain;
  for (std::uint32_t i = 1; i <= 20'000; ++i) {
    chain.push_back({i, i, "", false, std::to_string(i), {std::to_string(i - 1)}});
  }
  CHECK_FALSE(thread_by_references(chain).empty());
  std::reverse(chain.begin(), chain.end());
  CHECK_FALSE(thread_by_references(chain).empty());
}

TEST_CASE("roots of one subject come together (RFC 5256 3, REFERENCES step 5)") {
  const std::vector<ThreadMessage> reply_last{{1, 10, "S", false, "a", {}}, {2, 20, "S", true, "b", {}}};
  CHECK(print_threads(thread_by_references(reply_last)) == "(1 2)");
  const std::vector<ThreadMessage> equals{{1, 10, "S", false, "a", {}}, {2, 20, "S", false, "b", {}}};
  CHECK(print_threads(thread_by_references(equals)) == "((1)(2))");
}

TEST_CASE("sort criteria compare in turn, and ties go by number") {
  std::vector<SortRow> rows{
      {1, {{5, ""}, {0, "B"}}}, {2, {{5, ""}, {0, "A"}}}, {3, {{4, ""}, {0, "C"}}}, {4, {{5, ""}, {0, "B"}}}};
  sort_rows(rows, {{SortBy::date, true}, {SortBy::subject, false}});
  std::vector<std::uint32_t> order;
  for (const SortRow& row : rows) {
    order.push_back(row.msgno);
  }
  CHECK(order == std::vector<std::uint32_t>{2, 1, 4, 3});
}
