// See sections.h. The shape of a SECTION item is in mailbox.md 5.4: a node with parts is a multipart, whose
// part 0 has no place of its own, or a message, whose part 0 is that message.
#include "server-min/imapd/sections.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/text.h"
#include "format/text/imap_string.h"
#include "format/text/transfer.h"

namespace cyr::imapd {

namespace {

constexpr std::uint32_t kNoPlace = 0xFFFFFFFF;  // header_size of a multipart's part 0
constexpr std::uint16_t kQuotedPrintable = 1, kBase64 = 2;

std::string_view cut(std::string_view message, std::uint32_t offset, std::uint32_t size) {
  return offset >= message.size() ? std::string_view("", 0) : message.substr(offset, size);
}

struct Found {
  const mime::SectionPart* part = nullptr;
  const mime::SectionNode* node = nullptr;
};

Found follow(const std::vector<std::uint32_t>& numbers, const mime::SectionNode& root) {
  Found at{root.parts.empty() ? nullptr : &root.parts[0], &root};
  for (const std::uint32_t number : numbers) {
    if (number == 0 || number >= at.node->parts.size() || number > at.node->children.size()) {
      return {};
    }
    at.part = &at.node->parts[number];
    at.node = &at.node->children[number - 1];
  }
  return at;
}

// The message that a node is about: the whole one, or that inside a MESSAGE/RFC822 part.
const mime::SectionPart* message_of(const mime::SectionNode& node) {
  return node.parts.empty() || node.parts[0].header_size == kNoPlace ? nullptr : &node.parts[0];
}

std::string_view word_of(SectionText text) {
  switch (text) {
    case SectionText::header:
      return "HEADER";
    case SectionText::header_fields:
      return "HEADER.FIELDS";
    case SectionText::header_fields_not:
      return "HEADER.FIELDS.NOT";
    case SectionText::mime:
      return "MIME";
    case SectionText::text:
      return "TEXT";
    case SectionText::all:
      break;
  }
  return "";
}

}  // namespace

std::string print_section(const SectionSpec& spec) {
  std::string out = fmt::format("{}", fmt::join(spec.numbers, "."));
  const std::string_view word = word_of(spec.text);
  if (!out.empty() && !word.empty()) {
    out += '.';
  }
  out += word;
  if (spec.text == SectionText::header_fields || spec.text == SectionText::header_fields_not) {
    out += " (";
    for (std::size_t i = 0; i < spec.fields.size(); ++i) {
      out += i == 0 ? "" : " ";
      text::append_astring(out, spec.fields[i], text::LiteralForm::synchronizing);
    }
    out += ')';
  }
  return out;
}

std::string_view content_of(const mime::SectionPart& part, std::string_view message) {
  return cut(message, part.content_offset, part.content_size);
}

std::string_view header_of(const mime::SectionPart& part, std::string_view message) {
  return cut(message, part.header_offset, part.header_size);
}

const mime::SectionPart* find_part(const std::vector<std::uint32_t>& numbers, const mime::SectionNode& root) {
  return numbers.empty() ? nullptr : follow(numbers, root).part;
}

std::optional<std::string_view> find_section(const SectionSpec& spec, const mime::SectionNode& root,
                                             std::string_view message, std::string& scratch) {
  if (spec.numbers.empty() && spec.text == SectionText::all) {
    return message;
  }
  const Found at = follow(spec.numbers, root);
  if (at.part == nullptr) {
    return {};
  }
  if (spec.text == SectionText::all) {
    return content_of(*at.part, message);
  }
  if (spec.text == SectionText::mime) {
    return header_of(*at.part, message);
  }
  const mime::SectionPart* const inner = message_of(*at.node);
  if (inner == nullptr) {
    return {};
  }
  if (spec.text == SectionText::text) {
    return content_of(*inner, message);
  }
  const std::string_view header = header_of(*inner, message);
  if (spec.text == SectionText::header) {
    return header;
  }
  scratch = filter_header(header, spec.fields, spec.text == SectionText::header_fields_not);
  return scratch;
}

Result<std::string> decode_part(const mime::SectionPart& part, std::string_view message) {
  const std::string_view content = content_of(part, message);
  std::string out;
  switch (part.encoding) {
    case 0:
      return std::string(content);
    case kQuotedPrintable:
      text::decode_quoted_printable(content, out);
      return out;
    case kBase64:
      text::Base64Decoder(true).decode(content, out);
      return out;
    default:
      return make_error(Errc::unsupported, "[UNKNOWN-CTE] Can not process the binary data");
  }
}

std::string filter_header(std::string_view header, const std::vector<std::string>& names, bool exclude) {
  std::string out;
  for_each_field(header, [&](std::string_view name, std::string_view field) {
    const bool listed = std::any_of(names.begin(), names.end(), [&](const std::string& wanted) {
      return equal_ignoring_case(wanted, name);
    });
    if (listed != exclude) {
      out += field;
    }
  });
  return out += "\r\n";
}

std::optional<std::string> header_value(std::string_view header, std::string_view name) {
  std::optional<std::string> value;
  for_each_field(header, [&](std::string_view field_name, std::string_view field) {
    if (value || !equal_ignoring_case(field_name, name)) {
      return;
    }
    value.emplace();
    for (const char c : field.substr(std::min(field.find(':') + 1, field.size()))) {
      if (c != '\r' && c != '\n') {
        *value += c;
      }
    }
    value->erase(0, value->find_first_not_of(" \t"));
  });
  return value;
}

}  // namespace cyr::imapd
