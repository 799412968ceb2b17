// LMTP: a command line, and the same bytes as what follows DATA. Reading in pieces gives what reading at once
// gives.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "server-min/lmtpd/command.h"
#include "server-min/lmtpd/data_reader.h"

namespace {

struct Read {
  std::string text;
  std::size_t used = 0;
};

Read read_data(std::string_view bytes, std::size_t step) {
  Read out;
  cyr::lmtpd::DataReader reader([&out](std::string_view text) {
    out.text.append(text);
    return cyr::success();
  });
  while (!reader.done() && out.used < bytes.size()) {
    out.used += reader.feed(bytes.substr(out.used, step)).value();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cyr::lmtpd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Command command = parse_command(text);
  for (const bool strict : {true, false}) {
    const auto path = parse_path(command.argument, "FROM:", strict);
    if (path && path->parameters.size() > 64) {
      std::abort();
    }
  }
  (void)decode_xtext(text);
  const Read whole = read_data(text, size + 1);
  const Read pieces = read_data(text, 3);
  if (whole.text != pieces.text || whole.used != pieces.used) {
    std::abort();
  }
  return 0;
}
