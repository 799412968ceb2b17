#include "format/meta/counters.h"

#include <fmt/format.h>

#include "format/base/crc32.h"

namespace cyr::meta {
namespace {

// Bytes of the whole file by version (store.md 6.5): 8 for generation and version, the modseqs, then
// uidvalidity and CRC.
constexpr std::array<std::size_t, 10> file_sizes{48, 56, 64, 88, 104, 120, 200, 232, 264, 296};
constexpr std::size_t front_size = 8;
constexpr std::size_t back_size = 8;

// The modseqs in file order; a version has as many of them as fit its size.
using Slots = std::array<std::uint64_t Counters::*, 13>;
constexpr Slots named_slots{{
    &Counters::highestmodseq,
    &Counters::mailmodseq,
    &Counters::caldavmodseq,
    &Counters::carddavmodseq,
    &Counters::notesmodseq,
    &Counters::mailfoldersmodseq,
    &Counters::caldavfoldersmodseq,
    &Counters::carddavfoldersmodseq,
    &Counters::notesfoldersmodseq,
    &Counters::quotamodseq,
    &Counters::raclmodseq,
    &Counters::submissionmodseq,
    &Counters::submissionfoldersmodseq,
}};

template <class C>
auto& slot(C& counters, std::size_t index) {
  if (index < named_slots.size()) {
    return counters.*named_slots[index];
  }
  index -= named_slots.size();
  if (index < counters.deletedmodseq.size()) {
    return counters.deletedmodseq[index];
  }
  return counters.laterkindsmodseq[index - counters.deletedmodseq.size()];
}

std::size_t slot_count(std::size_t file_size) { return (file_size - front_size - back_size) / 8; }

}  // namespace

Result<Counters> decode_counters(Bytes file) {
  std::uint32_t version = 0;
  while (version < file_sizes.size() && file_sizes[version] != file.size()) {
    ++version;
  }
  if (version == file_sizes.size()) {
    return corrupt(fmt::format("{} bytes, which no version of the counters has", file.size()));
  }
  const Bytes sealed = file.first(file.size() - 4);
  Cursor cursor(file);
  Counters counters;
  counters.generation = cursor.u32();
  counters.version = cursor.u32();
  // The length tells the version; before version 1 the field held anything.
  if (version != 0 && counters.version != version) {
    return corrupt(fmt::format("version {}, but the length is that of version {}", counters.version, version),
                   4);
  }
  for (std::size_t i = 0; i < slot_count(file.size()); ++i) {
    slot(counters, i) = cursor.u64();
  }
  counters.uidvalidity = cursor.u32();
  const std::uint32_t stored = cursor.u32();
  if (stored != crc32(sealed)) {
    return corrupt(fmt::format("CRC {:08x}, expected {:08x}", stored, crc32(sealed)), file.size() - 4)
        .with_hint("the file may be removed: Cyrus then starts from the mailboxes' own modseqs");
  }
  counters.version = version;
  return counters;
}

Buffer encode_counters(const Counters& counters) {
  const std::size_t size = file_sizes[std::min<std::size_t>(counters.version, file_sizes.size() - 1)];
  Buffer out;
  out.reserve(size);
  append_be(out, counters.generation);
  append_be(out, counters.version);
  for (std::size_t i = 0; i < slot_count(size); ++i) {
    append_be(out, slot(counters, i));
  }
  append_be(out, counters.uidvalidity);
  append_be(out, crc32(Bytes(out)));
  return out;
}

}  // namespace cyr::meta
