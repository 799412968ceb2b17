// Structured header fields as Cyrus reads them. `Scanner` walks the header block; the end of a field is found
// on the way, as blank space that is not followed by a continuation line.
#include "format/mime/fields.h"

#include "format/mime/arena.h"
#include "format/mime/continuations.h"
#include "format/text/rfc2047.h"
#include "format/text/transfer.h"

namespace cyr::mime {

namespace {

constexpr std::string_view kTspecials = "()<>@,;:\\\"/[]?=";

// Cyrus decodes an encoded Content-Type together with all of the header behind it, so that a word may run on
// into the next field. This much of what follows is enough for that, and keeps many such fields from costing
// their square.
constexpr std::size_t kDecodedBehindField = 8192;

bool is_token_byte(char c) {
  return c >= ' ' && static_cast<unsigned char>(c) < 0x80 && kTspecials.find(c) == std::string_view::npos;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const { return ended_; }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] std::size_t place() const { return at_; }
  [[nodiscard]] std::string_view since(std::size_t start) const { return text_.substr(start, at_ - start); }
  [[nodiscard]] std::string_view rest() const { return text_.substr(std::min(at_, text_.size())); }
  void move_to(std::size_t place) { at_ = place; }
  char take() {
    const char c = peek();
    ++at_;
    return c;
  }

  // Skips white space, folds and comments. False at the end of the field, which is final.
  bool skip_blank() {
    while (!ended_ && at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '(') {
        skip_comment();
      } else if (c == '\n') {
        ++at_;
        ended_ = !is_continuation(at_);
      } else if (is_space(c)) {
        ++at_;
      } else {
        return true;
      }
    }
    ended_ = true;
    return false;
  }

  // A token up to white space, '(' or `stop`, may be empty; nothing if it holds a byte that no token may.
  std::optional<std::string_view> token(char stop) {
    const std::size_t start = at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (is_space(c) || c == '(' || c == stop) {
        break;
      }
      if (!is_token_byte(c)) {
        return {};
      }
    }
    return since(start);
  }

  [[nodiscard]] bool is_continuation(std::size_t place) const {
    return place < text_.size() && (text_[place] == ' ' || text_[place] == '\t');
  }
  [[nodiscard]] bool starts_fold(std::size_t place) const {
    return text_.substr(place, 2) == "\r\n" && is_continuation(place + 2);
  }
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  void skip_comment() {
    unsigned level = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\') {
        ++at_;
      } else if (c == '(') {
        ++level;
      } else if (c == ')' && --level == 0) {
        ++at_;
        return;
      } else if (c == '\n' && !is_continuation(at_ + 1)) {
        break;
      }
    }
    ended_ = true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

// Parameters up to the end of the field. One that does not parse is left out and the next is looked for.
class ParameterReader {
 public:
  ParameterReader(Scanner& in, const CacheProfile& profile, Message::Arena& arena)
      : in_(in), profile_(profile), arena_(arena) {}

  std::vector<Parameter> read() {
    while (in_.skip_blank() && !gave_up_) {
      if (!read_one()) {
        skip_to_next();
      }
    }
    join_continuations(parameters_, arena_);
    return std::move(parameters_);
  }

 private:
  // False if the parameter is bad; at the end of the field true, with or without a parameter.
  bool read_one() {
    const auto attribute = in_.token('=');
    if (!attribute) {
      return false;
    }
    if (!in_.skip_blank()) {
      return true;
    }
    if (in_.take() != '=') {
      return false;
    }
    if (!in_.skip_blank()) {
      return true;
    }
    const auto value = in_.peek() == '"'                ? quoted_value()
                       : profile_.free_parameter_values ? free_value()
                                                        : token_value();
    if (!value) {
      return gave_up_;
    }
    if (in_.skip_blank() && in_.take() != ';') {
      return false;
    }
    parameters_.push_back({arena_.upper(*attribute), *value});
    return true;
  }

  void skip_to_next() {
    const std::size_t stop = in_.text().find_first_of(";\r\n", std::min(in_.place(), in_.text().size()));
    in_.move_to(std::min(stop, in_.text().size()));
    if (in_.peek() == ';') {
      in_.take();
    }
  }

  // Nothing: the list ends here.
  std::optional<std::string_view> quoted_value() {
    in_.take();
    const std::string_view text = in_.text();
    const std::size_t start = in_.place();
    bool plain = true;
    std::size_t at = start;
    for (; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\') {
        plain = false;
        ++at;
      }
      if (at < text.size() && text[at] == '\r') {
        plain = false;
        if (!in_.starts_fold(at)) {
          break;
        }
        at += 2;
      }
    }
    if (at >= text.size() || text[at] != '"') {
      gave_up_ = true;
      return {};
    }
    in_.move_to(at + 1);
    const std::string_view raw = text.substr(start, at - start);
    return plain ? raw : unquote(raw);
  }

  std::string_view unquote(std::string_view raw) {
    char* const start = arena_.take(raw.size());
    char* to = start;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\\' && i + 1 < raw.size()) {
        ++i;
      } else if (raw[i] == '\r') {
        i += 2;
      }
      if (i < raw.size()) {
        *to++ = raw[i];
      }
    }
    return {start, static_cast<std::size_t>(to - start)};
  }

  std::optional<std::string_view> token_value() { return in_.token(';'); }

  // 3.2+: anything up to ';' or '(', without the blanks at its end. An empty value takes one byte all the
  // same.
  std::optional<std::string_view> free_value() {
    const std::string_view text = in_.text();
    const std::size_t start = in_.place();
    std::size_t end = start;
    for (std::size_t at = start; at < text.size() && text[at] != ';' && text[at] != '('; ++at) {
      const char c = text[at];
      if (c == '\r') {
        if (!in_.starts_fold(at)) {
          break;
        }
        at += 2;
        continue;
      }
      if (static_cast<unsigned char>(c) < ' ' && c != '\t') {
        in_.move_to(at);
        return {};
      }
      if (!is_space(c)) {
        end = at;
      }
    }
    in_.move_to(end + 1);
    return text.substr(start, end + 1 - start);
  }

  Scanner& in_;
  const CacheProfile& profile_;
  Message::Arena& arena_;
  std::vector<Parameter> parameters_;
  bool gave_up_ = false;
};

std::optional<ContentType> parse_type(std::string_view rest, const CacheProfile& profile,
                                      Message::Arena& arena) {
  Scanner in(rest);
  in.skip_blank();
  const auto type = in.token('/');
  if (!type || !in.skip_blank() || in.take() != '/' || !in.skip_blank()) {
    return {};
  }
  const auto subtype = in.token(';');
  if (!subtype || (in.skip_blank() && in.take() != ';')) {
    return {};
  }
  ContentType out{arena.upper(*type), arena.upper(*subtype), {}};
  if (!in.at_end()) {
    out.parameters = ParameterReader(in, profile, arena).read();
  }
  return out;
}

bool is_8bit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

}  // namespace

std::size_t field_end(std::string_view block, std::size_t from) {
  for (std::size_t at = from;;) {
    const std::size_t lf = at + 1 < block.size() ? block.find('\n', at + 1) : std::string_view::npos;
    if (lf == std::string_view::npos) {
      return block.size();
    }
    if (lf + 1 < block.size() && (block[lf + 1] == ' ' || block[lf + 1] == '\t')) {
      at = lf;
      continue;
    }
    return lf > from && block[lf - 1] == '\r' ? lf - 1 : lf;
  }
}

std::string_view read_string_field(std::string_view rest, Message::Arena& arena) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  const std::string_view raw = rest.substr(0, field_end(rest, 0));
  if (raw.find('\n') == std::string_view::npos) {
    return raw.data() == nullptr ? std::string_view("") : raw;
  }
  char* const start = arena.take(raw.size());
  char* to = start;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\n' || (raw[i] == '\r' && i + 1 < raw.size() && raw[i + 1] == '\n')) {
      continue;
    }
    *to++ = raw[i];
  }
  return {start, static_cast<std::size_t>(to - start)};
}

std::string_view address_field(std::string_view rest) { return rest.substr(0, field_end(rest, 0)); }

NString read_encoding_field(std::string_view rest, Message::Arena& arena) {
  Scanner in(rest);
  if (!in.skip_blank()) {
    return {};
  }
  const auto name = in.token('(');
  return name && !in.skip_blank() ? arena.upper(*name) : NString{};
}

ContentTypeResult read_type_field(std::string_view rest, const ParseOptions& options, Message::Arena& arena) {
  const CacheProfile& profile = profile_of(options);
  Scanner in(rest);
  if (!in.skip_blank()) {
    return {};
  }
  if (!profile.encoded_content_type || in.rest().substr(0, 2) != "=?") {
    return {parse_type(rest, profile, arena), TypeProblem::malformed};
  }
  const std::string_view value = in.rest().substr(0, field_end(in.rest(), 0) + kDecodedBehindField);
  const text::HeaderDecodeOptions decode{profile.header_decoding, profile.charsets, options.rfc2047_utf8,
                                         profile.pad_resets_base64};
  // The parsed pieces view the decoded text, so it has to stay.
  auto type = parse_type(arena.keep(text::decode_header_value(value, decode)), profile, arena);
  if (type) {
    for (Parameter& parameter : type->parameters) {
      const bool takes_words = !parameter.attribute.empty() && parameter.attribute.back() != '*';
      if (takes_words && is_8bit(parameter.value)) {
        parameter.value = arena.keep(encode_header_value(parameter.value));
      }
    }
  }
  return {std::move(type), TypeProblem::malformed};
}

std::optional<Disposition> read_disposition_field(std::string_view rest, const ParseOptions& options,
                                                  Message::Arena& arena) {
  Scanner in(rest);
  if (!in.skip_blank()) {
    return {};
  }
  const auto name = in.token(';');
  if (!name || (in.skip_blank() && in.take() != ';')) {
    return {};
  }
  Disposition out{arena.upper(*name), {}};
  if (!in.at_end()) {
    out.parameters = ParameterReader(in, profile_of(options), arena).read();
  }
  return out;
}

std::vector<std::string_view> read_language_field(std::string_view rest, Message::Arena& arena) {
  std::vector<std::string_view> languages;
  Scanner in(rest);
  while (in.skip_blank()) {
    const std::size_t start = in.place();
    while (is_alpha(in.peek()) || in.peek() == '-') {
      in.take();
    }
    const std::string_view language = in.since(start);
    if (in.skip_blank() && in.take() != ',') {
      break;
    }
    languages.push_back(arena.upper(language));
  }
  return languages;
}

std::optional<std::string> decode_extended_value(std::string_view value, const text::CharsetRules& rules) {
  const std::size_t charset_end = value.find('\'');
  const std::size_t language_end =
      charset_end == std::string_view::npos ? charset_end : value.find('\'', charset_end + 1);
  if (language_end == std::string_view::npos) {
    return {};
  }
  const auto charset = text::find_charset(value.substr(0, charset_end), rules);
  if (!charset) {
    return {};
  }
  std::string bytes;
  for (std::size_t i = language_end + 1; i < value.size(); ++i) {
    const int high = value[i] == '%' && i + 2 < value.size() ? text::hex_value(value[i + 1]) : -1;
    const int low = high >= 0 ? text::hex_value(value[i + 2]) : -1;
    if (low >= 0) {
      bytes += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      bytes += value[i];
    }
  }
  std::string out;
  text::CharsetDecoder decoder(charset->name, "\xEF\xBF\xBD");
  decoder.decode(bytes, out);
  decoder.finish(out);
  return out;
}

}  // namespace cyr::mime
