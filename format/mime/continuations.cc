// RFC 2231 continuations. Sections are found through a map of their names, so that a header of a hundred
// thousand sections costs no more than reading it.
#include "format/mime/continuations.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "format/mime/arena.h"

namespace cyr::mime {

namespace {

constexpr unsigned kLastSection = 99;
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

struct SectionName {
  std::string_view name;
  unsigned number = 0;
  bool extended = false;
};

// "NAME*7" or "NAME*7*", digits without leading zero; nothing for other names.
std::optional<SectionName> section_name(std::string_view attribute) {
  SectionName out;
  out.extended = attribute.size() > 1 && attribute.back() == '*';
  const std::string_view body = attribute.substr(0, attribute.size() - (out.extended ? 1 : 0));
  const std::size_t star = body.find('*');
  if (star == std::string_view::npos) {
    return {};
  }
  const std::string_view digits = body.substr(star + 1);
  const auto number = parse_number<unsigned>(digits);
  if (!number || *number > kLastSection || (digits.size() > 1 && digits[0] == '0')) {
    return {};
  }
  out.name = body.substr(0, star);
  out.number = *number;
  return out;
}

bool must_be_encoded(char c) {
  return c <= ' ' || static_cast<unsigned char>(c) >= 0x7F ||
         std::string_view("*'%()<>@,;:\\\"/[]?=").find(c) != std::string_view::npos;
}

void append_percent_encoded(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (must_be_encoded(c)) {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

class Joiner {
 public:
  Joiner(std::vector<Parameter>& parameters, Message::Arena& arena)
      : parameters_(parameters), arena_(arena) {}

  void run() {
    index_sections();
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (const auto first = removed_[i] ? std::nullopt : section_name(parameters_[i].attribute);
          first && first->number == 0) {
        join_from(i, *first);
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (!removed_[i]) {
        parameters_[kept++] = parameters_[i];
      }
    }
    parameters_.resize(kept);
  }

 private:
  // Places of the parameters with one base name and section number, in list order; `next` is the first not
  // yet used.
  struct Places {
    std::vector<std::size_t> at;
    std::size_t next = 0;
  };

  static std::string key(std::string_view name, unsigned number) {
    std::string out(name);
    out += '*';
    out += std::to_string(number);
    return out;
  }

  void index_sections() {
    removed_.assign(parameters_.size(), false);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (const auto section = section_name(parameters_[i].attribute); section && section->number > 0) {
        sections_[key(section->name, section->number)].at.push_back(i);
      }
    }
  }

  std::optional<std::size_t> take(std::string_view name, unsigned number) {
    const auto found = sections_.find(key(name, number));
    if (found == sections_.end() || found->second.next == found->second.at.size()) {
      return {};
    }
    return found->second.at[found->second.next++];
  }

  void join_from(std::size_t first_place, const SectionName& first) {
    std::vector<std::size_t> places{first_place};
    bool extended = first.extended;
    for (unsigned number = 1; number <= kLastSection; ++number) {
      const auto place = take(first.name, number);
      if (!place) {
        break;
      }
      removed_[*place] = true;
      places.push_back(*place);
      extended = extended || parameters_[*place].attribute.back() == '*';
    }
    std::string value = extended && !first.extended ? "''" : "";
    for (const std::size_t place : places) {
      const Parameter& part = parameters_[place];
      if (extended && part.attribute.back() != '*') {
        append_percent_encoded(value, part.value);
      } else {
        value += part.value;
      }
    }
    parameters_[first_place] = {extended ? arena_.keep(std::string(first.name) + '*') : first.name,
                                arena_.keep(value)};
  }

  std::vector<Parameter>& parameters_;
  Message::Arena& arena_;
  std::vector<bool> removed_;
  std::unordered_map<std::string, Places> sections_;
};

constexpr std::string_view kWordStart = "=?UTF-8?Q?";
constexpr std::string_view kWordEnd = "?=";
constexpr std::size_t kWordRoom = 64;      // bytes of encoded text in the first word
constexpr std::size_t kNextWordRoom = 63;  // in later ones, which have a blank before them

void append_q_byte(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == ' ') {
    out += '_';
  } else if (byte < ' ' || byte >= 0x7F || c == '=' || c == '?' || c == '_') {
    out += '=';
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  } else {
    out += c;
  }
}

}  // namespace

void join_continuations(std::vector<Parameter>& parameters, Message::Arena& arena) {
  for (const Parameter& parameter : parameters) {
    if (parameter.attribute.find("*0") != std::string_view::npos) {
      Joiner(parameters, arena).run();
      return;
    }
  }
}

std::string encode_header_value(std::string_view utf8) {
  std::string out(kWordStart);
  std::size_t room = kWordRoom;
  for (std::size_t at = 0; at < utf8.size();) {
    // A character is never split over two words; each of its bytes is reckoned as =XX, even where it stays as
    // it is.
    std::size_t end = at + 1;
    while (end < utf8.size() && (static_cast<unsigned char>(utf8[end]) & 0xC0) == 0x80) {
      ++end;
    }
    if (3 * (end - at) > room) {
      out += kWordEnd;
      out += "\r\n ";
      out += kWordStart;
      room = kNextWordRoom;
    }
    const std::size_t before = out.size();
    for (; at < end; ++at) {
      append_q_byte(out, utf8[at]);
    }
    room -= std::min(room, out.size() - before);
  }
  out += kWordEnd;
  return out;
}

}  // namespace cyr::mime
