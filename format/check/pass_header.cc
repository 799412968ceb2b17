// Pass 2: cyrus.header. Checks: it decodes, its CRC is the one in the index, and name, unique id, type, ACL
// and quota root agree with mailboxes.db and the quota roots. mailboxes.db is the authority; what only the
// header knows (flag names) is kept from whatever is left of it. Needs: the index header. Leaves:
// state.header.
#include <fmt/format.h>

#include <algorithm>

#include "format/acl/acl.h"
#include "format/base/crc32.h"
#include "format/check/context.h"
#include "format/check/crc_fix.h"
#include "format/check/header_by_crc.h"
#include "format/check/other_files.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

// The form that mailboxes of this store have: one line of dlist from 3.6 on.
mailbox::HeaderForm form_for(Context& context) {
  // The mailbox's place has been found by the list before, so that this is known.
  return context.store.has_keyed_list().value_or(true) ? mailbox::HeaderForm::dlist
                                                       : mailbox::HeaderForm::text;
}

bool has_header_crc(const State& state) {
  return state.index_sound && mailbox::has_record_crc(state.index.minor_version) &&
         state.index.header_file_crc != 0;
}

// What a damaged header still says: fields that are sound or at least doubtful are taken, the comparison with
// mailboxes.db follows.
void take_salvaged(Context& context, const mailbox::SalvagedHeader& salvaged) {
  using mailbox::Trust;
  mailbox::MailboxHeader& header = context.state.header;
  const auto& from = salvaged.header;
  if (salvaged.flags != Trust::lost) {
    header.flags = from.flags;
  }
  if (salvaged.quotaroot == Trust::sound) {
    header.quotaroot = from.quotaroot;
  }
  if (salvaged.acl != Trust::lost && !header.acl) {
    header.acl = from.acl;
  }
  if (salvaged.uniqueid != Trust::lost && header.uniqueid.empty()) {
    header.uniqueid = from.uniqueid;
  }
  header.extra = from.extra;
  header.jmapid = from.jmapid;
}

// The header as mailboxes.db and the quota roots say it should be.
mailbox::MailboxHeader header_from_list(Context& context) {
  const meta::MailboxEntry& entry = context.state.entry;
  mailbox::MailboxHeader header;
  header.form = form_for(context);
  header.type = meta::encode_type_letters_36(entry.type);
  header.name = entry.name;
  header.uniqueid = entry.uniqueid;
  header.acl = entry.acl;
  if (const auto quotas = context.store.quotas()) {
    if (auto root = (*quotas)->find_root(entry.name)) {
      header.quotaroot = std::move(*root);
    }
  }
  return header;
}

// More than one wrong byte, where mailboxes.db knows all but the flag names: those bytes are right now. A
// mailbox that was renamed may still have its old name there.
std::optional<std::size_t> correct_by_list(Context& context, Buffer& bytes) {
  const std::uint32_t stored = context.state.index.header_file_crc;
  mailbox::MailboxHeader expected = header_from_list(context);
  const auto salvaged = mailbox::decode_header_lenient(bytes);
  auto whole = header_by_crc(expected, bytes, stored);
  if (!whole && salvaged.name != mailbox::Trust::lost && salvaged.header.name != expected.name) {
    expected.name = salvaged.header.name;
    whole = header_by_crc(expected, bytes, stored);
  }
  if (!whole) {
    return {};
  }
  const auto encoded = mailbox::encode_header(*whole, whole->form);
  if (!encoded || crc32(*encoded) != stored) {
    return {};
  }
  const auto first = std::mismatch(bytes.begin(), bytes.end(), encoded->begin(), encoded->end()).first;
  const auto offset = static_cast<std::size_t>(first - bytes.begin());
  bytes = *encoded;
  return offset;
}

// One wrong byte of the file, found by the CRC that the index holds.
std::optional<std::size_t> correct_byte(const State& state, Buffer& bytes) {
  const auto fix = find_wrong_byte(bytes, state.index.header_file_crc);
  if (!fix || fix->offset >= bytes.size()) {
    return {};
  }
  bytes[fix->offset] ^= std::byte{fix->mask};
  if (!mailbox::decode_header(bytes)) {
    bytes[fix->offset] ^= std::byte{fix->mask};
    return {};
  }
  return fix->offset;
}

// The offset of the first byte that was put right.
std::optional<std::size_t> correct_bytes(Context& context, Buffer& bytes) {
  if (const auto one = correct_byte(context.state, bytes)) {
    return one;
  }
  const auto header = mailbox::decode_header(bytes);
  return header && is_foreign_header(context, *header) ? std::nullopt : correct_by_list(context, bytes);
}

// Its keyword names would give this mailbox's keywords another meaning.
Status use_own_header(Context& context, const mailbox::MailboxHeader& foreign, bool crc_known) {
  State& state = context.state;
  const auto own = find_own_header(context, foreign.uniqueid, crc_known);
  Finding finding = context.of(Problem::header_foreign);
  finding.path = state.files.header;
  finding.found = foreign.uniqueid;
  finding.detail = own ? "its own one is " + own->path.native() : "its own one is not to be found";
  context.fix(std::move(finding));
  state.write_header = true;
  auto header = own ? mailbox::decode_header(own->file.bytes()) : corrupt("not found");
  if (!header) {
    state.header = header_from_list(context);
    return success();
  }
  state.header = std::move(*header);
  state.header_sound = true;
  return success();
}

Status read_file(Context& context) {
  State& state = context.state;
  const auto& file = context.header_file();
  if (!file) {
    if (file.error().code != Errc::not_found) {
      return file.error();
    }
    context.fix(with(context.of(Problem::header_missing), {.detail = "no such file"}));
    state.write_header = true;
    state.header = header_from_list(context);
    return success();
  }
  state.header_exists = true;
  Buffer bytes(file->bytes().begin(), file->bytes().end());
  state.header_crc = crc32(bytes);
  const bool crc_known = has_header_crc(state);
  const bool crc_ok = crc_known && state.header_crc == state.index.header_file_crc;
  if (crc_known && !crc_ok) {
    if (const auto offset = correct_bytes(context, bytes)) {
      Finding finding = context.of(Problem::header_corrected);
      finding.path = state.files.header;
      finding.offset = *offset;
      context.fix(std::move(finding));
      state.header = *mailbox::decode_header(bytes);
      state.header_sound = true;
      state.write_header = true;
      return success();
    }
  }
  if (auto header = mailbox::decode_header(bytes)) {
    if (!crc_ok && is_foreign_header(context, *header)) {
      return use_own_header(context, *header, crc_known);
    }
    state.header = std::move(*header);
    state.header_sound = crc_ok || !crc_known;
    if (crc_known && !crc_ok) {
      context.fix(
          with(context.of(Problem::header_crc), {.found = fmt::format("{:08x}", state.index.header_file_crc),
                                                 .expected = fmt::format("{:08x}", state.header_crc)}));
      state.write_index = true;
    }
    return success();
  }
  const auto salvaged = mailbox::decode_header_lenient(bytes);
  std::string detail = salvaged.doubts.empty() ? "not a mailbox header" : salvaged.doubts.front();
  if (!salvaged.unplaced_flags.empty()) {
    detail += fmt::format("; keywords that it had, of which nothing says which flags they are: {}",
                          fmt::join(salvaged.unplaced_flags, " "));
  }
  context.fix(with(context.of(Problem::header_missing), {.detail = std::move(detail)}));
  state.header = header_from_list(context);
  take_salvaged(context, salvaged);
  state.write_header = true;
  return success();
}

void compare_acl(Context& context) {
  State& state = context.state;
  if (!state.entry.acl || state.header.acl.value_or("") == *state.entry.acl) {
    return;
  }
  context.fix(with(context.of(Problem::header_acl),
                   {.found = state.header.acl.value_or(""), .expected = *state.entry.acl}));
  state.header.acl = state.entry.acl;
  state.write_header = true;
}

// Only 3.6 and later keep type and name in the header; a by-name mailbox keeps its old name there after
// RENAME, which is no damage (store.md 3.9, 6).
void compare_identity(Context& context) {
  State& state = context.state;
  mailbox::MailboxHeader& header = state.header;
  if (!state.entry.uniqueid.empty() && header.uniqueid != state.entry.uniqueid) {
    context.fix(with(context.of(Problem::header_uniqueid),
                     {.found = header.uniqueid, .expected = state.entry.uniqueid}));
    header.uniqueid = state.entry.uniqueid;
    state.write_header = true;
  }
  if (header.form != mailbox::HeaderForm::dlist) {
    return;
  }
  if (state.files.place.layout == names::Layout::by_id && header.name != state.entry.name) {
    context.fix(with(context.of(Problem::header_name),
                     {.found = header.name.empty() ? "none" : header.name, .expected = state.entry.name}));
    header.name = state.entry.name;
    state.write_header = true;
  }
  const auto type = meta::decode_type_letters(header.type);
  if (!type || type->kind != state.entry.type.kind) {
    const std::string expected = meta::encode_type_letters_36(state.entry.type);
    context.fix(with(context.of(Problem::header_type), {.found = header.type, .expected = expected}));
    header.type = expected;
    state.write_header = true;
  }
}

void compare_quotaroot(Context& context) {
  State& state = context.state;
  const auto quotas = context.store.quotas();
  if (!quotas) {
    return;  // no quota database: nothing to compare with
  }
  const auto root = (*quotas)->find_root(state.entry.name);
  if (!root) {
    return;  // a root that cannot be read must not cost the header its quota root
  }
  if (state.header.quotaroot.value_or("") == root->value_or("")) {
    return;
  }
  context.fix(with(context.of(Problem::header_quotaroot),
                   {.found = state.header.quotaroot.value_or("none"), .expected = root->value_or("none")}));
  state.header.quotaroot = *root;
  state.write_header = true;
}

void check_flag_names(Context& context) {
  State& state = context.state;
  for (std::size_t bit = 0; bit < state.header.flags.size(); ++bit) {
    std::string& name = state.header.flags[bit];
    if (name.empty() || mailbox::valid_flag_name(name)) {
      continue;
    }
    const std::string better = fmt::format("flag-{}", bit);
    context.fix(with(context.of(Problem::flag_name_bogus, static_cast<std::uint32_t>(bit)),
                     {.found = name, .expected = better}));
    name = better;
    state.write_header = true;
  }
}

// A damaged value that decodes all the same but could not be written again, and would block every repair.
void drop_broken(Context& context) {
  State& state = context.state;
  for (const std::string_view what : mailbox::drop_unwritable(state.header, state.header.form)) {
    context.fix(with(context.of(Problem::header_unwritable), {.found = std::string(what)}));
    state.write_header = true;
  }
}

}  // namespace

Status pass_header(Context& context) {
  CYR_CHECK(read_file(context));
  compare_identity(context);
  compare_acl(context);
  compare_quotaroot(context);
  check_flag_names(context);
  drop_broken(context);
  if (context.state.write_header) {
    context.state.write_index = true;  // header_file_crc
  }
  return success();
}

}  // namespace cyr::check
