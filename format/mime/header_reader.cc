// The header block of an entity: where it ends, and which of its fields mean something.
#include <algorithm>
#include <array>

#include "format/mime/address.h"
#include "format/mime/fields.h"
#include "format/mime/parser.h"

namespace cyr::mime {

namespace {

enum class FieldKind : std::uint8_t {
  bcc,
  cc,
  content_description,
  content_disposition,
  content_id,
  content_language,
  content_location,
  content_md5,
  content_transfer_encoding,
  content_type,
  date,
  delivered_internaldate,
  from,
  in_reply_to,
  message_id,
  received,
  reply_to,
  sender,
  subject,
  to,
};

struct KnownField {
  std::string_view name;
  FieldKind kind;
  bool of_message;  // looked at in messages only
};

constexpr std::array kKnownFields{
    KnownField{"bcc", FieldKind::bcc, true},
    KnownField{"cc", FieldKind::cc, true},
    KnownField{"content-description", FieldKind::content_description, false},
    KnownField{"content-disposition", FieldKind::content_disposition, false},
    KnownField{"content-id", FieldKind::content_id, false},
    KnownField{"content-language", FieldKind::content_language, false},
    KnownField{"content-location", FieldKind::content_location, false},
    KnownField{"content-md5", FieldKind::content_md5, false},
    KnownField{"content-transfer-encoding", FieldKind::content_transfer_encoding, false},
    KnownField{"content-type", FieldKind::content_type, false},
    KnownField{"date", FieldKind::date, true},
    KnownField{"from", FieldKind::from, true},
    KnownField{"in-reply-to", FieldKind::in_reply_to, true},
    KnownField{"message-id", FieldKind::message_id, true},
    KnownField{"received", FieldKind::received, true},
    KnownField{"reply-to", FieldKind::reply_to, true},
    KnownField{"sender", FieldKind::sender, true},
    KnownField{"subject", FieldKind::subject, true},
    KnownField{"to", FieldKind::to, true},
    KnownField{"x-deliveredinternaldate", FieldKind::delivered_internaldate, true},
};
constexpr std::size_t kLongestKnownName = 25;
constexpr std::string_view kFirstLetters = "bcdfimrstx";

// The field that starts with this line, or nullptr.
const KnownField* known_field(std::string_view line) {
  if (line.empty() || kFirstLetters.find(ascii_lower(line[0])) == std::string_view::npos) {
    return nullptr;
  }
  const std::size_t colon = line.substr(0, kLongestKnownName + 1).find(':');
  if (colon == std::string_view::npos) {
    return nullptr;
  }
  const std::string_view name = line.substr(0, colon);
  for (const KnownField& known : kKnownFields) {
    if (known.name.size() == name.size() && equal_ignoring_case(known.name, name)) {
      return &known;
    }
  }
  return nullptr;
}

std::uint32_t count_lines(std::string_view text) {
  return static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
}

BodyDetails& details_of(BodyPart& part) {
  if (!part.details) {
    part.details = std::make_unique<BodyDetails>();
  }
  return *part.details;
}

std::string_view up_to_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

// The date part of a Received field: behind its last ';', the whole field if there is none.
std::string_view date_of_received(std::string_view value) {
  const std::size_t semicolon = value.rfind(';');
  if (semicolon == std::string_view::npos) {
    return value;
  }
  value.remove_prefix(semicolon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t\r\n"), value.size()));
  return value;
}

}  // namespace

bool MessageParser::header(BodyPart& part, DefaultType default_type, bool is_message) {
  const std::size_t start = at_;
  part.header_offset = static_cast<std::uint32_t>(start);
  std::string_view block;
  bool ended_by_boundary = false;
  bool unreadable = false;
  for (;;) {
    const std::string_view line = line_at(at_);
    const std::size_t before = at_ - start;
    at_ += line.size();
    block = text_.substr(start, at_ - start);
    if (line.empty() || line == "\r\n") {
      break;
    }
    if (line[0] == '-' && !boundaries_.empty() && is_boundary(up_to_nul(line))) {
      ended_by_boundary = true;
      part.boundary_size = static_cast<std::uint32_t>(up_to_nul(line).size());
      part.boundary_lines = 1;
      if (before > 0) {
        part.boundary_size += 2;
        ++part.boundary_lines;
      }
      // Cyrus cuts two bytes off. When there is but one (a lone LF) it cuts off in front of the text and sees
      // no field.
      unreadable = before == 1;
      block = unreadable ? block : block.substr(0, before - std::min<std::size_t>(before, 2));
      break;
    }
  }
  part.content_offset = static_cast<std::uint32_t>(at_);
  block = up_to_nul(block);
  part.header_size = static_cast<std::uint32_t>(block.size());
  part.header_lines = unreadable ? 0xFFFFFFFF : count_lines(block);
  if (is_message) {
    part.envelope = std::make_unique<Envelope>();
  }
  if (!unreadable) {
    fields(part, block, is_message);
  }
  if (part.type.data() == nullptr) {
    set_default_type(part, default_type);
  }
  return ended_by_boundary;
}

void MessageParser::fields(BodyPart& part, std::string_view block, bool is_message) {
  std::uint64_t line_number = 0;
  for (std::size_t at = 0; at < block.size(); ++line_number) {
    if (options_.max_header_lines != 0 && line_number > options_.max_header_lines) {
      break;
    }
    const std::string_view rest = block.substr(at);
    const KnownField* const known = known_field(rest);
    if (known != nullptr && (is_message || !known->of_message)) {
      field(part, block, at);
    }
    const std::size_t lf = block.find('\n', at);
    at = lf == std::string_view::npos ? block.size() : lf + 1;
  }
}

// One field that known_field() knows. Which of several counts depends on the release.
void MessageParser::field(BodyPart& part, std::string_view block, std::size_t start) {
  const KnownField& known = *known_field(block.substr(start));
  const std::string_view rest = block.substr(start + known.name.size() + 1);
  const bool first_wins = profile_.repeated == Repeated::first_wins;
  const auto set_text = [&](NString& member) {
    if (!first_wins || is_nil(member)) {
      member = read_string_field(rest, arena_);
    }
  };
  const auto set_addresses = [&](AddressList& member) {
    if (!first_wins) {
      member.clear();
    }
    read_address_list(address_field(rest), profile_, arena_, member);
  };
  switch (known.kind) {
    case FieldKind::bcc:
      return set_addresses(part.envelope->bcc);
    case FieldKind::cc:
      return set_addresses(part.envelope->cc);
    case FieldKind::from:
      return set_addresses(part.envelope->from);
    case FieldKind::reply_to:
      return set_addresses(part.envelope->reply_to);
    case FieldKind::sender:
      return set_addresses(part.envelope->sender);
    case FieldKind::to:
      return set_addresses(part.envelope->to);
    case FieldKind::date:
      return set_text(part.envelope->date);
    case FieldKind::in_reply_to:
      return set_text(part.envelope->in_reply_to);
    case FieldKind::message_id:
      return set_text(part.envelope->message_id);
    case FieldKind::subject:
      return set_text(part.envelope->subject);
    case FieldKind::content_description:
      return set_text(details_of(part).description);
    case FieldKind::content_id:
      return set_text(details_of(part).id);
    case FieldKind::content_location:
      return set_text(details_of(part).location);
    case FieldKind::content_md5:
      return set_text(details_of(part).md5);
    case FieldKind::delivered_internaldate:
      if (&part == &message_.root_) {
        set_text(message_.delivered_internaldate_);
      }
      return;
    case FieldKind::received:
      if (&part == &message_.root_ && is_nil(message_.received_date_)) {
        message_.received_date_ = date_of_received(read_string_field(rest, arena_));
      }
      return;
    case FieldKind::content_transfer_encoding:
      if (!first_wins || is_nil(part.encoding_name)) {
        part.encoding_name = read_encoding_field(rest, arena_);
      }
      return;
    case FieldKind::content_type:
      return set_type(part, rest);
    case FieldKind::content_disposition:
      return set_disposition(part, rest);
    case FieldKind::content_language:
      if (!first_wins || !part.details || part.details->languages.empty()) {
        details_of(part).languages = read_language_field(rest, arena_);
      }
      return;
  }
}

void MessageParser::set_type(BodyPart& part, std::string_view rest) {
  if (profile_.repeated == Repeated::first_wins && part.type.data() != nullptr) {
    return;
  }
  ContentTypeResult result = read_type_field(rest, options_, arena_);
  part.type = {};
  part.subtype = {};
  part.parameters.clear();
  if (result.type) {
    part.type = result.type->type;
    part.subtype = result.type->subtype;
    part.parameters = std::move(result.type->parameters);
  } else if (result.problem == TypeProblem::malformed && profile_.bad_type_is_octet_stream) {
    part.type = "application";  // in lower case, alone among all types
    part.subtype = "octet-stream";
  }
}

void MessageParser::set_disposition(BodyPart& part, std::string_view rest) {
  BodyDetails& details = details_of(part);
  if (profile_.repeated == Repeated::first_wins && !is_nil(details.disposition)) {
    return;
  }
  auto disposition = read_disposition_field(rest, options_, arena_);
  details.disposition = disposition ? disposition->name : NString{};
  details.disposition_parameters =
      disposition ? std::move(disposition->parameters) : std::vector<Parameter>{};
}

void MessageParser::set_default_type(BodyPart& part, DefaultType default_type) {
  part.parameters.clear();
  if (default_type == DefaultType::message) {
    part.type = "MESSAGE";
    part.subtype = "RFC822";
    return;
  }
  part.type = "TEXT";
  part.subtype = "PLAIN";
  part.parameters.push_back({"CHARSET", "us-ascii"});
}

}  // namespace cyr::mime
