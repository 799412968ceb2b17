// See list_request.h.
#include "server-min/imapd/list_request.h"

#include <array>

#include "format/base/text.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kMaxPatterns = 100;

struct OptionRow {
  std::string_view name;
  bool ListRequest::*field;  // nullptr: accepted, without effect
};
constexpr std::array<OptionRow, 4> kSelection{{
    {"SUBSCRIBED", &ListRequest::subscribed},
    {"REMOTE", nullptr},
    {"RECURSIVEMATCH", &ListRequest::recursive_match},
    {"SPECIAL-USE", &ListRequest::special_use_only},
}};
constexpr std::array<OptionRow, 4> kReturn{{
    {"SUBSCRIBED", &ListRequest::return_subscribed},
    {"CHILDREN", &ListRequest::return_children},
    {"SPECIAL-USE", &ListRequest::return_special_use},
    {"MYRIGHTS", &ListRequest::return_myrights},
}};

template <std::size_t N>
bool set_option(const std::array<OptionRow, N>& rows, std::string_view word, ListRequest& request) {
  for (const OptionRow& row : rows) {
    if (equal_ignoring_case(row.name, word)) {
      if (row.field != nullptr) {
        request.*row.field = true;
      }
      return true;
    }
  }
  return false;
}

Status take_selection(CommandParser& parser, ListRequest& request) {
  const auto take_one = [&]() -> Status {
    const std::string word = parser.word();
    return set_option(kSelection, word, request)
               ? success()
               : Status(bad_argument("Invalid List selection option \"" + word + "\""));
  };
  CYR_CHECK(parser.list(take_one));
  if (request.recursive_match && !request.subscribed && !request.special_use_only) {
    return bad_argument("Invalid List selection option combination: RECURSIVEMATCH alone");
  }
  request.return_subscribed = request.subscribed;
  request.return_special_use = request.special_use_only;
  return success();
}

Status take_return_options(CommandParser& parser, ListRequest& request) {
  const auto take_one = [&]() -> Status {
    const std::string word = parser.word();
    if (equal_ignoring_case(word, "STATUS")) {
      CYR_CHECK(parser.space());
      CYR_TRY(request.return_status, parse_status_items(parser));
      return success();
    }
    return set_option(kReturn, word, request)
               ? success()
               : Status(bad_argument("Invalid List return option \"" + word + "\""));
  };
  return parser.list(take_one);
}

Status take_patterns(CommandParser& parser, ListRequest& request) {
  const auto take_one = [&]() -> Status {
    CYR_TRY(std::string pattern, parser.list_pattern());
    if (request.patterns.size() >= kMaxPatterns) {
      return bad_argument("Too many patterns in List");
    }
    request.patterns.push_back(std::move(pattern));
    return success();
  };
  if (parser.peek() != '(') {
    return take_one();
  }
  request.extended = true;
  return parser.filled_list(take_one);
}

}  // namespace

Result<ListRequest> parse_list(CommandParser& parser, ListMode mode) {
  ListRequest request;
  request.mode = mode;
  CYR_CHECK(parser.space());
  if (parser.peek() == '(' && mode == ListMode::list) {
    request.extended = true;
    CYR_CHECK(take_selection(parser, request));
    CYR_CHECK(parser.space());
  }
  CYR_TRY(request.reference, parser.astring());
  CYR_CHECK(parser.space());
  CYR_CHECK(take_patterns(parser, request));
  if (mode == ListMode::list && parser.accept(' ')) {
    if (!parser.accept_word("RETURN")) {
      return bad_argument("Invalid arguments to List");
    }
    request.extended = true;
    CYR_CHECK(parser.space());
    CYR_CHECK(take_return_options(parser, request));
  }
  CYR_CHECK(parser.end());
  return request;
}

}  // namespace cyr::imapd
