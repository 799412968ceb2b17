// FROM, TO, CC, BCC and SUBJECT: what IMAP SEARCH and SORT look at, decoded (mailbox.md 5.7).
#include <algorithm>

#include "format/base/text.h"
#include "format/mime/cache_items.h"
#include "format/text/imap_string.h"
#include "format/text/rfc2047.h"
#include "format/text/search_form.h"

namespace cyr::mime {

namespace {

constexpr std::string_view kUnquotedMarks = "!#$%&'*+-/=?^_`{|}~";

std::string decoded(std::string_view value, const ParseOptions& options) {
  const CacheProfile& profile = profile_of(options);
  return text::to_search_form(
      text::decode_header_value(value, {profile.header_decoding, profile.charsets, options.rfc2047_utf8,
                                        profile.pad_resets_base64}),
      profile.search_form);
}

bool needs_quotes(std::string_view name) {
  return !std::all_of(name.begin(), name.end(), [](char c) {
    return is_alnum(c) || is_space(c) || kUnquotedMarks.find(c) != std::string_view::npos;
  });
}

void append_name(std::string& out, std::string_view name, bool quote) {
  if (!quote || !needs_quotes(name)) {
    out += name;
    return;
  }
  out += '"';
  for (const char c : name) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  out += '"';
}

void append_lower(std::string& out, std::string_view text) {
  std::transform(text.begin(), text.end(), std::back_inserter(out), ascii_lower);
}

void append_address(std::string& out, const Address& address, const ParseOptions& options) {
  if (!is_nil(address.name)) {
    append_name(out, decoded(address.name, options), profile_of(options).names_are_quoted);
    out += ' ';
  }
  out += '<';
  if (!is_nil(address.route)) {
    append_lower(out, address.route);
    out += ':';
  }
  append_lower(out, address.mailbox);
  out += '@';
  append_lower(out, address.domain);
  out += '>';
}

}  // namespace

void append_search_addresses(std::string& out, const AddressList& addresses, const ParseOptions& options) {
  bool after_entry = false;
  for (const Address& address : addresses) {
    if (address.is_group_end()) {
      out += ';';
      after_entry = true;
      continue;
    }
    if (after_entry) {
      out += ',';
    }
    after_entry = !address.is_group_start();
    if (address.is_group_start()) {
      append_name(out, decoded(address.mailbox, options), false);
      out += ':';
    } else {
      append_address(out, address, options);
    }
  }
}

void append_search_subject(std::string& out, NString subject, const ParseOptions& options) {
  if (is_nil(subject)) {
    text::append_nstring(out, std::nullopt);
    return;
  }
  text::append_nstring(out, decoded(subject, options));
}

}  // namespace cyr::mime
