// See fetch_items.h.
#include "server-min/imapd/fetch_items.h"

#include <array>
#include <utility>

#include "format/base/text.h"

namespace cyr::imapd {

namespace {

constexpr std::size_t kMaxPartNumbers = 1000;  // deeper than any message is parsed
constexpr std::size_t kMaxBodies = 1000;

struct ItemRow {
  std::string_view name;
  FetchItem item;
  bool set_seen = false;
};
constexpr std::array<ItemRow, 15> kFetchItems{{
    {"FLAGS", FetchItem::flags},
    {"UID", FetchItem::uid},
    {"DIGEST.SHA1", FetchItem::digest_sha1},
    {"INTERNALDATE", FetchItem::internaldate},
    {"MODSEQ", FetchItem::modseq},
    {"EMAILID", FetchItem::emailid},
    {"THREADID", FetchItem::threadid},
    {"SAVEDATE", FetchItem::savedate},
    {"RFC822.SIZE", FetchItem::rfc822_size},
    {"ENVELOPE", FetchItem::envelope},
    {"BODYSTRUCTURE", FetchItem::bodystructure},
    {"BODY", FetchItem::body},
    {"RFC822.HEADER", FetchItem::rfc822_header},
    {"RFC822.TEXT", FetchItem::rfc822_text, true},
    {"RFC822", FetchItem::rfc822, true},
}};

struct BodyRow {
  std::string_view name;
  BodyForm form;
  bool set_seen;
};
constexpr std::array<BodyRow, 5> kBodies{{
    {"BODY", BodyForm::body, true},
    {"BODY.PEEK", BodyForm::body, false},
    {"BINARY", BodyForm::binary, true},
    {"BINARY.PEEK", BodyForm::binary, false},
    {"BINARY.SIZE", BodyForm::binary_size, false},
}};

struct TextRow {
  std::string_view name;
  SectionText text;
};
constexpr std::array<TextRow, 5> kTexts{{
    {"HEADER", SectionText::header},
    {"HEADER.FIELDS", SectionText::header_fields},
    {"HEADER.FIELDS.NOT", SectionText::header_fields_not},
    {"MIME", SectionText::mime},
    {"TEXT", SectionText::text},
}};

Error bad_section(std::string_view text) { return bad_argument("Invalid body section " + std::string(text)); }

// "1.2.HEADER": the numbers, and the word after them.
Status split_section(std::string_view text, SectionSpec& spec) {
  while (!text.empty() && is_digit(text.front())) {
    const std::size_t dot = text.find('.');
    const auto number = parse_number<std::uint32_t>(text.substr(0, dot));
    if (!number || *number == 0 || spec.numbers.size() >= kMaxPartNumbers) {
      return bad_section(text);
    }
    spec.numbers.push_back(*number);
    if (dot == std::string_view::npos) {
      return success();
    }
    text.remove_prefix(dot + 1);
    if (text.empty()) {
      return bad_section(text);
    }
  }
  if (text.empty()) {
    return success();
  }
  for (const TextRow& row : kTexts) {
    if (equal_ignoring_case(row.name, text)) {
      spec.text = row.text;
      return spec.text == SectionText::mime && spec.numbers.empty() ? Status(bad_section(text)) : success();
    }
  }
  return bad_section(text);
}

Status parse_partial(CommandParser& parser, BodyRequest& body) {
  if (!parser.accept('<')) {
    return success();
  }
  CYR_TRY(body.start, parser.number(UINT32_MAX));
  if (!parser.accept('.')) {
    return bad_argument("Invalid body partial");
  }
  CYR_TRY(body.count, parser.number(UINT32_MAX));
  if (body.count == 0 || !parser.accept('>')) {
    return bad_argument("Invalid body partial");
  }
  return success();
}

Result<BodyRequest> parse_body(CommandParser& parser, BodyForm form) {
  BodyRequest body;
  body.form = form;
  CYR_CHECK(parser.expect('['));
  const std::string text = parser.word();
  CYR_CHECK(split_section(text, body.section));
  if (body.section.text == SectionText::header_fields ||
      body.section.text == SectionText::header_fields_not) {
    CYR_CHECK(parser.space());
    CYR_CHECK(parser.list([&]() -> Status {
      CYR_TRY(std::string name, parser.astring());
      body.section.fields.push_back(std::move(name));
      return success();
    }));
    if (body.section.fields.empty()) {
      return bad_section(text);
    }
  }
  if (!parser.accept(']') || (form != BodyForm::body && body.section.text != SectionText::all)) {
    return bad_section(text);
  }
  if (form != BodyForm::binary_size) {
    CYR_CHECK(parse_partial(parser, body));
  }
  return body;
}

Status parse_item(CommandParser& parser, FetchRequest& request) {
  const std::string name = parser.word();
  if (parser.peek() == '[') {
    for (const BodyRow& row : kBodies) {
      if (equal_ignoring_case(row.name, name)) {
        CYR_TRY(BodyRequest body, parse_body(parser, row.form));
        if (request.bodies.size() >= kMaxBodies) {
          return bad_argument("Too many body sections in Fetch");
        }
        request.bodies.push_back(std::move(body));
        request.set_seen = request.set_seen || row.set_seen;
        return success();
      }
    }
  }
  for (const ItemRow& row : kFetchItems) {
    if (equal_ignoring_case(row.name, name) && parser.peek() != '[') {
      request.add(row.item);
      request.set_seen = request.set_seen || row.set_seen;
      return success();
    }
  }
  return bad_argument("Invalid Fetch attribute " + upper_ascii(name));
}

bool take_macro(CommandParser& parser, FetchRequest& request) {
  constexpr std::array<std::string_view, 3> kMacros{"FAST", "ALL", "FULL"};
  for (std::size_t i = 0; i < kMacros.size(); ++i) {
    if (parser.accept_word(kMacros[i])) {
      request.add(FetchItem::flags);
      request.add(FetchItem::internaldate);
      request.add(FetchItem::rfc822_size);
      if (i >= 1) {
        request.add(FetchItem::envelope);
      }
      if (i >= 2) {
        request.add(FetchItem::body);
      }
      return true;
    }
  }
  return false;
}

}  // namespace

Result<FetchRequest> parse_fetch(CommandParser& parser) {
  FetchRequest request;
  if (take_macro(parser, request)) {
    return request;
  }
  if (parser.peek() != '(') {
    CYR_CHECK(parse_item(parser, request));
    return request;
  }
  CYR_CHECK(parser.list([&] { return parse_item(parser, request); }));
  return request;
}

}  // namespace cyr::imapd
