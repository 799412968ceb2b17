// POP3: a command line, and the same bytes as a message that is sent: no line of it may end the answer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "server-min/pop3d/command.h"
#include "server-min/pop3d/maildrop.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cyr::pop3d;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Command command = parse_command(text);
  (void)argument_error(command);
  (void)parse_message_number(command.argument);
  const auto top = parse_top(command.argument);
  std::string out = "\r\n";
  append_stuffed(out, text, top ? top->lines : UINT64_MAX);
  if (out.find("\r\n.\r\n") != std::string::npos || out.compare(out.size() - 2, 2, "\r\n") != 0) {
    std::abort();
  }
  return 0;
}
