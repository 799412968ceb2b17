// The bodies: leaves, multiparts, messages in messages. See parser.h.
#include "format/mime/message.h"

#include <cstring>

#include "format/mime/fields.h"
#include "format/mime/parser.h"
#include "format/text/transfer.h"

namespace cyr::mime {

namespace {

constexpr std::size_t kMarkSize = 2;  // the "--" of a boundary line

Encoding encoding_of(NString name) {
  if (is_nil(name) || name == "7BIT" || name == "8BIT" || name == "BINARY") {
    return Encoding::none;
  }
  if (name == "QUOTED-PRINTABLE") {
    return Encoding::quoted_printable;
  }
  return name == "BASE64" ? Encoding::base64 : Encoding::unknown;
}

}  // namespace

Message::Message() : arena_(std::make_unique<Arena>()) {}
Message::Message(Message&&) noexcept = default;
Message& Message::operator=(Message&&) noexcept = default;
Message::~Message() = default;

bool BodyPart::is_multipart() const { return type == "MULTIPART"; }

Message parse_message(std::string_view bytes, const ParseOptions& options) {
  Message message;
  message.bytes_ = bytes;
  MessageParser(message, options).run();
  return message;
}

MessageParser::MessageParser(Message& message, const ParseOptions& options)
    : message_(message),
      arena_(*message.arena_),
      text_(message.bytes_),
      options_(options),
      profile_(profile_of(options)) {}

void MessageParser::run() { entity(message_.root_, DefaultType::text, true, {}); }

std::string_view MessageParser::line_at(std::size_t place) const {
  if (place >= text_.size()) {
    return {};
  }
  const char* const start = text_.data() + place;
  const std::size_t left = text_.size() - place;
  const void* const lf = std::memchr(start, '\n', left);
  return {start, lf == nullptr ? left : static_cast<std::size_t>(static_cast<const char*>(lf) - start) + 1};
}

void MessageParser::entity(BodyPart& part, DefaultType default_type, bool is_message, Nesting nesting) {
  const bool ended = header(part, default_type, is_message);
  part.encoding = encoding_of(part.encoding_name);
  if (part.type == "MESSAGE" && !profile_.message_has_encoding) {
    part.encoding = Encoding::none;
  }
  set_charset(part);
  const bool deep = nesting.entities >= kMaxNesting;
  ++nesting.entities;
  const bool holds_message =
      part.type == "MESSAGE" &&
      (part.subtype == "RFC822" || (profile_.global_is_message && part.subtype == "GLOBAL"));
  if (holds_message && !deep && nesting.messages < kMaxMessageNesting) {
    contained_message(part, nesting, ended);
    return;
  }
  if (ended) {
    return;
  }
  const NString boundary = part.is_multipart() && !deep ? boundary_of(part) : NString{};
  if (!is_nil(boundary)) {
    multipart(part, boundary, nesting);
    return;
  }
  leaf(part);
  digest_content(part);
}

void MessageParser::leaf(BodyPart& part) {
  const std::size_t start = at_;
  std::uint32_t lines = 0;
  for (std::string_view line = line_at(at_); !line.empty(); line = line_at(at_)) {
    const std::size_t before = at_;
    at_ += line.size();
    if (line[0] == '-' && !boundaries_.empty() && is_boundary(line)) {
      const auto size = static_cast<std::uint32_t>(before - start);
      part.boundary_size = static_cast<std::uint32_t>(line.size());
      part.boundary_lines = 1;
      if (lines > 0) {
        --lines;
        ++part.boundary_lines;
      }
      const bool cut = profile_.short_content_wraps ? size > 0 : size > 1;
      part.boundary_size += cut ? 2 : 0;
      part.content_size = size - (cut ? 2 : 0);
      part.content_lines = lines;
      return;
    }
    lines += line.back() == '\n' ? 1 : 0;
  }
  part.content_size = static_cast<std::uint32_t>(at_ - start);
  part.content_lines = lines;
}

// The parts up to a boundary that is not ours. A part that ends with the data ends all pending multiparts.
void MessageParser::preamble_and_parts(BodyPart& part, BodyPart& preamble, Nesting nesting) {
  const DefaultType default_type = part.subtype == "DIGEST" ? DefaultType::message : DefaultType::text;
  const std::size_t depth = boundaries_.size();
  const bool limited =
      profile_.boundary_limit && options_.boundary_limit != 0 && depth >= options_.boundary_limit;
  leaf(preamble);
  while (boundaries_.size() == depth && !limited) {
    BodyPart& child = part.parts.emplace_back();
    entity(child, default_type, false, nesting);
    if (at_ == text_.size() && child.boundary_size == 0) {
      boundaries_.clear();
    }
  }
}

void MessageParser::multipart(BodyPart& part, std::string_view boundary, Nesting nesting) {
  BodyPart preamble;
  BodyPart epilogue;
  boundaries_.push_back(boundary);
  const std::size_t depth = boundaries_.size();
  preamble_and_parts(part, preamble, nesting);
  if (boundaries_.size() + 1 == depth) {
    leaf(epilogue);
  } else {
    // A boundary of an enclosing multipart ended the last part (or the preamble): it is ours to report.
    BodyPart& last = part.parts.empty() ? preamble : part.parts.back();
    part.boundary_size = last.boundary_size;
    part.boundary_lines = last.boundary_lines;
    last.boundary_size = 0;
    last.boundary_lines = 0;
  }
  part.content_size = preamble.content_size + preamble.boundary_size + epilogue.content_size;
  part.content_lines = preamble.content_lines + preamble.boundary_lines + epilogue.content_lines;
  for (const BodyPart& child : part.parts) {
    part.content_size += child.header_size + child.content_size + child.boundary_size;
    part.content_lines += child.header_lines + child.content_lines + child.boundary_lines;
  }
  part.boundary_size += epilogue.boundary_size;
  part.boundary_lines += epilogue.boundary_lines;
}

void MessageParser::contained_message(BodyPart& part, Nesting nesting, bool ended) {
  part.contains_message = true;
  BodyPart& inner = part.parts.emplace_back();
  if (ended) {
    set_default_type(inner, DefaultType::text);
    set_charset(inner);
    inner.envelope = std::make_unique<Envelope>();
    return;
  }
  ++nesting.messages;
  entity(inner, DefaultType::text, true, nesting);
  part.content_size = inner.header_size + inner.content_size;
  part.content_lines = inner.header_lines + inner.content_lines;
  part.boundary_size = inner.boundary_size;
  part.boundary_lines = inner.boundary_lines;
  inner.boundary_size = 0;
  inner.boundary_lines = 0;
  digest_content(part);
}

bool MessageParser::is_boundary(std::string_view line) {
  if (line.size() < kMarkSize || line[0] != '-' || line[1] != '-') {
    return false;
  }
  line.remove_prefix(kMarkSize);
  for (std::size_t i = 0; i < boundaries_.size(); ++i) {
    const std::string_view boundary = boundaries_[i];
    if (line.substr(0, boundary.size()) != boundary) {
      continue;
    }
    const std::string_view behind = line.substr(boundary.size());
    if (behind.substr(0, 2) == "--") {
      boundaries_.resize(i);
      return true;
    }
    // A boundary may be the beginning of another one, unless the option says to be strict.
    if (!options_.rfc2046_strict && behind.size() > 1 && behind[0] != '\0' && !is_space(behind[0])) {
      continue;
    }
    return true;
  }
  return false;
}

NString MessageParser::boundary_of(const BodyPart& part) {
  for (const Parameter& parameter : part.parameters) {
    if (parameter.attribute == "BOUNDARY") {
      return parameter.value;
    }
    if (profile_.extended_boundary && parameter.attribute == "BOUNDARY*") {
      const auto decoded = decode_extended_value(parameter.value, profile_.charsets);
      return decoded ? arena_.keep(*decoded) : parameter.value;
    }
  }
  return {};
}

void MessageParser::set_charset(BodyPart& part) {
  const bool is_text = part.type == "TEXT";
  if (!is_text && (part.type != "MESSAGE" || part.subtype == "RFC822")) {
    part.charset_index = text::kNoCharsetIndex;
    return;
  }
  part.charset = "us-ascii";
  part.charset_index = 0;
  for (const Parameter& parameter : part.parameters) {
    if (!is_text || parameter.attribute != "CHARSET" || parameter.value.empty()) {
      continue;
    }
    if (const auto charset = text::find_charset(parameter.value, profile_.charsets)) {
      part.charset = profile_.charsets.name_as_given ? parameter.value : arena_.keep(charset->name);
      part.charset_index = charset->index;
    }
  }
}

std::string_view MessageParser::content_of(const BodyPart& part) const {
  const std::string_view rest = text_.substr(std::min<std::size_t>(part.content_offset, text_.size()));
  return rest.substr(0, part.content_size);
}

// GUID and size of the content without its transfer encoding; neither for an unknown encoding.
void MessageParser::digest_content(BodyPart& part) {
  if (!profile_.section_has_guid || part.encoding == Encoding::unknown) {
    return;
  }
  const std::string_view raw = content_of(part);
  if (part.encoding == Encoding::none) {
    part.decoded_size = static_cast<std::uint32_t>(raw.size());
    part.guid = sha1(raw);
    return;
  }
  decoded_.clear();
  if (part.encoding == Encoding::base64) {
    text::Base64Decoder(profile_.pad_resets_base64).decode(raw, decoded_);
  } else {
    text::decode_quoted_printable(raw, decoded_);
  }
  const std::string_view content = decoded_.empty() && profile_.empty_decodes_to_raw ? raw : decoded_;
  part.decoded_size = static_cast<std::uint32_t>(content.size());
  part.guid = sha1(content);
}

}  // namespace cyr::mime
