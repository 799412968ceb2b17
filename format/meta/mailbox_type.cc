#include "format/meta/mailbox_type.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "format/base/text.h"

namespace cyr::meta {
namespace {

// store.md 3.3. `bit` is the value of 2.0-3.4, 0 for what none of these knew; up to `highest_text_bit` it is
// that of generation T too. letter25 is 0 where 2.5-3.4 did not know it.
constexpr std::int64_t highest_text_bit = 16;
struct FlagRow {
  bool MailboxType::*member;
  std::int64_t bit;
  char letter25;
  char letter36;
};
struct KindRow {
  MailboxKind kind;
  std::int64_t bit;
  char letter25;
  char letter36;
};
// Both tables are in the order in which 3.6 writes the letters.
constexpr std::array<FlagRow, 6> flag_rows{{
    {&MailboxType::deleted, 16, 'd', 'd'},
    {&MailboxType::moving, 8, 'm', 'm'},
    {&MailboxType::remote, 1, 'r', 'r'},
    {&MailboxType::reserved, 2, 'z', 'z'},
    {&MailboxType::intermediate, 256, 'i', 'i'},
    {&MailboxType::legacy_dirs, 0, 0, 'l'},
}};
constexpr std::array<KindRow, 9> kind_rows{{
    {MailboxKind::email, 0, 0, 'e'},
    {MailboxKind::netnews, 4, 'n', 'n'},
    {MailboxKind::submission, 512, 's', 's'},
    {MailboxKind::push_subscription, 1024, 'p', 'p'},
    {MailboxKind::jmap_notification, 0, 0, 'j'},
    {MailboxKind::sieve, 0, 0, 'f'},
    {MailboxKind::collection, 128, 'b', 'b'},
    {MailboxKind::calendar, 32, 'c', 'c'},
    {MailboxKind::addressbook, 64, 'a', 'a'},
}};
constexpr std::string_view order_25 = "dmnrzcbaisp";

const KindRow& row_of(MailboxKind kind) {
  for (const auto& row : kind_rows) {
    if (row.kind == kind) {
      return row;
    }
  }
  return kind_rows.front();
}

Result<MailboxType> decode_bits(std::int64_t bits, std::int64_t highest) {
  MailboxType type;
  std::int64_t rest = bits;
  for (const auto& row : flag_rows) {
    if (row.bit != 0 && row.bit <= highest && (bits & row.bit) != 0) {
      type.*row.member = true;
      rest &= ~row.bit;
    }
  }
  for (const auto& row : kind_rows) {
    if (row.bit != 0 && row.bit <= highest && (bits & row.bit) != 0) {
      type.kind = row.kind;
      rest &= ~row.bit;
    }
  }
  if (rest != 0) {
    return corrupt(fmt::format("mailbox type {} has unknown bits", bits), 0);
  }
  return type;
}

std::int64_t encode_bits(const MailboxType& type, std::int64_t highest) {
  const std::int64_t kind = row_of(type.kind).bit;
  std::int64_t bits = kind <= highest ? kind : 0;
  for (const auto& row : flag_rows) {
    bits |= type.*row.member && row.bit <= highest ? row.bit : 0;
  }
  return bits;
}

constexpr std::int64_t every_bit = std::numeric_limits<std::int64_t>::max();

}  // namespace

Result<MailboxType> decode_type_bits(std::int64_t bits) { return decode_bits(bits, highest_text_bit); }
std::int64_t encode_type_bits(const MailboxType& type) { return encode_bits(type, highest_text_bit); }
Result<MailboxType> decode_dump_bits(std::int64_t bits) { return decode_bits(bits, every_bit); }
std::int64_t encode_dump_bits(const MailboxType& type) { return encode_bits(type, every_bit); }

Result<MailboxType> decode_type_letters(std::string_view letters) {
  MailboxType type;
  for (const char letter : letters) {
    bool known = false;
    for (const auto& row : flag_rows) {
      if (row.letter36 == letter) {
        type.*row.member = true;
        known = true;
      }
    }
    for (const auto& row : kind_rows) {
      if (row.letter36 == letter) {
        type.kind = row.kind;
        known = true;
      }
    }
    if (!known) {
      return corrupt(fmt::format("mailbox type '{}' has an unknown letter", printable(letters)));
    }
  }
  return type;
}

std::string encode_type_letters_25(const MailboxType& type) {
  std::string set;
  if (const char letter = row_of(type.kind).letter25; letter != 0) {
    set += letter;
  }
  for (const auto& row : flag_rows) {
    if (type.*row.member && row.letter25 != 0) {
      set += row.letter25;
    }
  }
  std::string out;
  for (const char letter : order_25) {
    if (set.find(letter) != std::string::npos) {
      out += letter;
    }
  }
  return out;
}

std::string encode_type_letters_36(const MailboxType& type) {
  std::string out(1, row_of(type.kind).letter36);
  for (const auto& row : flag_rows) {
    if (type.*row.member) {
      out += row.letter36;
    }
  }
  return out;
}

}  // namespace cyr::meta
