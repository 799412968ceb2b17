// Keys and values of cyr_dbtool as text, in both directions: plain bytes, hex, base64, JSON.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "format/cli/printer.h"
#include "quotatool/cyr_dbtool_actions.h"

namespace cyr::quotatool {

void print(std::string_view text);

// As --hex or --base64 say; without them the bytes themselves.
[[nodiscard]] std::string shown(const DbtoolArguments& arguments, std::string_view bytes);
// The reverse, for what was typed or read. Errc::invalid when it is no hex or base64.
Result<std::string> from_argument(const DbtoolArguments& arguments, std::string_view text);

// Member `name`, or `name`_hex or `name`_base64 for bytes that are not UTF-8 or were asked for so.
void add_bytes(cli::JsonLine& line, const DbtoolArguments& arguments, const std::string& name,
               std::string_view bytes);

// Prints records as the options say: KEY TAB VALUE, or a JSON line.
class RecordPrinter {
 public:
  explicit RecordPrinter(const DbtoolArguments& arguments) : arguments_(arguments) {}
  void record(std::string_view key, std::string_view value) const;
  void value(std::string_view key, std::string_view value) const;

 private:
  void json(std::string_view key, std::string_view value) const;
  const DbtoolArguments& arguments_;
};

struct Pair {
  std::string key;
  std::optional<std::string> value;
};
// The keys (and values) of get, set and delete: from the command line, else from standard input.
Status for_each_pair(const DbtoolArguments& arguments, const std::function<Status(const Pair&)>& visit);

}  // namespace cyr::quotatool
