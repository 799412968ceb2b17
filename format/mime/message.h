// A message as Cyrus sees it: the tree of its parts with their places, sizes and GUIDs, and the envelope. Any
// bytes are a message. The tree views the message's bytes, so the message must outlive it. Rules:
// format/doc/message.md (mailbox.md 5.6, 5.7). Depth and memory are bounded; see kMaxNesting.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "format/base/digest.h"
#include "format/mime/profile.h"

namespace cyr::mime {

// Entities nested deeper than this are not looked into (MULTIPART and MESSAGE/RFC822 alike), whatever
// boundary_limit says: a guard of our own, far above what Cyrus's default lets through.
inline constexpr unsigned kMaxNesting = 1500;
// MESSAGE/RFC822 inside MESSAGE/RFC822 ...: each level hashes all of its content, so the time grows with
// depth x size.
inline constexpr unsigned kMaxMessageNesting = 500;

struct ParseOptions {
  std::uint32_t max_header_lines = 1000;  // imapd.conf maxheaderlines; 0: no limit
  std::uint32_t boundary_limit = 1000;    // imapd.conf boundary_limit; 0: no limit (kMaxNesting still holds)
  bool rfc2046_strict = false;            // imapd.conf
  bool rfc2047_utf8 = false;              // imapd.conf
  const CacheProfile* profile = nullptr;  // nullptr: that of 3.6
};

[[nodiscard]] inline const CacheProfile& profile_of(const ParseOptions& options) {
  return options.profile != nullptr ? *options.profile : cache_profile(Series::v3_6);
}

// A string that may be absent: data() == nullptr is NIL, which differs from "".
using NString = std::string_view;
[[nodiscard]] constexpr bool is_nil(NString text) { return text.data() == nullptr; }

struct Parameter {
  std::string_view attribute;  // upper case
  std::string_view value;
};

// One address, or the start of a group (mailbox set, domain NIL: the mailbox is the group's name), or its end
// (all NIL).
struct Address {
  NString name;
  NString route;
  NString mailbox;
  NString domain;

  [[nodiscard]] bool is_group_start() const { return is_nil(domain) && !is_nil(mailbox); }
  [[nodiscard]] bool is_group_end() const { return is_nil(domain) && is_nil(mailbox); }
};
using AddressList = std::vector<Address>;  // empty: NIL

struct Envelope {
  NString date;  // as written, unfolded
  NString subject;
  AddressList from;
  AddressList sender;    // not defaulted to from; the ENVELOPE item does that
  AddressList reply_to;  // likewise
  AddressList to;
  AddressList cc;
  AddressList bcc;
  NString in_reply_to;
  NString message_id;
};

// What few parts have.
struct BodyDetails {
  NString id;
  NString description;
  NString md5;
  NString location;
  NString disposition;  // upper case
  std::vector<Parameter> disposition_parameters;
  std::vector<std::string_view> languages;  // upper case
};

enum class Encoding : std::uint8_t { none = 0, quoted_printable = 1, base64 = 2, unknown = 255 };

// An entity: the message itself, a part, or the message inside a MESSAGE/RFC822 part. Offsets are absolute;
// sizes are bytes, computed modulo 2^32 as Cyrus does, and need not add up to the file's size in malformed
// mail.
struct BodyPart {
  std::string_view type;     // upper case
  std::string_view subtype;  // upper case
  NString encoding_name;     // upper case Content-Transfer-Encoding
  NString charset;           // TEXT and MESSAGE: name as the SECTION item has it; NIL: none
  std::vector<Parameter> parameters;
  std::unique_ptr<BodyDetails> details;
  std::unique_ptr<Envelope> envelope;  // of the message and of messages inside MESSAGE/RFC822
  std::vector<BodyPart> parts;         // of a multipart; of MESSAGE/RFC822 exactly one
  std::uint32_t header_offset = 0;
  std::uint32_t header_size = 0;
  std::uint32_t header_lines = 0;
  std::uint32_t content_offset = 0;
  std::uint32_t content_size = 0;
  std::uint32_t content_lines = 0;
  std::uint32_t boundary_size = 0;  // of the boundary that ended it
  std::uint32_t boundary_lines = 0;
  std::uint32_t decoded_size = 0;   // of the content with the transfer encoding removed
  Guid guid;                        // SHA-1 of that; zero where Cyrus keeps none
  std::uint16_t charset_index = 0;  // in the numbered list (cache version <= 3)
  Encoding encoding = Encoding::none;
  bool contains_message = false;  // MESSAGE/RFC822, and MESSAGE/GLOBAL where the release treats it so

  [[nodiscard]] bool is_multipart() const;
  [[nodiscard]] bool is_zero_part_multipart() const { return is_multipart() && parts.empty(); }
};

// The result of parse_message; owns every string that is not a piece of the message.
class Message {
 public:
  Message(Message&&) noexcept;
  Message& operator=(Message&&) noexcept;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message();

  [[nodiscard]] const BodyPart& root() const { return root_; }  // its envelope is always set
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  // The date after the last ';' of the first Received field, unfolded; NIL without such a field (mailbox.md
  // 10).
  [[nodiscard]] NString received_date() const { return received_date_; }
  // Value of X-DeliveredInternalDate; NIL if absent.
  [[nodiscard]] NString delivered_internaldate() const { return delivered_internaldate_; }

  class Arena;  // format/mime/arena.h

 private:
  friend class MessageParser;
  friend Message parse_message(std::string_view message, const ParseOptions& options);
  Message();
  std::string_view bytes_;
  BodyPart root_;
  NString received_date_;
  NString delivered_internaldate_;
  std::unique_ptr<Arena> arena_;
};

// Never fails. Takes time in proportion to the size of the message (times the depth of nested messages, for
// the GUIDs).
[[nodiscard]] Message parse_message(std::string_view message, const ParseOptions& options = {});

}  // namespace cyr::mime
