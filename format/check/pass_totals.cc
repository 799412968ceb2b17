// Pass 6: the counters, usages and CRCs of the index header, added up from the records and annotations;
// UIDVALIDITY and modseqs that must not be 0. Needs: records and annotations as they will be. Leaves:
// state.index.
#include <fmt/format.h>

#include <array>

#include "format/base/parallel.h"
#include "format/check/context.h"
#include "format/check/evidence.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index_layout.h"
#include "format/mailbox/sync_crc.h"

namespace cyr::check {

namespace {

using mailbox::IndexHeader;

constexpr std::size_t kLeastPart = 8192;  // records; fewer are not worth a thread

struct Total {
  std::string_view name;  // as Cyrus prints it
  std::variant<std::uint32_t IndexHeader::*, std::uint64_t IndexHeader::*> member;
  Problem problem;
};
constexpr std::array totals{
    Total{"quota_mailbox_used", &IndexHeader::quota_mailbox_used, Problem::total_quota},
    Total{"quota_annot_used", &IndexHeader::quota_annot_used, Problem::total_quota},
    Total{"quota_deleted_used", &IndexHeader::quota_deleted_used, Problem::total_quota},
    Total{"quota_expunged_used", &IndexHeader::quota_expunged_used, Problem::total_quota},
    Total{"answered", &IndexHeader::answered, Problem::total_counter},
    Total{"deleted", &IndexHeader::deleted, Problem::total_counter},
    Total{"flagged", &IndexHeader::flagged, Problem::total_counter},
    Total{"unseen", &IndexHeader::unseen, Problem::total_counter},
    Total{"exists", &IndexHeader::exists, Problem::total_counter},
    Total{"sync_crc", &IndexHeader::sync_crc_basic, Problem::total_counter},
    Total{"sync_crc_annot", &IndexHeader::sync_crc_annot, Problem::total_counter},
};

std::uint64_t value_of(const IndexHeader& header, const Total& total) {
  return std::visit([&header](auto member) { return static_cast<std::uint64_t>(header.*member); },
                    total.member);
}

class TotalsPass {
 public:
  explicit TotalsPass(Context& context) : context_(context), state_(context.state) {}

  void run() {
    IndexHeader counted = count({.initial = initial(), .padded_cid = false});
    // A new index has the releases' own start value; the 0 in its unfilled header is nobody's.
    if (mailbox::has_sync_crc_annot(state_.index.minor_version) && !state_.index_lost) {
      counted.sync_crc_annot = matching_annot_crc(counted.sync_crc_annot);
    }
    // A repair of records changes the sums; only sums that were wrong before any repair are findings of their
    // own.
    const bool quiet = state_.records.changed() || state_.records_lost != 0 || state_.index_lost ||
                       !state_.index_sound || state_.annotations_set_aside ||
                       !state_.annotation_keys.empty() || state_.write_header;
    for (const auto& total : totals) {
      compare(total, counted, quiet);
    }
    check_zeros();
  }

 private:
  // 2.5 to 3.1 start sync_crc_annot at 0, later releases at 12345678; either may be found.
  [[nodiscard]] std::uint32_t initial() const {
    const auto list = context_.store.mailbox_list();
    const bool old = list && ((*list)->format() == meta::ListFormat::dlist_25 ||
                              (*list)->format() == meta::ListFormat::dlist_30);
    return old ? 0 : 12345678;
  }

  IndexHeader count(const mailbox::SyncCrcAnnotStyle& style) {
    IndexHeader header = state_.index;
    const mailbox::IndexTotals none(state_.index.minor_version, state_.header.flags, style);
    const std::size_t records = state_.records.size();
    std::vector<mailbox::IndexTotals> parts(parts_of(records, kLeastPart, context_.options.threads), none);
    for_parts(records, parts.size(), [&](const Part& part) { count(part, parts[part.number]); });
    for (std::size_t i = 1; i < parts.size(); ++i) {
      parts[0].add(parts[i]);
    }
    const mailbox::IndexTotals& sums = parts[0];
    sums.apply(header);
    if (state_.own_annotations_known) {
      header.quota_annot_used = sums.annotation_bytes + state_.own_annotation_bytes;
    }
    return header;
  }

  void count(const Part& part, mailbox::IndexTotals& sums) const {
    auto annotation = state_.annotations.cbegin();
    for (std::size_t i = part.begin; i < part.end; ++i) {
      const auto record = state_.records.get(i);
      sums.add(record);
      while (annotation != state_.annotations.cend() && annotation->uid < record.uid) {
        ++annotation;
      }
      for (; annotation != state_.annotations.cend() && annotation->uid == record.uid; ++annotation) {
        if (!annotation->deleted && !record.has(mailbox::flag::expunged)) {
          sums.add_annotation(annotation->uid, annotation->entry, owner(annotation->userid),
                              annotation->value);
        }
      }
    }
  }

  [[nodiscard]] std::string owner(const std::string& userid) const {
    return userid == mailbox::kOwnerToken ? state_.files.user.text() : userid;
  }

  // The stored CRC when any of the forms that releases write gives it, else `usual`.
  std::uint32_t matching_annot_crc(std::uint32_t usual) {
    for (const std::uint32_t start : {12345678U, 0U}) {
      for (const bool padded : {false, true}) {
        if (count({.initial = start, .padded_cid = padded}).sync_crc_annot == state_.index.sync_crc_annot) {
          return state_.index.sync_crc_annot;
        }
      }
    }
    return usual;
  }

  void compare(const Total& total, const IndexHeader& counted, bool quiet) {
    const std::uint64_t found = value_of(state_.index, total);
    const std::uint64_t expected = value_of(counted, total);
    if (found == expected || !mailbox::stored_in(state_.index.minor_version, total.member)) {
      return;
    }
    if (!quiet) {
      context_.fix(with(context_.of(total.problem), {.found = std::to_string(found),
                                                     .expected = std::to_string(expected),
                                                     .detail = std::string(total.name)}));
    }
    std::visit(
        [this, expected](auto member) {
          state_.index.*member =
              static_cast<std::remove_reference_t<decltype(state_.index.*member)>>(expected);
        },
        total.member);
    state_.write_index = true;
  }

  void check_zeros() {
    if (state_.index.uidvalidity == 0) {
      state_.index.uidvalidity = gather_index_evidence(context_).uidvalidity;
      context_.fix(with(context_.of(Problem::uidvalidity_zero),
                        {.expected = std::to_string(state_.index.uidvalidity)}));
      state_.write_index = true;
    }
    if (state_.index.highestmodseq == 0 && mailbox::has_record_crc(state_.index.minor_version)) {
      // Never below what a client may have seen.
      state_.index.highestmodseq = std::max<std::uint64_t>(1, gather_index_evidence(context_).highestmodseq);
      context_.fix(with(context_.of(Problem::highestmodseq_zero),
                        {.expected = std::to_string(state_.index.highestmodseq)}));
      state_.write_index = true;
    }
  }

  Context& context_;
  State& state_;
};

}  // namespace

Status pass_totals(Context& context) {
  TotalsPass(context).run();
  return success();
}

}  // namespace cyr::check
