// Encoded words. The value is cut into plain text and encoded words first; then 3.x decodes runs of words of
// one character set and encoding as one stream, older releases each word alone.
#include "format/text/rfc2047.h"

#include <optional>

#include "format/base/text.h"
#include "format/text/transfer.h"

namespace cyr::text {

namespace {

constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

struct EncodedWord {
  std::string_view charset;  // without the language
  bool base64 = false;
  std::string_view text;
  std::size_t end = 0;  // behind "?="
};

// Either a word, or the place from which to look for the next '='.
struct WordAt {
  std::optional<EncodedWord> word;
  std::size_t go_on = 0;
};

// Where encoded text ends. 3.x also stops at a "=?" that no '=' follows: the start of the next word.
std::size_t end_of_text(std::string_view value, std::size_t from, bool streams) {
  for (std::size_t i = from; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '?') {
      return i;
    }
    const bool next_is_mark = c == '=' && i + 1 < value.size() && value[i + 1] == '?';
    if (streams && next_is_mark && (i + 2 >= value.size() || value[i + 2] != '=')) {
      return i;
    }
  }
  return value.size();
}

// `at` is the place of an '='.
WordAt word_at(std::string_view value, std::size_t at, bool streams) {
  const WordAt none{std::nullopt, at + 1};
  if (at + 1 >= value.size() || value[at + 1] != '?') {
    return none;
  }
  const std::size_t charset_end = value.find_first_of("?=", at + 2);
  if (charset_end == std::string_view::npos || value[charset_end] != '?' || charset_end + 2 >= value.size() ||
      value[charset_end + 2] != '?') {
    return none;
  }
  const char encoding = ascii_lower(value[charset_end + 1]);
  if (encoding != 'b' && encoding != 'q') {
    return none;
  }
  const std::size_t text_start = charset_end + 3;
  const std::size_t text_end = end_of_text(value, text_start, streams);
  if (value.substr(text_end, 2) != "?=") {
    return {std::nullopt, streams ? text_end : at + 1};
  }
  EncodedWord word;
  word.charset = value.substr(at + 2, charset_end - at - 2);
  word.charset = word.charset.substr(0, word.charset.find('*'));
  word.base64 = encoding == 'b';
  word.text = value.substr(text_start, text_end - text_start);
  word.end = text_end + 2;
  return {word, word.end};
}

class HeaderDecoder {
 public:
  explicit HeaderDecoder(const HeaderDecodeOptions& options)
      : options_(options), streams_(options.decoding == HeaderDecoding::streams) {}

  std::string decode(std::string_view value) {
    std::size_t plain_start = 0;
    bool after_word = false;
    for (std::size_t at = value.find('='); at != std::string_view::npos;) {
      const WordAt found = word_at(value, at, streams_);
      if (found.word) {
        const std::string_view plain = value.substr(plain_start, at - plain_start);
        if (!after_word || !is_blank(plain)) {
          put_plain(plain);
        }
        put_word(*found.word);
        after_word = true;
        plain_start = found.go_on;
      }
      at = value.find('=', found.go_on);
    }
    put_plain(value.substr(plain_start));
    end_stream();
    // Cyrus hands the result on as a C string.
    out_.resize(std::min(out_.size(), out_.find('\0')));
    return std::move(out_);
  }

 private:
  static bool is_blank(std::string_view text) {
    for (const char c : text) {
      if (!is_space(c)) {
        return false;
      }
    }
    return true;
  }

  void put_plain(std::string_view text) {
    if (text.empty()) {
      return;
    }
    end_stream();
    std::string kept;
    kept.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '\0') {
        continue;
      }
      if (!streams_ && (c == '\r' || c == '\n')) {
        continue;
      }
      if (streams_ && c == '\r') {
        const std::string_view rest = text.substr(i + 1);
        if (rest.empty() || rest == "\n") {
          break;
        }
        if (rest.size() > 1 && rest[0] == '\n' && (rest[1] == ' ' || rest[1] == '\t')) {
          ++i;
          continue;
        }
      }
      kept += c;
    }
    CharsetDecoder decoder(options_.plain_text_is_utf8 ? "utf-8" : "us-ascii", kReplacementCharacter);
    decoder.decode(kept, out_);
    decoder.finish(out_);
  }

  void put_word(const EncodedWord& word) {
    const auto charset = find_charset(word.charset, options_.charsets);
    if (!charset) {
      end_stream();
      out_ += kReplacementCharacter;
      return;
    }
    const std::string& canonical = charset->name;
    if (!streams_) {
      put_single_word(word, canonical);
      return;
    }
    if (!stream_ || stream_->canonical != canonical || stream_->base64 != word.base64) {
      end_stream();
      stream_.emplace(Stream{canonical, word.base64, Base64Decoder(options_.pad_resets_base64),
                             CharsetDecoder(canonical, kReplacementCharacter)});
    }
    std::string bytes;
    if (word.base64) {
      stream_->base64_decoder.decode(word.text, bytes);
    } else {
      decode_q_text(word.text, bytes);
    }
    stream_->charset.decode(bytes, out_);
    if (canonical != "utf-8") {
      stream_->charset.finish(out_);
    }
  }

  void end_stream() {
    if (!stream_) {
      return;
    }
    stream_->charset.finish(out_);
    stream_.reset();
  }

  // 2.1-2.5: nothing is carried from one word to the next, and Q text is not trimmed.
  void put_single_word(const EncodedWord& word, const std::string& canonical) {
    CharsetDecoder charset(canonical, kReplacementCharacter);
    std::string bytes;
    if (word.base64) {
      Base64Decoder(false).decode(word.text, bytes);
      charset.decode(bytes, out_);
    } else {
      decode_old_q_text(word.text, charset);
    }
    charset.finish(out_);
  }

  void decode_old_q_text(std::string_view text, CharsetDecoder& charset) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      char c = text[i];
      if (c == '=') {
        const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        i += 2;
        if (high < 0 || low < 0) {
          if (options_.decoding != HeaderDecoding::words_2_2) {
            out_ += kReplacementCharacter;
          }
          continue;
        }
        c = static_cast<char>(high * 16 + low);
      } else if (c == '_') {
        c = ' ';
      }
      charset.decode(std::string_view(&c, 1), out_);
    }
  }

  struct Stream {
    std::string canonical;
    bool base64;
    Base64Decoder base64_decoder;
    CharsetDecoder charset;
  };

  const HeaderDecodeOptions& options_;
  bool streams_;
  std::optional<Stream> stream_;
  std::string out_;
};

// Most values are plain ASCII; they decode to themselves.
bool is_plain_ascii(std::string_view value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x80 || c == 0 || c == '\r' || c == '\n' ||
        (c == '=' && i + 1 < value.size() && value[i + 1] == '?')) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string decode_header_value(std::string_view value, const HeaderDecodeOptions& options) {
  if (is_plain_ascii(value)) {
    return std::string(value);
  }
  return HeaderDecoder(options).decode(value);
}

}  // namespace cyr::text
