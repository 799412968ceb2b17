#include "format/check/lost_records.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/check/evidence.h"
#include "format/mailbox/index_layout.h"
#include "format/mailbox/sync_crc.h"

namespace cyr::check {

namespace {

// Depth-first over members in order, taking each before leaving it out; stops at the second solution or after
// kMostSteps. Without recursion: a lost index may have any number of messages.
class SubsetSearch {
 public:
  SubsetSearch(const std::vector<std::uint64_t>& sizes, std::size_t count, std::uint64_t sum)
      : sizes_(sizes), count_(count), sum_(sum), chosen_(sizes.size(), false), rest_(sizes.size() + 1, 0) {
    for (std::size_t i = sizes.size(); i-- > 0;) {
      rest_[i] = rest_[i + 1] + sizes[i];
    }
  }

  std::optional<std::vector<bool>> run() {
    std::optional<std::vector<bool>> found;
    for (std::uint64_t steps = 0; steps < kMostSteps; ++steps) {
      if (count_ == 0 && sum_ == 0) {
        if (found) {
          return {};  // not the only one
        }
        found = chosen_;
      }
      if (leads_on()) {
        take_or_pass();
      } else if (!step_back()) {
        return found;
      }
    }
    return {};
  }

 private:
  static constexpr std::uint64_t kMostSteps = 2'000'000;

  [[nodiscard]] bool leads_on() const {
    return count_ > 0 && sizes_.size() - at_ >= count_ && rest_[at_] >= sum_;
  }

  void take_or_pass() {
    if (sizes_[at_] <= sum_) {
      chosen_[at_] = true;
      sum_ -= sizes_[at_];
      --count_;
    }
    ++at_;
  }

  // Leaves out the last one that was taken. False when none is.
  bool step_back() {
    while (at_ > 0 && !chosen_[at_ - 1]) {
      --at_;
    }
    if (at_ == 0) {
      return false;
    }
    chosen_[at_ - 1] = false;
    sum_ += sizes_[at_ - 1];
    ++count_;
    return true;
  }

  const std::vector<std::uint64_t>& sizes_;
  std::size_t at_ = 0;  // the next one to decide on
  std::size_t count_;   // how many are still to be taken
  std::uint64_t sum_;   // what they must add up to
  std::vector<bool> chosen_;
  std::vector<std::uint64_t> rest_;  // sum of sizes from here on
};

// What the old numbers have left over for the lost records.
struct Remainder {
  std::int64_t exists = 0, bytes = 0;
  std::int64_t answered = 0, flagged = 0, deleted = 0, unseen = 0;
  bool flags_known = false;
};

std::int64_t minus(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a) - static_cast<std::int64_t>(b);
}

// `kept`: the records that are still there; `sure`: those of them whose flags are.
std::optional<Remainder> remainder_of(Context& context, const mailbox::IndexTotals& kept,
                                      const mailbox::IndexTotals& sure) {
  const State& state = context.state;
  Remainder out;
  if (state.index_lost) {
    const auto evidence = gather_index_evidence(context);
    if (!evidence.exists || !evidence.bytes) {
      return {};
    }
    out.exists = minus(*evidence.exists, kept.exists);
    out.bytes = minus(*evidence.bytes, kept.quota_mailbox_used);
    return out;
  }
  if (!state.index_sound || !mailbox::has_record_crc(state.index.minor_version)) {
    return {};
  }
  out.exists = minus(state.before.exists, kept.exists);
  out.bytes = minus(state.before.quota_mailbox_used, kept.quota_mailbox_used);
  out.answered = minus(state.before.answered, sure.answered);
  out.flagged = minus(state.before.flagged, sure.flagged);
  out.deleted = minus(state.before.deleted, sure.deleted);
  out.unseen = state.index.minor_version >= 14 ? minus(state.before.unseen, sure.unseen) : -1;
  out.flags_known = true;
  return out;
}

// Flags that a counter proves: all of `live` records, the lost ones and those whose flags are not sure, have
// it when the remainder is their number.
std::uint32_t proven_flags(const Remainder& left, std::size_t live) {
  if (!left.flags_known || live == 0) {
    return 0;
  }
  const auto all = static_cast<std::int64_t>(live);
  std::uint32_t flags = 0;
  flags |= left.answered == all ? mailbox::flag::answered : 0U;
  flags |= left.flagged == all ? mailbox::flag::flagged : 0U;
  flags |= left.deleted == all ? mailbox::flag::deleted : 0U;
  flags |= left.unseen == 0 ? mailbox::flag::seen : 0U;
  return flags;
}

}  // namespace

std::optional<std::vector<bool>> unique_subset(const std::vector<std::uint64_t>& sizes, std::size_t count,
                                               std::uint64_t sum) {
  if (count > sizes.size()) {
    return {};
  }
  return SubsetSearch(sizes, count, sum).run();
}

Status restore_lost_states(Context& context, const std::vector<std::uint32_t>& uids) {
  State& state = context.state;
  if (uids.empty() || (state.records_lost == 0 && !state.index_lost)) {
    return success();
  }
  const std::vector<std::string> no_names;
  mailbox::IndexTotals kept(state.records.layout(), no_names);
  mailbox::IndexTotals sure = kept;
  std::sort(state.salvaged.begin(), state.salvaged.end());
  std::size_t restored_count = 0;
  const auto is_restored = [&](std::uint32_t uid) {
    return std::binary_search(uids.begin(), uids.end(), uid);
  };
  for (std::size_t i = 0; i < state.records.size(); ++i) {
    if (state.records.dropped(i)) {
      continue;
    }
    if (is_restored(state.records.uid(i))) {
      ++restored_count;
    } else {
      const auto record = state.records.get(i);
      kept.add(record);
      if (!std::binary_search(state.salvaged.begin(), state.salvaged.end(), record.uid)) {
        sure.add(record);
      }
    }
  }
  const auto left = remainder_of(context, kept, sure);
  if (!left && state.index_lost) {  // nothing counts them
    context.note(with(context.of(Problem::revived_unknown), {.found = std::to_string(restored_count)}));
  }
  if (!left || left->exists < 0 || left->bytes < 0 ||
      left->exists > static_cast<std::int64_t>(restored_count)) {
    return success();
  }
  std::vector<std::size_t> restored;  // not before it is known that they are wanted: half a million take 8 MB
  std::vector<std::uint64_t> sizes;
  for (std::size_t i = 0; i < state.records.size(); ++i) {
    if (!state.records.dropped(i) && is_restored(state.records.uid(i))) {
      restored.push_back(i);
      sizes.push_back(state.records.get(i).size);
    }
  }
  const auto live =
      unique_subset(sizes, static_cast<std::size_t>(left->exists), static_cast<std::uint64_t>(left->bytes));
  if (!live) {
    context.note(with(context.of(Problem::revived_unknown), {.found = std::to_string(restored.size())}));
    return success();
  }
  const std::uint32_t flags =
      proven_flags(*left, static_cast<std::size_t>(left->exists) + state.salvaged.size());
  for (std::size_t k = 0; k < restored.size(); ++k) {
    auto record = state.records.get(restored[k]);
    record.system_flags |= (*live)[k] ? flags : mailbox::flag::expunged;
    CYR_CHECK(state.records.set(restored[k], record));
  }
  return success();
}

}  // namespace cyr::check
