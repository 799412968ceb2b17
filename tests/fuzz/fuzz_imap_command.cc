// The parsers behind IMAP commands: strings and literals, FETCH items, search programs, sort criteria, LIST.
#include <string>
#include <string_view>

#include "server-min/imapd/fetch_items.h"
#include "server-min/imapd/list_request.h"
#include "server-min/imapd/search_program.h"
#include "server-min/imapd/sort.h"
#include "tests/unit/imapd/command_source.h"

using namespace cyr::imapd;

namespace {

void parse_arguments(CommandParser& parser, std::string_view name) {
  if (name == "FETCH") {
    (void)(parser.sequence() && parser.space() && parse_fetch(parser));
  } else if (name == "SEARCH") {
    (void)parse_search(parser, {.now = 1'000'000, .charset = "UTF-8"});
  } else if (name == "SORT") {
    (void)parse_sort(parser);
  } else if (name == "LIST") {
    (void)parse_list(parser, ListMode::list);
  } else {
    while (parser.astring() && parser.space()) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  cyr::test::StringSource source(std::string(reinterpret_cast<const char*>(data), size));  // NOLINT
  ParserLimits limits;
  limits.literal = limits.total = 1U << 16U;
  CommandParser parser(source, limits);
  while (parser.begin()) {
    parser.set_command("Fuzz");
    const auto tag = parser.tag();
    if (tag && parser.accept(' ')) {
      const std::string name = parser.word();
      if (name == "LIST" || parser.accept(' ')) {
        parse_arguments(parser, name);
      }
    }
    if (!parser.finish()) {
      break;
    }
  }
  return 0;
}
