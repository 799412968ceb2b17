#include "format/meta/mailbox_type.h"

#include <fmt/format.h>

#include <array>

#include "format/base/text.h"

namespace cyr::meta {
namespace {

// store.md 3.3. `bit` is the T value, 0 for what 2.0-2.4 did not know; letter25 is 0 where 2.5-3.4 did not
// know it.
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
    {&MailboxType::intermediate, 0, 'i', 'i'},
    {&MailboxType::legacy_dirs, 0, 0, 'l'},
}};
constexpr std::array<KindRow, 9> kind_rows{{
    {MailboxKind::email, 0, 0, 'e'},
    {MailboxKind::netnews, 4, 'n', 'n'},
    {MailboxKind::submission, 0, 's', 's'},
    {MailboxKind::push_subscription, 0, 'p', 'p'},
    {MailboxKind::jmap_notification, 0, 0, 'j'},
    {MailboxKind::sieve, 0, 0, 'f'},
    {MailboxKind::collection, 0, 'b', 'b'},
    {MailboxKind::calendar, 0, 'c', 'c'},
    {MailboxKind::addressbook, 0, 'a', 'a'},
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

}  // namespace

Result<MailboxType> decode_type_bits(std::int64_t bits) {
  MailboxType type;
  std::int64_t rest = bits;
  for (const auto& row : flag_rows) {
    if (row.bit != 0 && (bits & row.bit) != 0) {
      type.*row.member = true;
      rest &= ~row.bit;
    }
  }
  for (const auto& row : kind_rows) {
    if (row.bit != 0 && (bits & row.bit) != 0) {
      type.kind = row.kind;
      rest &= ~row.bit;
    }
  }
  if (rest != 0) {
    return corrupt(fmt::format("mailbox type {} has unknown bits", bits), 0);
  }
  return type;
}

std::int64_t encode_type_bits(const MailboxType& type) {
  std::int64_t bits = row_of(type.kind).bit;
  for (const auto& row : flag_rows) {
    bits |= type.*row.member ? row.bit : 0;
  }
  return bits;
}

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
