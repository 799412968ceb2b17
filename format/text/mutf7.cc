// Modified UTF-7 (RFC 3501 5.1.3), both ways, strict.
//
// Invariant: utf8_to_mutf7 gives only what check_mutf7 accepts, and the two conversions are inverse to each
// other.
#include "format/text/mutf7.h"

#include <array>
#include <cstdint>
#include <optional>

namespace cyr::text {
namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

int digit_of(char c) {
  const auto at = base64_digits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

Error bad(const char* what, std::size_t offset) {
  return make_error(Errc::invalid, std::string("modified UTF-7: ") + what).at_offset(offset);
}

void append_mutf7_point(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// The next character of strict UTF-8 (no surrogates, no overlong forms); moves `at`. Nothing when there is
// none.
std::optional<std::uint32_t> take_utf8(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::uint32_t lead = byte(at);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4 || more > text.size() - at - 1) {
    return {};
  }
  std::uint32_t code = lead & (0x3FU >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) {
      return {};
    }
    code = (code << 6) | (byte(at + i) & 0x3F);
  }
  constexpr std::array<std::uint32_t, 4> least{0, 0x80, 0x800, 0x10000};
  if (code < least.at(more) || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    return {};
  }
  at += more + 1;
  return code;
}

// One shift sequence, fed with UTF-16 units.
class Decoder {
 public:
  Decoder(std::string& out, Mutf7Rule rule) : out_(out), rule_(rule) {}

  // nullptr, or what is wrong with the unit.
  const char* unit(std::uint32_t value) {
    if (value < 0x80) {
      return "a character below 0x80 is written as a shift";
    }
    const bool high = value >= 0xD800 && value < 0xDC00;
    const bool low = value >= 0xDC00 && value < 0xE000;
    if ((high || low) && rule_ == Mutf7Rule::without_surrogates) {
      return "a surrogate";
    }
    if (low != (pending_ != 0)) {
      return "half a surrogate pair";
    }
    if (high) {
      pending_ = value;
      return nullptr;
    }
    append_mutf7_point(out_, low ? 0x10000 + ((pending_ - 0xD800) << 10) + (value - 0xDC00) : value);
    pending_ = 0;
    return nullptr;
  }
  [[nodiscard]] bool complete() const { return pending_ == 0; }

 private:
  std::string& out_;
  Mutf7Rule rule_;
  std::uint32_t pending_ = 0;  // the high surrogate that waits for its low one
};

// Reads from after '&' to after '-'.
Status decode_shift(std::string_view name, std::size_t& at, std::string& out, Mutf7Rule rule) {
  Decoder decoder(out, rule);
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t units = 0;
  for (; at < name.size() && name[at] != '-'; ++at) {
    const int digit = digit_of(name[at]);
    if (digit < 0) {
      return bad("a byte that is no base64", at);
    }
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 16) {
      count -= 16;
      if (const char* wrong = decoder.unit((bits >> count) & 0xFFFF)) {
        return bad(wrong, at);
      }
      ++units;
      bits &= (1U << count) - 1;
    }
  }
  if (at == name.size()) {
    return bad("a shift has no '-'", at);
  }
  if (units == 0 || count >= 6 || bits != 0 || !decoder.complete()) {
    return bad("bits are left over at the end of a shift", at);
  }
  ++at;
  return success();
}

Result<std::string> decode(std::string_view name, Mutf7Rule rule) {
  std::string out;
  std::size_t at = 0;
  bool after_shift = false;
  while (at < name.size()) {
    const auto byte = static_cast<unsigned char>(name[at]);
    if (byte < 0x20 || byte >= 0x7F) {
      return bad("a byte that is not printable ASCII", at);
    }
    if (byte != '&') {
      out += name[at++];
      after_shift = false;
      continue;
    }
    ++at;
    if (at < name.size() && name[at] == '-') {
      out += '&';
      ++at;
      after_shift = false;
      continue;
    }
    if (after_shift) {
      return bad("a shift right after another", at - 1);
    }
    CYR_CHECK(decode_shift(name, at, out, rule));
    after_shift = true;
  }
  return out;
}

// Collects UTF-16 units and writes them as one shift.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  void character(std::uint32_t code) {
    if (code >= 0x20 && code < 0x7F) {
      close();
      out_ += static_cast<char>(code);
      if (code == '&') {
        out_ += '-';
      }
      return;
    }
    if (!open_) {
      out_ += '&';
      open_ = true;
    }
    if (code >= 0x10000) {
      unit(0xD800 + ((code - 0x10000) >> 10));
      unit(0xDC00 + ((code - 0x10000) & 0x3FF));
    } else {
      unit(code);
    }
  }

  void close() {
    if (!open_) {
      return;
    }
    if (count_ > 0) {
      out_ += base64_digits[(bits_ << (6 - count_)) & 0x3F];
    }
    out_ += '-';
    bits_ = 0;
    count_ = 0;
    open_ = false;
  }

 private:
  void unit(std::uint32_t value) {
    bits_ = (bits_ << 16) | value;
    count_ += 16;
    while (count_ >= 6) {
      count_ -= 6;
      out_ += base64_digits[(bits_ >> count_) & 0x3F];
      bits_ &= (1U << count_) - 1;
    }
  }
  std::string& out_;
  std::uint32_t bits_ = 0;
  unsigned count_ = 0;
  bool open_ = false;
};

}  // namespace

Status check_mutf7(std::string_view name, Mutf7Rule rule) {
  CYR_CHECK(decode(name, rule));
  return success();
}

Result<std::string> mutf7_to_utf8(std::string_view name) { return decode(name, Mutf7Rule::with_surrogates); }

Result<std::string> utf8_to_mutf7(std::string_view text) {
  std::string out;
  Encoder encoder(out);
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t start = at;
    const auto code = take_utf8(text, at);
    if (!code) {
      return make_error(Errc::invalid, "not UTF-8").at_offset(start);
    }
    if (*code < 0x20 || *code == 0x7F) {
      return make_error(Errc::invalid, "a control character in a name").at_offset(start);
    }
    encoder.character(*code);
  }
  encoder.close();
  return out;
}

}  // namespace cyr::text
