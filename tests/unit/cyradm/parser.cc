// The shell's language against what the stock shell did with the same lines (tools.md 2.3 and its
// transcripts), and what it is meant to do better.
#include "cyradm/shell_parser.h"
#include "tests/support/check.h"

using namespace cyr;
using namespace cyr::cyradm;

namespace {

std::optional<std::string> variable(std::string_view name) {
  if (name == "BOX") {
    return "two words";
  }
  return std::nullopt;
}

ParsedLine parsed(std::string_view text, OpenQuotes quotes = OpenQuotes::need_more) {
  auto line = parse_line(text, &variable, quotes);
  REQUIRE_OK(line);
  return std::move(*line);
}

using Words = std::vector<std::string>;
Words words(std::string_view text, OpenQuotes quotes = OpenQuotes::need_more) {
  const auto line = parsed(text, quotes);
  REQUIRE(line.commands.size() == 1);
  return line.commands[0].words;
}

std::string refusal(std::string_view text) {
  const auto line = parse_line(text, &variable);
  REQUIRE_FALSE(line);
  return line.error().what;
}

}  // namespace

TEST_CASE("words, quotes and backslashes", "[cyradm]") {
  CHECK(words("lam user/bob") == Words{"lam", "user/bob"});
  CHECK(words("lam 'user/bob'") == Words{"lam", "user/bob"});
  CHECK(words(R"(lam user\/bob)") == Words{"lam", "user/bob"});
  CHECK(words(R"(echo 'a b' "c d" e\ f)") == Words{"echo", "a b", "c d", "e f"});
  CHECK(words(R"(x 'a\'b')") == Words{"x", "a'b"});
  CHECK(words(R"(cm "user/o'brien")") == Words{"cm", "user/o'brien"});
  CHECK(words("sam x y \"\"") == Words{"sam", "x", "y", ""});
  CHECK(words("cm a\"b c\"d") == Words{"cm", "ab cd"});
  CHECK(words(R"(cm --specialuse \\Junk x)") == Words{"cm", "--specialuse", R"(\Junk)", "x"});
}

TEST_CASE("variables are expanded once, inside both kinds of quotes, and not split again", "[cyradm]") {
  CHECK(words("lam $BOX") == Words{"lam", "two words"});
  CHECK(words("lam '${BOX}' \"$BOX\"") == Words{"lam", "two words", "two words"});
  CHECK(words("lam user/$FOO") == Words{"lam", "user/"});
  CHECK(words("lam ${FOO}/bob") == Words{"lam", "/bob"});
  CHECK(words("lam $ ${ $(") == Words{"lam", "$", "${", "$("});
}

TEST_CASE("an open quote waits for more, or ends with the line", "[cyradm]") {
  CHECK(parsed("setmd x comment \"one").open_quote);
  CHECK_FALSE(parsed("setmd x comment \"one\ntwo\"").open_quote);
  CHECK(words("setmd x comment \"one\ntwo\"") == Words{"setmd", "x", "comment", "one\ntwo"});
  CHECK(words("lm unterminated\"quote", OpenQuotes::end_at_line) == Words{"lm", "unterminatedquote"});
  // As the stock shell: the other quote closes where the same one does not come again.
  CHECK(words("lam \"user/bob' x", OpenQuotes::end_at_line) == Words{"lam", "user/bob", "x"});
}

TEST_CASE("semicolons and redirections", "[cyradm]") {
  const auto line = parsed("lm nosuch* ; lam user/bob > out 2>&1; server");
  REQUIRE(line.commands.size() == 3);
  CHECK(line.commands[0].words == Words{"lm", "nosuch*"});
  const auto& redirects = line.commands[1].redirects;
  REQUIRE(redirects.size() == 2);
  CHECK(redirects[0].kind == Redirect::Kind::write);
  CHECK(redirects[0].fd == 1);
  CHECK(redirects[0].target == "out");
  CHECK(redirects[1].kind == Redirect::Kind::duplicate);
  CHECK(redirects[1].fd == 2);
  CHECK(redirects[1].source_fd == 1);
  CHECK(line.commands[2].words == Words{"server"});
  CHECK(parsed("lm >> log").commands[0].redirects[0].kind == Redirect::Kind::append);
  CHECK(parsed("import - < users").commands[0].redirects[0].kind == Redirect::Kind::read);
  CHECK(parsed("lm 1>&-").commands[0].redirects[0].kind == Redirect::Kind::close);
  CHECK(parsed(" ; ;").commands.empty());
}

TEST_CASE("a number before a redirection is an operand unless it touches it", "[cyradm]") {
  const auto line = parsed("sq user/bob 1000 > out");
  CHECK(line.commands[0].words == Words{"sq", "user/bob", "1000"});
  CHECK(line.commands[0].redirects[0].fd == 1);
}

TEST_CASE("what cannot be understood says so", "[cyradm]") {
  CHECK(refusal("echo hi &") == "syntax error: cannot deal with `&' here");
  CHECK(refusal("lm >") == "syntax error: no file name after `>'");
  CHECK(refusal("lm > ; lam x") == "syntax error: no file name after `>'");
  CHECK(refusal("lm <<< x") == "syntax error: cannot deal with `<' here");
  CHECK(refusal("lm 2>&x") == "invalid file descriptor `x'");
  CHECK(refusal(std::string(max_shell_line + 1, 'x')).find("longer than") != std::string::npos);
}

TEST_CASE("quote_word gives words back as they were", "[cyradm]") {
  for (const std::string word : {"plain", "", "two words", "o'brien", "a\"b", "$HOME", "back\\slash", "#x",
                                 "a;b", "line\nfeed", "user/Entw\xc3\xbcrfe"}) {
    CAPTURE(word);
    CHECK(words("x " + quote_word(word)) == Words{"x", word});
  }
}
