#include "quotatool/cyr_dbtool_printer.h"

#include <array>
#include <cstdio>

#include "format/base/digest.h"
#include "format/base/text.h"

namespace cyr::quotatool {

namespace {

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = i; j < i + 3; ++j) {
      group = (group << 8U) | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
    }
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= have ? base64_digits[(group >> (18 - 6 * j)) & 63U] : '=';
    }
  }
  return out;
}

// Whole groups of four with the padding that belongs there, and nothing else.
std::optional<std::string> from_base64(std::string_view text) {
  std::string out;
  if (text.size() % 4 != 0) {
    return {};
  }
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::size_t have = 4;
    while (i + 4 == text.size() && have > 2 && text[i + have - 1] == '=') {
      --have;
    }
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const std::size_t digit = j < have ? base64_digits.find(text[i + j]) : 0;
      if (digit == std::string_view::npos) {
        return {};
      }
      group = (group << 6U) | static_cast<std::uint32_t>(digit);
    }
    for (std::size_t j = 0; j + 1 < have; ++j) {
      out += static_cast<char>(group >> (16 - 8 * j));
    }
  }
  return out;
}

bool is_utf8(std::string_view text) {
  // printable() shows every byte that is not UTF-8 as \xNN; text without control characters passes unchanged.
  std::string without_controls(text);
  for (char& c : without_controls) {
    c = static_cast<unsigned char>(c) < 0x20 || c == '\x7f' || c == '\\' ? ' ' : c;
  }
  return printable(without_controls) == without_controls;
}

// Lines of standard input until an empty line or the end.
class InputLines {
 public:
  std::optional<std::string> next() {
    std::string line;
    for (int c = std::getc(stdin); c != EOF; c = std::getc(stdin)) {
      if (c == '\n') {
        return line.empty() ? std::nullopt : std::optional(line);
      }
      line += static_cast<char>(c);
    }
    return line.empty() ? std::nullopt : std::optional(line);
  }
};

Result<Pair> parse_pair(const DbtoolArguments& arguments, std::string_view key,
                        std::optional<std::string_view> value) {
  Pair pair;
  CYR_TRY(pair.key, from_argument(arguments, key));
  if (value) {
    CYR_TRY(pair.value, from_argument(arguments, *value));
  }
  return pair;
}

}  // namespace

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string shown(const DbtoolArguments& arguments, std::string_view bytes) {
  if (arguments.hex) {
    return to_hex(as_bytes(bytes));
  }
  return arguments.base64 ? to_base64(bytes) : std::string(bytes);
}

Result<std::string> from_argument(const DbtoolArguments& arguments, std::string_view text) {
  if (arguments.hex) {
    if (const auto bytes = from_hex(text)) {
      return std::string(as_text(*bytes));
    }
    return make_error(Errc::invalid, "\"" + printable(text) + "\" is not hex")
        .with_hint("--hex holds for input too");
  }
  if (arguments.base64) {
    if (auto bytes = from_base64(text)) {
      return std::move(*bytes);
    }
    return make_error(Errc::invalid, "\"" + printable(text) + "\" is not base64")
        .with_hint("--base64 holds for input too");
  }
  return std::string(text);
}

void add_bytes(cli::JsonLine& line, const DbtoolArguments& arguments, const std::string& name,
               std::string_view bytes) {
  if (arguments.base64) {
    line.add(name + "_base64", to_base64(bytes));
  } else if (arguments.hex || !is_utf8(bytes)) {
    line.add(name + "_hex", to_hex(as_bytes(bytes)));
  } else {
    line.add(name, bytes);
  }
}

void RecordPrinter::json(std::string_view key, std::string_view value) const {
  cli::JsonLine line;
  add_bytes(line, arguments_, "key", key);
  add_bytes(line, arguments_, "value", value);
  line.print();
}

void RecordPrinter::record(std::string_view key, std::string_view value) const {
  if (arguments_.json) {
    json(key, value);
    return;
  }
  if (arguments_.hex || arguments_.base64) {
    print(shown(arguments_, key) + '\t' + shown(arguments_, value) + '\n');
    return;
  }
  print(key);
  print("\t");
  print(value);
  print("\n");
}

void RecordPrinter::value(std::string_view key, std::string_view value) const {
  if (arguments_.json) {
    json(key, value);
    return;
  }
  print(shown(arguments_, value));
  print("\n");
}

Status for_each_pair(const DbtoolArguments& arguments, const std::function<Status(const Pair&)>& visit) {
  if (!arguments.words.empty()) {
    std::optional<std::string_view> value;
    if (arguments.words.size() > 1) {
      value = arguments.words[1];
    }
    CYR_TRY(const Pair pair, parse_pair(arguments, arguments.words[0], value));
    return visit(pair);
  }
  InputLines lines;
  while (const auto line = lines.next()) {
    const std::string_view text = *line;
    const std::size_t tab = text.find('\t');
    const std::string_view value = tab == std::string_view::npos ? "" : text.substr(tab + 1);
    CYR_TRY(const Pair pair, parse_pair(arguments, text.substr(0, tab), value));
    CYR_CHECK(visit(pair));
  }
  return success();
}

}  // namespace cyr::quotatool
