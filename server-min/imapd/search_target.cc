// See search_target.h.
#include "server-min/imapd/search_target.h"

#include "format/base/log.h"
#include "format/text/charset.h"
#include "format/text/rfc2047.h"
#include "server-min/imapd/sections.h"

namespace cyr::imapd {

namespace {

constexpr unsigned kMaxPartDepth = 200;  // of parts; deeper ones are not searched

void append_part_text(const mime::SectionPart& part, std::string_view message, std::string& out) {
  auto content = decode_part(part, message);
  const auto charset = text::find_charset(part.charset, text::CharsetRules{});
  if (!content) {
    return;
  }
  std::string utf8;
  text::CharsetDecoder decoder(charset && charset->name != "us-ascii" ? charset->name : "utf-8",
                               "\xEF\xBF\xBD");
  decoder.decode(*content, utf8);
  decoder.finish(utf8);
  out += search_form(utf8);
  out += '\n';
}

// Header blocks of parts and text parts below a node, as 3.6.1 searches them. Only TEXT and MESSAGE parts
// have a charset in a SECTION item.
void append_node_text(const mime::SectionNode& node, std::string_view message, unsigned depth,
                      std::string& out) {
  if (depth > kMaxPartDepth) {
    return;
  }
  for (std::size_t i = 1; i < node.parts.size() && i <= node.children.size(); ++i) {
    const mime::SectionNode& child = node.children[i - 1];
    if (node.parts[i].header_offset != node.parts[0].header_offset) {  // not the message's own header again
      out += search_form(header_of(node.parts[i], message));
      out += '\n';
    }
    if (child.parts.empty()) {
      if (!node.parts[i].charset.empty()) {
        append_part_text(node.parts[i], message, out);
      }
      continue;
    }
    if (child.parts[0].header_size != 0xFFFFFFFF) {  // a message: its header is part of the body around it
      out += search_form(decoded_header(header_of(child.parts[0], message)));
      out += '\n';
    }
    append_node_text(child, message, depth + 1, out);
  }
}

// Multipart by its header, but without a part that could be found: its only part is empty, what follows the
// header is text all the same.
void append_partless_text(const mime::SectionNode& root, std::string_view message, std::uint32_t header_size,
                          std::string& out) {
  if (root.parts.size() == 2 && root.parts[1].content_size == 0 && header_size < message.size()) {
    mime::SectionPart whole;
    whole.content_offset = header_size;
    whole.content_size = static_cast<std::uint32_t>(message.size()) - header_size;
    append_part_text(whole, message, out);
  }
}

}  // namespace

std::string decoded_header(std::string_view value) {
  return text::decode_header_value(value, {.decoding = text::HeaderDecoding::streams,
                                           .charsets = {},
                                           .plain_text_is_utf8 = true,
                                           .pad_resets_base64 = true});
}

void SelectedTarget::set_message(std::uint32_t msgno) {
  msgno_ = msgno;
  reader_.emplace(selected_.view(), selected_.row(msgno).recno);
  body_.reset();
}

void SelectedTarget::complain(const Error& error) const {
  log(LogLevel::error, "{}: message {}: {}", selected_.name(), reader_->uid(), error.text());
}

// One that was damaged while the mailbox was open has no dates and no size.
const mailbox::IndexRecord& SelectedTarget::record() {
  const auto record = reader_->record();
  if (record) {
    return **record;
  }
  complain(record.error());
  static const mailbox::IndexRecord kNothing;
  return kNothing;
}

namespace {

// The subject is cached as an nstring, the addresses are not.
std::optional<std::string_view> bare_subject(std::string_view item) {
  if (item == "NIL") {
    return {};
  }
  if (item.starts_with('"') && item.ends_with('"') && item.size() > 1) {
    return item.substr(1, item.size() - 2);  // what needs a backslash is a literal
  }
  const std::size_t end = item.starts_with('{') ? item.find("\r\n") : std::string_view::npos;
  return end == std::string_view::npos ? item : item.substr(end + 2);
}

}  // namespace

bool SelectedTarget::cached_text_has(mailbox::CacheItem item, std::string_view needle) {
  const auto text = reader_->item(item);
  if (!text) {
    complain(text.error());
    return false;
  }
  const std::optional<std::string_view> value =
      item == mailbox::CacheItem::subject ? bare_subject(*text) : *text;
  return value && search_form(*value).find(needle) != std::string::npos;
}

std::optional<std::string> SelectedTarget::header_text(std::string_view name) {
  const std::vector<std::string> names{std::string(name)};
  const auto header = reader_->header_with(names);
  if (!header) {
    complain(header.error());
    return {};
  }
  std::optional<std::string> text;
  const std::string fields = filter_header(*header, names, false);
  for_each_field(fields, [&](std::string_view, std::string_view field) {
    const std::size_t colon = field.find(':');
    text = text.value_or("") + search_form(decoded_header(field.substr(std::min(colon + 1, field.size())))) +
           "\n";
  });
  return text;
}

const std::string& SelectedTarget::body_text() {
  if (!body_) {
    body_.emplace();
    const auto message = reader_->message();
    const auto root = reader_->sections();
    if (message && root) {
      append_node_text(**root, *message, 0, *body_);
      append_partless_text(**root, *message, record().header_size, *body_);
    } else {
      complain(message ? root.error() : message.error());
    }
  }
  return *body_;
}

bool SelectedTarget::body_has(std::string_view needle) {
  return body_text().find(needle) != std::string::npos;
}

bool SelectedTarget::text_has(std::string_view needle) {
  const auto header = reader_->header();
  return (header && search_form(decoded_header(*header)).find(needle) != std::string::npos) ||
         body_has(needle);
}

const text::SequenceSet& SelectedTarget::resolved(const SearchKey& key) {
  if (key.saved_result && key.op == SearchOp::uids) {
    return saved_;
  }
  const auto [at, fresh] = resolved_.try_emplace(&key);
  if (fresh && key.saved_result) {
    for (const std::uint32_t number : selected_.numbers(saved_, true)) {
      at->second.add(number);
    }
  } else if (fresh) {
    at->second =
        resolve_sequence(key.ranges, key.op == SearchOp::uids ? selected_.last_uid() : selected_.exists());
  }
  return at->second;
}

std::vector<std::uint32_t> search(Selected& selected, const SearchProgram& program,
                                  const text::SequenceSet& saved) {
  std::vector<std::uint32_t> found;
  SelectedTarget target(selected, saved);
  for (std::uint32_t msgno = 1; msgno <= selected.exists(); ++msgno) {
    if (!selected.is_live(selected.row(msgno))) {
      continue;
    }
    target.set_message(msgno);
    if (matches(program.root, target)) {
      found.push_back(msgno);
    }
  }
  return found;
}

}  // namespace cyr::imapd
