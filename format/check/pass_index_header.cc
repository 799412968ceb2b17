// Pass 1: the header of cyrus.index. Checks: existence, version, sizes, CRC; a single wrong byte is corrected
// by the CRC, otherwise what salvage can believe is kept. Loads the records. Leaves: state.index,
// state.records, state.lost.
#include <fmt/format.h>

#include <algorithm>

#include "format/base/residency.h"
#include "format/check/context.h"
#include "format/check/crc_fix.h"
#include "format/check/evidence.h"
#include "format/check/other_files.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

// The header with one byte corrected, tried for every version that has a CRC: the wrong byte may be the
// version's own.
std::optional<std::pair<mailbox::IndexHeader, ByteFix>> correct_header(Bytes file) {
  for (const auto& version : mailbox::index_versions()) {
    if (version.header_crc_at == 0 || file.size() < version.header_size) {
      continue;
    }
    const auto stored = load_be<std::uint32_t>(file.data() + version.header_crc_at);
    const auto fix = find_wrong_byte(file.first(version.header_crc_at), stored);
    if (!fix) {
      continue;
    }
    Buffer corrected(file.begin(), file.begin() + version.header_size);
    corrected[fix->offset] ^= std::byte{fix->mask};
    auto header = mailbox::decode_index_header(corrected);
    if (header && header->minor_version == version.minor) {
      return std::pair{std::move(*header), *fix};
    }
  }
  return {};
}

// The fields that the first bytes of a header still hold, when the file is cut inside it and the sizes in it
// are right.
void take_cut_header(Bytes file, IndexEvidence& evidence, mailbox::IndexHeader& index) {
  constexpr std::size_t least = 48;  // up to uidvalidity
  if (file.size() < least) {
    return;
  }
  const auto* version = mailbox::index_version(load_be<std::uint32_t>(file.data() + 8));
  if (version == nullptr || file.size() >= version->header_size ||
      load_be<std::uint32_t>(file.data() + 12) != version->header_size ||
      load_be<std::uint32_t>(file.data() + 16) != version->record_size) {
    return;
  }
  Buffer padded(file.begin(), file.end());
  padded.resize(version->header_size);
  const auto header = mailbox::decode_index_header_unchecked(padded);
  if (!header) {
    return;
  }
  evidence.minor_version = version->minor;
  evidence.last_uid = std::max(evidence.last_uid, header->last_uid);
  evidence.highestmodseq = std::max(evidence.highestmodseq, header->highestmodseq);
  if (header->uidvalidity != 0) {
    evidence.uidvalidity = header->uidvalidity;
  }
  index.generation_no = header->generation_no;
  index.last_appenddate = header->last_appenddate;
  index.pop3_last_login = header->pop3_last_login;
}

// A header for an index that must be made anew. `file`: what there is of the old one.
Status start_over(Context& context, Bytes file) {
  State& state = context.state;
  state.index_lost = true;
  state.before = {};
  state.index = {};
  IndexEvidence evidence = gather_index_evidence(context);
  take_cut_header(file, evidence, state.index);
  if (!mailbox::set_index_version(state.index, evidence.minor_version)) {
    return make_error(Errc::unsupported, fmt::format("no index version {}", evidence.minor_version))
        .at(state.files.index);
  }
  state.index.uidvalidity = evidence.uidvalidity;
  state.index.last_uid = evidence.last_uid;
  state.index.highestmodseq = evidence.highestmodseq;
  state.index.createdmodseq = evidence.createdmodseq;
  state.index.options = mailbox::option::pop3_new_uidl;
  state.index.changes_epoch = static_cast<std::uint64_t>(context.now);
  state.records.reset(evidence.minor_version, state.index.record_size);
  state.write_index = true;
  return success();
}

Status use_salvaged(Context& context, Bytes file) {
  State& state = context.state;
  auto salvaged = mailbox::salvage_index_header(file);
  if (salvaged.header.minor_version == 0 || salvaged.layout == 0) {
    context.fix(context.of(Problem::index_missing));
    return start_over(context, file);
  }
  std::string doubts;
  for (const auto& doubt : salvaged.doubts) {
    doubts += doubts.empty() ? doubt : "; " + doubt;
  }
  context.fix(with(context.of(Problem::index_header_damaged), {.detail = doubts}));
  state.index = salvaged.header;
  state.before = salvaged.header;
  const auto doubtful = [&salvaged](std::string_view field) {
    return std::find(salvaged.doubtful_fields.begin(), salvaged.doubtful_fields.end(), field) !=
           salvaged.doubtful_fields.end();
  };
  const IndexEvidence evidence = gather_index_evidence(context);
  if (doubtful("uidvalidity") || state.index.uidvalidity == 0) {
    state.index.uidvalidity = evidence.uidvalidity;
  }
  if (doubtful("last_uid")) {
    state.index.last_uid = std::max(state.index.last_uid, evidence.last_uid);
  }
  if (doubtful("highestmodseq")) {
    state.index.highestmodseq = std::max(state.index.highestmodseq, evidence.highestmodseq);
  }
  state.write_index = true;
  return success();
}

// Finds out how many records there are, and which are missing.
void load_records(Context& context, Bytes file) {
  State& state = context.state;
  const unsigned layout = mailbox::record_layout(state.index);
  state.records.reset(layout, state.index.record_size);
  const std::uint64_t start = std::min<std::uint64_t>(state.index.start_offset, file.size());
  const Bytes body = file.subspan(static_cast<std::size_t>(start));
  const std::uint64_t size = state.records.record_size();
  const std::uint64_t whole = body.size() / size;
  std::uint64_t count = state.index.num_records;
  if (whole < count) {
    context.fix(with(context.of(Problem::index_truncated),
                     {.found = std::to_string(whole), .expected = std::to_string(count)}));
    state.records_lost = count - whole;
    state.write_index = true;
    count = whole;
  }
  state.records.assign(body.first(static_cast<std::size_t>(count * size)));
  const std::uint64_t surplus = body.size() - count * size;
  if (surplus == 0 || state.records_lost != 0) {
    return;
  }
  // An append that was cut before the header was written leaves whole records behind it.
  RecordTable extra;
  extra.reset(layout, state.index.record_size);
  extra.assign(body.subspan(static_cast<std::size_t>(count * size)));
  std::uint64_t usable = 0;
  if (mailbox::has_record_crc(layout)) {
    std::uint32_t last = state.records.empty() ? 0 : state.records.uid(state.records.size() - 1);
    while (usable < extra.size() && extra.crc_ok(usable) && extra.uid(usable) > last) {
      last = extra.uid(usable++);
    }
  }
  if (usable != 0) {
    context.fix(with(context.of(Problem::index_tail_records), {.found = std::to_string(usable)}));
    state.records.assign(body.first(static_cast<std::size_t>((count + usable) * size)));
  } else {
    context.fix(with(context.of(Problem::index_tail), {.found = std::to_string(surplus)}));
  }
  state.write_index = true;
}

// What the facts of the mailbox are read from.
struct Source {
  std::optional<FoundFile> own;  // found elsewhere; what lies in its place is another mailbox's
  bool lost = false;  // that, and its own one is nowhere: nothing in the file is a fact of this mailbox
};

Source find_source(Context& context, Bytes file) {
  const bool foreign = misses_its_messages(context, file) ? !names_this_mailbox(context, file)
                                                          : names_another_header(context, file);
  if (!foreign) {
    return {};
  }
  Source source{find_own_index(context, file), false};
  const auto owner = owner_of_index(context, file);
  if (!source.own && !owner) {
    return {};  // its own, and its messages are gone
  }
  Finding finding = context.of(Problem::index_foreign);
  finding.path = context.state.files.index;
  finding.found = owner.value_or("not known");
  finding.detail =
      source.own ? "its own one is " + source.own->path.native() : "its own one is not to be found";
  context.fix(std::move(finding));
  source.lost = !source.own;
  context.state.write_index = true;
  return source;
}

// The index of this mailbox is not where it should be, or cannot be read there; it may lie elsewhere.
// Whether it does; then all is read from there.
bool use_stray(Context& context) {
  State& state = context.state;
  const auto stray = find_stray_index(context);
  auto header = stray ? mailbox::decode_index_header(stray->file.bytes()) : corrupt("none");
  if (!header) {
    return false;
  }
  context.fix(
      with(context.of(Problem::index_missing), {.detail = "; its own one is " + stray->path.native()}));
  state.index = std::move(*header);
  state.index_sound = true;
  state.write_index = true;
  state.before = state.index;
  load_records(context, stray->file.bytes());
  return true;
}

Status use_own(Context& context, Bytes bytes) {
  State& state = context.state;
  if (auto header = mailbox::decode_index_header(bytes)) {
    state.index = std::move(*header);
    state.index_sound = true;
  } else if (auto corrected = correct_header(bytes)) {
    Finding finding = context.of(Problem::index_header_corrected);
    finding.path = state.files.index;
    finding.offset = corrected->second.offset;
    context.fix(std::move(finding));
    state.index = std::move(corrected->first);
    state.index_sound = true;
    state.write_index = true;
  } else {
    if (use_stray(context)) {
      return success();
    }
    CYR_CHECK(use_salvaged(context, bytes));
    if (state.index_lost) {
      return success();
    }
  }
  state.before = state.index;
  load_records(context, bytes);
  return success();
}

}  // namespace

Status pass_index_header(Context& context) {
  State& state = context.state;
  const ResidencyLimit bounded(std::size_t{6} << 20U);  // bytes; the list of files grows beside it
  const auto file = context.read_index();
  if (!file) {
    if (file.error().code != Errc::not_found) {
      return file.error();
    }
    if (use_stray(context)) {
      return success();
    }
    context.fix(context.of(Problem::index_missing));
    return start_over(context, {});
  }
  state.index_exists = true;
  const Source source = find_source(context, file->bytes());
  if (source.lost) {
    return start_over(context, {});
  }
  return use_own(context, source.own ? source.own->file.bytes() : file->bytes());
}

}  // namespace cyr::check
