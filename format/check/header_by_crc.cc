#include "format/check/header_by_crc.h"

#include <algorithm>

#include "format/base/crc32.h"
#include "format/check/crc_fix.h"

namespace cyr::check {

namespace {

constexpr std::size_t most_names = 256;  // bytes in which two wrong bits are looked for

// The file for `header` without flag names, in two parts: what stands before them and behind them.
struct Frame {
  Buffer before, after;
};

std::optional<Frame> frame_of(mailbox::MailboxHeader header) {
  header.flags = {"mark"};
  const auto encoded = mailbox::encode_header(header, header.form);
  header.flags = {"other"};
  const auto other = mailbox::encode_header(header, header.form);
  if (!encoded || !other) {
    return {};
  }
  const auto at = std::mismatch(encoded->begin(), encoded->end(), other->begin(), other->end()).first;
  return Frame{Buffer(encoded->begin(), at), Buffer(at + 4, encoded->end())};
}

bool fits(Bytes file, std::uint32_t stored) { return crc32(file) == stored; }

// Puts right what the checksum says is wrong in file[from, to).
bool mend(Buffer& file, std::size_t from, std::size_t to, std::uint32_t stored) {
  if (fits(file, stored)) {
    return true;
  }
  if (const auto fix = find_wrong_byte(file, stored); fix && fix->offset >= from && fix->offset < to) {
    file[fix->offset] ^= std::byte{fix->mask};
    return true;
  }
  if (to - from > most_names) {
    return false;
  }
  const auto bits = find_wrong_bits(file, stored, from, to);
  if (!bits) {
    return false;
  }
  file[bits->first.offset] ^= std::byte{bits->first.mask};
  file[bits->second.offset] ^= std::byte{bits->second.mask};
  return true;
}

}  // namespace

std::optional<mailbox::MailboxHeader> header_by_crc(const mailbox::MailboxHeader& expected, Bytes damaged,
                                                    std::uint32_t stored) {
  const auto frame = frame_of(expected);
  if (!frame || damaged.size() < frame->before.size() + frame->after.size()) {
    return {};
  }
  const std::size_t from = frame->before.size();
  const std::size_t to = damaged.size() - frame->after.size();
  Buffer file(damaged.begin(), damaged.end());
  std::copy(frame->before.begin(), frame->before.end(), file.begin());
  std::copy(frame->after.begin(), frame->after.end(), file.begin() + static_cast<std::ptrdiff_t>(to));
  if (!mend(file, from, to, stored)) {
    return {};
  }
  auto header = mailbox::decode_header(file);
  const auto readable = [](const std::string& name) {
    return name.empty() || mailbox::valid_flag_name(name);
  };
  if (!header || !std::all_of(header->flags.begin(), header->flags.end(), readable)) {
    return {};
  }
  return std::move(*header);
}

}  // namespace cyr::check
