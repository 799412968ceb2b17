// Character sets by way of ICU, except that us-ascii and utf-8 are decoded here: Cyrus has its own decoders
// for those two and they differ from ICU's on malformed bytes.
#include "format/text/charset.h"

#include <unicode/uchar.h>
#include <unicode/ucnv.h>
#include <unicode/unorm2.h>

#include <algorithm>
#include <array>
#include <vector>

#include "format/base/text.h"
#include "format/text/ascii.h"

namespace cyr::text {

// Not in the unnamed namespace: CharsetDecoder::State, which is declared in the header, holds one.
struct CloseConverter {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};

namespace {

struct Alias {
  std::string_view canonical;
  std::string_view alias;
};

// Cyrus 3.2's list (mailbox.md 5.4). Compared case-insensitively.
constexpr std::array kAliases{
    Alias{"utf-8", "utf8"},
    Alias{"utf-8", "unicode-1-1-utf-8"},
    Alias{"utf-7", "utf7"},
    Alias{"utf-7", "unicode-1-1-utf-7"},
    Alias{"us-ascii", "ascii"},
    Alias{"us-ascii", "ANSI_X3.4-1968"},
    Alias{"us-ascii", "usascii"},
    Alias{"windows-1252", "iso-8859-1"},
    Alias{"windows-1252", "ISO_8859_1"},
    Alias{"windows-1252", "ISO_8859-1"},
    Alias{"windows-1252", "ISO_8859"},
    Alias{"windows-1252", "ISO-8859"},
    Alias{"windows-1252", "8859_1"},
    Alias{"windows-1252", "iso--8859-1"},
    Alias{"windows-1252", "so-8859-1"},
    Alias{"windows-1252", "en_GB"},
    Alias{"windows-1252", "auto"},
    Alias{"windows-1252", "unknown"},
    Alias{"windows-1252", "unknown-8bit"},
    Alias{"windows-1252", "x-unknown"},
    Alias{"windows-1252", "x-user-defined"},
    Alias{"windows-1252", "x-europa"},
    Alias{"windows-1252", "none"},
    Alias{"windows-1252", "latin1"},
    Alias{"windows-1252", "ISO8859-1"},
    Alias{"windows-1252", "8859-1"},
    Alias{"windows-1252", "es-windows-1252"},
    Alias{"windows-1252", "DISPLAY"},
    Alias{"windows-1252", "Any"},
    Alias{"windows-1252", "1252"},
    Alias{"windows-1252", "cp1252"},
    Alias{"windows-1252", "cp-1252"},
    Alias{"windows-1252", "win-1252"},
    Alias{"iso-8859-1", "646"},
    Alias{"iso-8859-1", "ISO646-US"},
    Alias{"iso-8859-2", "8859_2"},
    Alias{"iso-8859-6", "ASMO-708"},
    Alias{"iso-8859-7", "greek-ccitt"},
    Alias{"iso-8859-8", "iso-8859-8-i"},
    Alias{"iso-8859-9", "x-mac-turkish"},
    Alias{"iso-8859-11", "tis-620"},
    Alias{"iso-8859-11", "x-mac-thai"},
    Alias{"iso-8859-15", "ISO8859_15_FDIS"},
    Alias{"iso-8859-15", "ISO8859-15"},
    Alias{"windows-1250", "1250"},
    Alias{"windows-1250", "cp1250"},
    Alias{"windows-1250", "win-1250"},
    Alias{"windows-1250", "238"},
    Alias{"windows-1251", "1251"},
    Alias{"windows-1251", "cp1251"},
    Alias{"windows-1251", "win-1251"},
    Alias{"windows-1254", "1254"},
    Alias{"windows-1254", "cp1254"},
    Alias{"windows-1254", "win-1254"},
    Alias{"windows-1255", "1255"},
    Alias{"windows-1255", "cp1255"},
    Alias{"windows-1255", "win-1255"},
    Alias{"windows-1257", "1257"},
    Alias{"windows-1257", "cp1257"},
    Alias{"windows-1257", "win-1257"},
    Alias{"windows-1258", "1258"},
    Alias{"windows-1258", "cp1258"},
    Alias{"windows-1258", "win-1258"},
    Alias{"windows-1256", "1256"},
    Alias{"windows-1256", "cp1256"},
    Alias{"windows-1256", "win-1256"},
    Alias{"windows-1256", "win1256"},
    Alias{"windows-850", "cp850"},
    Alias{"windows-850", "cp-850"},
    Alias{"windows-850", "dos-latin1"},
    Alias{"windows-850", "msdos-latin1"},
    Alias{"windows-31j", "cp932"},
    Alias{"windows-31j", "cp-932"},
    Alias{"windows-31j", "win-31j"},
    Alias{"windows-31j", "Shift_JIS"},
    Alias{"windows-936", "cp936"},
    Alias{"windows-936", "cp-936"},
    Alias{"windows-936", "win-936"},
    Alias{"windows-936", "gbk"},
    Alias{"windows-936", "x-gbk"},
    Alias{"windows-936", "gb2312"},
    Alias{"iso-2022-jp", "csISO2022JP"},
    Alias{"iso-2022-jp", "_iso-2022-jp"},
    Alias{"iso-2022-jp", "_iso-2022-jp$ESC"},
    Alias{"koi8-r", "WIN-KOI8"},
    Alias{"macintosh", "x-mac-roman"},
    Alias{"macintosh", "mac"},
    Alias{"macintosh", "csmacintosh"},
    Alias{"ksc5601", "ks_c_5601"},
    Alias{"big5", "136"},
    Alias{"imap-mailbox-name", "imap-utf-7"},
};

// The numbered list of 2.1-2.5. It only ever grew at its end (mailbox.md 5.4).
constexpr std::array<std::string_view, 31> kNumbered{
    "us-ascii",
    "utf-8",
    "utf-7",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-3",
    "iso-8859-4",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-9",
    "koi8-r",
    "iso-2022-jp",
    "iso-2022-kr",
    "gb2312",
    "big5",
    "unicode-1-1-utf-7",
    "unicode-2-0-utf-7",
    "x-unicode-2-0-utf-7",
    "iso-8859-15",
    "windows-1252",
    "windows-1256",
    "windows-1250",
    "windows-1251",
    "windows-1255",
    "iso-8859-10",
    "iso-8859-11",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-16",
};

// Before 3.2 the names that 3.2 reads as windows-1252 without saying so meant iso-8859-1.
std::string_view alias_target(const Alias& alias, CharsetNames names) {
  const bool was_latin1 = names != CharsetNames::icu && alias.canonical == "windows-1252" &&
                          alias.alias.find("1252") == std::string_view::npos;
  return was_latin1 ? "iso-8859-1" : alias.canonical;
}

std::string_view resolve_alias(std::string_view name, CharsetNames names) {
  for (const Alias& alias : kAliases) {
    if (alias.alias.size() == name.size() && equal_ignoring_case(alias.alias, name)) {
      return alias_target(alias, names);
    }
  }
  return name;
}

std::uint16_t numbered_index(std::string_view name, std::uint16_t count) {
  const std::size_t known = std::min<std::size_t>(count, kNumbered.size());
  for (std::size_t i = 0; i < known; ++i) {
    if (equal_ignoring_case(kNumbered[i], name)) {
      return static_cast<std::uint16_t>(i);
    }
  }
  return kNoCharsetIndex;
}

using Converter = std::unique_ptr<UConverter, CloseConverter>;

// ICU calls some of the numbered sets otherwise.
std::string icu_name(std::string_view canonical) {
  if (canonical == "unicode-1-1-utf-7" || canonical == "unicode-2-0-utf-7" ||
      canonical == "x-unicode-2-0-utf-7") {
    return "utf-7";
  }
  return std::string(canonical);
}

Converter open_converter(std::string_view canonical) {
  // ICU takes a C string; a name with NUL in it cannot be meant.
  // An empty one would be the default converter, which Cyrus does not open.
  if (canonical.empty() || canonical.find('\0') != std::string_view::npos ||
      canonical.size() >= UCNV_MAX_CONVERTER_NAME_LENGTH) {
    return nullptr;
  }
  UErrorCode status = U_ZERO_ERROR;
  UConverter* const converter = ucnv_open(icu_name(canonical).c_str(), &status);
  return Converter(U_SUCCESS(status) != 0 ? converter : nullptr);
}

bool built_in(std::string_view name) { return name == "us-ascii" || name == "utf-8"; }

constexpr std::size_t kConvertUnits = 256;  // UTF-16 units per ICU call

}  // namespace

std::optional<Charset> find_charset(std::string_view name, const CharsetRules& rules) {
  if (name.empty()) {
    return {};
  }
  const std::string_view target =
      rules.names == CharsetNames::numbered ? name : resolve_alias(name, rules.names);
  Charset charset{lower_ascii(target), numbered_index(target, rules.numbered_count)};
  if (rules.names == CharsetNames::numbered || rules.names == CharsetNames::numbered_aliases) {
    return charset.index == kNoCharsetIndex ? std::nullopt : std::optional(std::move(charset));
  }
  // Nearly all mail has one of these; opening a converter costs about a microsecond.
  if (built_in(charset.name) || charset.name == "windows-1252" || open_converter(charset.name) != nullptr) {
    return charset;
  }
  return {};
}

struct CharsetDecoder::State {
  enum class Kind : std::uint8_t { unknown, ascii, utf8, icu };

  Kind kind = Kind::unknown;
  std::string replacement;
  Converter converter;
  char16_t lead_surrogate = 0;  // the first half of a pair that ICU split over two calls
  char32_t code_point = 0;      // an incomplete UTF-8 sequence ...
  unsigned missing = 0;         // ... and how many bytes it lacks

  void put(char32_t c, std::string& out) const {
    if (c == replacement_character || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
      out += replacement;
    } else {
      append_utf8(out, c);
    }
  }
  void decode_ascii(std::string_view bytes, std::string& out) const;
  void decode_utf8(std::string_view bytes, std::string& out);
  void start_utf8(unsigned char byte, std::string& out);
  void decode_icu(std::string_view bytes, bool flush, std::string& out);
  void put_units(const char16_t* from, const char16_t* end, std::string& out);
};

void CharsetDecoder::State::decode_ascii(std::string_view bytes, std::string& out) const {
  for (const char c : bytes) {
    if (static_cast<unsigned char>(c) >= 0x80) {
      out += replacement;
    } else if (c != '\0') {  // Cyrus's table maps NUL to nothing
      out += c;
    }
  }
}

void CharsetDecoder::State::start_utf8(unsigned char byte, std::string& out) {
  if (byte < 0x80) {
    out += static_cast<char>(byte);
  } else if (byte >= 0xC2 && byte <= 0xDF) {
    code_point = byte & 0x1FU;
    missing = 1;
  } else if (byte >= 0xE0 && byte <= 0xEF) {
    code_point = byte & 0x0FU;
    missing = 2;
  } else if (byte >= 0xF0 && byte <= 0xF4) {
    code_point = byte & 0x07U;
    missing = 3;
  } else {
    out += replacement;
  }
}

void CharsetDecoder::State::decode_utf8(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (const std::size_t plain = missing == 0 ? ascii_run(bytes) : 0; plain > 0) {
      out += bytes.substr(0, plain);
      bytes.remove_prefix(plain);
      continue;
    }
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (missing > 0 && (byte & 0xC0) == 0x80) {
      code_point = code_point << 6 | (byte & 0x3FU);
      if (--missing == 0) {
        put(code_point, out);
      }
      continue;
    }
    if (missing > 0) {
      missing = 0;
      out += replacement;
    }
    start_utf8(byte, out);
  }
}

void CharsetDecoder::State::put_units(const char16_t* from, const char16_t* end, std::string& out) {
  for (; from != end; ++from) {
    const char16_t unit = *from;
    if (lead_surrogate != 0 && unit >= 0xDC00 && unit < 0xE000) {
      put(0x10000 + ((static_cast<char32_t>(lead_surrogate) - 0xD800) << 10) + (unit - 0xDC00U), out);
      lead_surrogate = 0;
    } else if (unit >= 0xD800 && unit < 0xDC00) {
      lead_surrogate = unit;
    } else {
      put(unit, out);
    }
  }
}

void CharsetDecoder::State::decode_icu(std::string_view bytes, bool flush, std::string& out) {
  std::array<char16_t, kConvertUnits> units{};
  const char* from = bytes.data();
  const char* const end = from + bytes.size();
  UErrorCode status = U_BUFFER_OVERFLOW_ERROR;
  while (status == U_BUFFER_OVERFLOW_ERROR) {
    status = U_ZERO_ERROR;
    char16_t* to = units.data();
    ucnv_toUnicode(converter.get(), &to, units.data() + units.size(), &from, end, nullptr,
                   static_cast<UBool>(flush), &status);
    put_units(units.data(), to, out);
  }
}

CharsetDecoder::CharsetDecoder(std::string_view canonical, std::string_view replacement)
    : state_(std::make_unique<State>()) {
  state_->replacement = replacement;
  if (canonical == "us-ascii") {
    state_->kind = State::Kind::ascii;
  } else if (canonical == "utf-8") {
    state_->kind = State::Kind::utf8;
  } else if (state_->converter = open_converter(canonical); state_->converter) {
    state_->kind = State::Kind::icu;
  }
}
CharsetDecoder::CharsetDecoder(CharsetDecoder&&) noexcept = default;
CharsetDecoder& CharsetDecoder::operator=(CharsetDecoder&&) noexcept = default;
CharsetDecoder::~CharsetDecoder() = default;

bool CharsetDecoder::known() const { return state_->kind != State::Kind::unknown; }

void CharsetDecoder::decode(std::string_view bytes, std::string& out) {
  switch (state_->kind) {
    case State::Kind::ascii:
      state_->decode_ascii(bytes, out);
      break;
    case State::Kind::utf8:
      state_->decode_utf8(bytes, out);
      break;
    case State::Kind::icu:
      state_->decode_icu(bytes, false, out);
      break;
    case State::Kind::unknown:
      break;
  }
}

void CharsetDecoder::finish(std::string& out) {
  state_->missing = 0;
  if (state_->kind == State::Kind::icu) {
    state_->decode_icu({}, true, out);
    ucnv_resetToUnicode(state_->converter.get());
    state_->lead_surrogate = 0;
  }
}

void append_utf8(std::string& out, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
    c = replacement_character;
  }
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | c >> 6);
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | c >> 12);
    out += static_cast<char>(0x80U | (c >> 6 & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | c >> 18);
    out += static_cast<char>(0x80U | (c >> 12 & 0x3FU));
    out += static_cast<char>(0x80U | (c >> 6 & 0x3FU));
    out += static_cast<char>(0x80U | (c & 0x3FU));
  }
}

std::u32string utf8_to_code_points(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const unsigned following = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    char32_t c = lead < 0x80 ? lead : lead & (0x3FU >> following);
    bool good = lead < 0x80 || (lead >= 0xC2 && lead < 0xF5);
    for (unsigned n = 0; good && n < following; ++n) {
      good = i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
      if (good) {
        c = c << 6 | (static_cast<unsigned char>(text[i++]) & 0x3FU);
      }
    }
    out += good ? c : replacement_character;
  }
  return out;
}

Decomposition decomposition_of(char32_t code_point) {
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2* const compatibility = unorm2_getNFKCInstance(&status);
  const UNormalizer2* const canonical = unorm2_getNFCInstance(&status);
  std::array<char16_t, 64> units{};
  const auto c = static_cast<UChar32>(code_point);
  const auto room = static_cast<std::int32_t>(units.size());
  const std::int32_t length = unorm2_getRawDecomposition(compatibility, c, units.data(), room, &status);
  if (U_FAILURE(status) != 0 || length <= 0) {
    return {};
  }
  Decomposition out;
  for (std::int32_t i = 0; i < length;) {
    UChar32 part = 0;
    U16_NEXT(units.data(), i, length, part);  // NOLINT
    out.text += static_cast<char32_t>(part);
  }
  out.compatibility = unorm2_getRawDecomposition(canonical, c, units.data(), room, &status) < 0;
  return out;
}

char32_t simple_lower_case(char32_t code_point) {
  return static_cast<char32_t>(u_tolower(static_cast<UChar32>(code_point)));
}

bool is_separator(char32_t code_point) {
  return (U_GET_GC_MASK(static_cast<UChar32>(code_point)) & U_GC_Z_MASK) != 0;  // NOLINT
}

bool assigned_in_unicode(char32_t code_point, unsigned major) {
  UVersionInfo age{};
  u_charAge(static_cast<UChar32>(code_point), age);
  return age[0] != 0 && (age[0] < major || (age[0] == major && age[1] == 0));
}

}  // namespace cyr::text
