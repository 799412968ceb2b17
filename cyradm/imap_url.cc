#include "cyradm/imap_backend.h"
#include "format/base/text.h"
#include "format/text/mutf7.h"

namespace cyr::cyradm {
namespace {

constexpr std::string_view scheme = "imap://";

Result<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const auto byte = parse_number<unsigned char>(text.substr(i + 1, 2), 16);
    if (i + 2 >= text.size() || !byte || *byte == 0) {
      return make_error(Errc::invalid, "a referral that is no URL");
    }
    out.push_back(static_cast<char>(*byte));
    i += 2;
  }
  return out;
}

}  // namespace

Result<ImapUrl> parse_imap_url(std::string_view url) {
  if (!starts_with_ignoring_case(url, scheme)) {
    return make_error(Errc::invalid, "a referral that is no IMAP URL");
  }
  url.remove_prefix(scheme.size());
  const auto slash = std::min(url.find('/'), url.size());
  std::string_view server = url.substr(0, slash);
  if (const auto at = server.rfind('@'); at != std::string_view::npos) {
    server.remove_prefix(at + 1);
  }
  std::string_view mailbox = slash < url.size() ? url.substr(slash + 1) : std::string_view();
  mailbox = mailbox.substr(0, mailbox.find_first_of(";?"));
  const ServerAddress address = parse_server(server, "143");
  if (address.host.empty() || address.is_path || !parse_number<std::uint16_t>(address.port)) {
    return make_error(Errc::invalid, "a referral to nowhere");
  }
  CYR_TRY(const std::string decoded, percent_decoded(mailbox));
  const auto encoded = text::utf8_to_mutf7(decoded);
  return ImapUrl{address.host, address.port, text::check_mutf7(decoded) || !encoded ? decoded : *encoded};
}

}  // namespace cyr::cyradm
