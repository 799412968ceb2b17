// The text items and the record as a whole. The binary SECTION item is in section_writer.cc.
#include "format/mime/cache_items.h"

#include <fmt/format.h>

#include <iterator>

#include "format/mime/cached_headers.h"
#include "format/mime/fields.h"
#include "format/text/imap_string.h"
#include "format/text/rfc2047.h"

namespace cyr::mime {

namespace {

constexpr std::size_t kItemAlignment = 4;

void append_string(std::string& out, NString text) {
  text::append_nstring(out, is_nil(text) ? std::nullopt : std::optional(text));
}

void append_addresses(std::string& out, const AddressList& addresses) {
  if (addresses.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  for (const Address& address : addresses) {
    out += '(';
    append_string(out, address.name);
    out += ' ';
    append_string(out, address.route);
    out += ' ';
    append_string(out, address.mailbox);
    out += ' ';
    append_string(out, address.domain);
    out += ')';
  }
  out += ')';
}

void append_number(std::string& out, std::uint32_t value) {
  fmt::format_to(std::back_inserter(out), "{}", value);
}

void append_parameters(std::string& out, const std::vector<Parameter>& parameters) {
  if (parameters.empty()) {
    out += "NIL";
    return;
  }
  char before = '(';
  for (const Parameter& parameter : parameters) {
    out += before;
    append_string(out, parameter.attribute);
    out += ' ';
    append_string(out, parameter.value);
    before = ' ';
  }
  out += ')';
}

void append_disposition(std::string& out, const BodyDetails* details) {
  if (details == nullptr || is_nil(details->disposition)) {
    out += "NIL";
    return;
  }
  out += '(';
  append_string(out, details->disposition);
  out += ' ';
  append_parameters(out, details->disposition_parameters);
  out += ')';
}

void append_languages(std::string& out, const BodyDetails* details) {
  if (details == nullptr || details->languages.empty()) {
    out += "NIL";
    return;
  }
  char before = '(';
  for (const std::string_view language : details->languages) {
    out += before;
    append_string(out, language);
    before = ' ';
  }
  out += ')';
}

// disposition, language, location, each with a space before it.
void append_extension_data(std::string& out, const BodyDetails* details, const CacheProfile& profile) {
  out += ' ';
  append_disposition(out, details);
  out += ' ';
  append_languages(out, details);
  if (profile.location_in_structure) {
    out += ' ';
    append_string(out, details != nullptr ? details->location : NString{});
  }
}

// What stands in for a multipart without parts.
void append_invented_part(std::string& out, StructureForm form, const CacheProfile& profile) {
  BodyPart part;
  part.type = "TEXT";
  part.subtype = "PLAIN";
  part.parameters.push_back({"CHARSET", "us-ascii"});
  append_structure(out, part, form, profile);
}

void append_multipart(std::string& out, const BodyPart& part, StructureForm form,
                      const CacheProfile& profile) {
  out += '(';
  for (const BodyPart& child : part.parts) {
    append_structure(out, child, form, profile);
  }
  out += ' ';
  append_string(out, part.subtype);
  if (form == StructureForm::bodystructure) {
    out += ' ';
    append_parameters(out, part.parameters);
    append_extension_data(out, part.details.get(), profile);
  }
  out += ')';
}

void append_leaf(std::string& out, const BodyPart& part, StructureForm form, const CacheProfile& profile) {
  const BodyDetails* const details = part.details.get();
  out += '(';
  append_string(out, part.type);
  out += ' ';
  append_string(out, part.subtype);
  out += ' ';
  append_parameters(out, part.parameters);
  out += ' ';
  append_string(out, details != nullptr ? details->id : NString{});
  out += ' ';
  append_string(out, details != nullptr ? details->description : NString{});
  out += ' ';
  append_string(out, is_nil(part.encoding_name) ? NString("7BIT") : part.encoding_name);
  out += ' ';
  append_number(out, part.content_size);
  if (part.contains_message) {
    const BodyPart& inner = part.parts.front();
    out += ' ';
    append_envelope(out, *inner.envelope);
    out += ' ';
    append_structure(out, inner, form, profile);
  }
  if (part.contains_message || part.type == "TEXT") {
    out += ' ';
    append_number(out, part.content_lines);
  }
  if (form == StructureForm::bodystructure) {
    out += ' ';
    append_string(out, details != nullptr ? details->md5 : NString{});
    append_extension_data(out, details, profile);
  }
  out += ')';
}

// A place in the record for one item: its length word, then what is appended, then padding.
template <class Append>
void append_item(std::string& record, const Append& append) {
  const std::size_t start = record.size();
  record.append(sizeof(std::uint32_t), '\0');
  append(record);
  const std::size_t length = record.size() - start - sizeof(std::uint32_t);
  store_be(std::as_writable_bytes(std::span(record)).data() + start, static_cast<std::uint32_t>(length));
  record.append(round_up(length, kItemAlignment) - length, '\0');
}

}  // namespace

void append_envelope(std::string& out, const Envelope& envelope) {
  out += '(';
  append_string(out, envelope.date);
  out += ' ';
  append_string(out, envelope.subject);
  const auto& from = envelope.from;
  for (const AddressList* const list :
       {&from, envelope.sender.empty() ? &from : &envelope.sender,
        envelope.reply_to.empty() ? &from : &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc}) {
    out += ' ';
    append_addresses(out, *list);
  }
  out += ' ';
  append_string(out, envelope.in_reply_to);
  out += ' ';
  append_string(out, envelope.message_id);
  out += ')';
}

void append_structure(std::string& out, const BodyPart& part, StructureForm form,
                      const CacheProfile& profile) {
  if (part.is_zero_part_multipart()) {
    append_invented_part(out, form, profile);
  } else if (part.is_multipart()) {
    append_multipart(out, part, form, profile);
  } else {
    append_leaf(out, part, form, profile);
  }
}

void append_cached_headers(std::string& out, std::string_view message, const BodyPart& root,
                           const ParseOptions& options) {
  const std::string_view block = message.substr(0, root.header_size);
  const Series series = profile_of(options).series;
  std::uint64_t line_number = 0;
  for (std::size_t at = 0; at < block.size(); ++line_number) {
    if (options.max_header_lines != 0 && line_number > options.max_header_lines) {
      break;
    }
    if (is_cached_header(block.substr(at), series)) {
      out += block.substr(at, field_end(block, at) - at);
      out += "\r\n";
    }
    const std::size_t lf = block.find('\n', at);
    at = lf == std::string_view::npos ? block.size() : lf + 1;
  }
}

std::string build_cache_record(const Message& message, const ParseOptions& options) {
  const CacheProfile& profile = profile_of(options);
  const BodyPart& root = message.root();
  const Envelope& envelope = *root.envelope;
  std::string record;
  record.reserve(2048);
  append_item(record, [&](std::string& out) { append_envelope(out, envelope); });
  append_item(record,
              [&](std::string& out) { append_structure(out, root, StructureForm::bodystructure, profile); });
  append_item(record, [&](std::string& out) { append_structure(out, root, StructureForm::body, profile); });
  append_item(record, [&](std::string& out) { append_section(out, root, profile); });
  append_item(record, [&](std::string& out) { append_cached_headers(out, message.bytes(), root, options); });
  for (const AddressList* const list : {&envelope.from, &envelope.to, &envelope.cc, &envelope.bcc}) {
    append_item(record, [&](std::string& out) { append_search_addresses(out, *list, options); });
  }
  append_item(record, [&](std::string& out) { append_search_subject(out, envelope.subject, options); });
  return record;
}

}  // namespace cyr::mime
