#include "cyradm/imap_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

constexpr std::size_t longest_quoted = 1024;  // bytes

bool is_atom_byte(char c) {
  return c > ' ' && c < '\x7f' && std::string_view("(){%*\"\\").find(c) == std::string_view::npos;
}

bool is_atom(std::string_view text) {
  return !text.empty() && text.size() <= longest_quoted && !equal_ignoring_case(text, "NIL") &&
         std::all_of(text.begin(), text.end(), is_atom_byte);
}

bool is_quotable(std::string_view text) {
  return text.size() <= longest_quoted && std::all_of(text.begin(), text.end(), [](char c) {
           return c != '\0' && c != '\r' && c != '\n' && static_cast<unsigned char>(c) < 0x80;
         });
}

}  // namespace

void ImapCommand::space() {
  auto& last = pieces_.back();
  // After a literal there is an empty piece; the literal's bytes come before what is appended here.
  if (!last.ends_with('(')) {
    last.push_back(' ');
  }
}

ImapCommand& ImapCommand::words(std::string_view text) {
  space();
  pieces_.back().append(text);
  return *this;
}

ImapCommand& ImapCommand::string(std::string_view text) {
  if (!is_atom(text)) {
    return quoted(text);
  }
  return words(text);
}

ImapCommand& ImapCommand::quoted(std::string_view text) {
  space();
  if (!is_quotable(text)) {
    literal(text);
    return *this;
  }
  auto& out = pieces_.back();
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  out.push_back('"');
  return *this;
}

void ImapCommand::literal(std::string_view text) {
  pieces_.emplace_back(text);
  pieces_.emplace_back();
}

ImapCommand& ImapCommand::open() {
  space();
  pieces_.back().push_back('(');
  return *this;
}

ImapCommand& ImapCommand::close() {
  pieces_.back().push_back(')');
  return *this;
}

std::vector<std::string> ImapCommand::pieces(bool literal_plus) const {
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const bool is_literal = i % 2 == 1;
    if (is_literal) {
      out.back() += fmt::format("{{{}{}}}\r\n", pieces_[i].size(), literal_plus ? "+" : "");
      if (!literal_plus) {
        out.emplace_back();
      }
    }
    out.back() += pieces_[i];
  }
  out.back() += "\r\n";
  return out;
}

std::string ImapCommand::name() const { return pieces_[0].substr(0, pieces_[0].find(' ')); }

}  // namespace cyr::cyradm
