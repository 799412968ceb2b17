// The words that stand for rights (tools.md 2.8); the client's business, no server knows them.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace cyr::cyradm {

struct RightsMacro {
  std::string_view name;
  std::string_view letters;
};

inline constexpr std::array<RightsMacro, 7> rights_macros = {{
    {"none", ""},
    {"read", "lrs"},
    {"post", "lrsp"},
    {"append", "lrsip"},
    {"write", "lrswipkxte"},
    {"delete", "lrxte"},
    {"all", "lrswipkxtea"},
}};

// The letters of a macro, with its + or - kept; anything else as it is.
[[nodiscard]] inline std::string expand_rights(std::string_view word) {
  const bool sign = word.starts_with('+') || word.starts_with('-');
  for (const auto& macro : rights_macros) {
    if (word.substr(sign ? 1 : 0) == macro.name) {
      return std::string(word.substr(0, sign ? 1 : 0)) + std::string(macro.letters);
    }
  }
  return std::string(word);
}

}  // namespace cyr::cyradm
