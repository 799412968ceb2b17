#include "format/check/unchecked_bits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "format/check/messages.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

// Times that differ by less happen by themselves: a delivery that took a second differs in one bit, too.
constexpr std::uint64_t kNaturalDifference = 4096;  // seconds
constexpr std::size_t kEnoughDates = 100;
// Bits of header counters below these may have been reached by counting.
constexpr std::uint64_t kCountedUids = std::uint64_t{1} << 20U;
constexpr std::uint64_t kCountedModseqs = std::uint64_t{1} << 32U;

// The bit that differs, when it is exactly one; else 0.
std::uint64_t one_bit(std::uint64_t a, std::uint64_t b) { return std::has_single_bit(a ^ b) ? a ^ b : 0; }

// `value` without the one bit that takes it beyond `limit`; 0 when that does not explain it.
std::uint64_t without_top(std::uint64_t value, std::uint64_t limit) {
  const std::uint64_t rest = value & ~std::bit_floor(value);
  return value > limit && rest <= limit ? rest : 0;
}

class UncheckedBits {
 public:
  explicit UncheckedBits(Context& context)
      : context_(context), state_(context.state), records_(context.state.records) {}

  Status run() {
    CYR_CHECK(dates());
    if (mailbox::has_modseq(records_.layout())) {
      CYR_CHECK(modseqs());
    }
    CYR_CHECK(user_flags());
    counters();
    return success();
  }

 private:
  Status correct(std::size_t i, const mailbox::IndexRecord& record, std::string_view what, std::uint64_t was,
                 std::uint64_t is) {
    Finding finding = context_.of(Problem::record_bit, record.uid);
    finding.detail = what;
    finding.found = std::to_string(was);
    finding.expected = std::to_string(is);
    if (!context_.fix(std::move(finding))) {
      return success();
    }
    state_.write_index = true;
    return records_.set(i, record);
  }

  Status dates() {
    std::vector<std::size_t> all(records_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    const FileDates dates = count_file_dates(state_, all);
    if (!dates.kept()) {
      return success();
    }
    const bool only_one = dates.other == 1 && dates.same >= 3 && records_.size() <= kEnoughDates;
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const auto file = find_file(state_, records_.uid(i));
      mailbox::IndexRecord record = records_.get(i);
      const bool its_own =
          file != state_.listing.messages.end() && file->size == record.size;  // not another message
      const auto mtime = its_own ? static_cast<std::uint64_t>(file->mtime) : 0;
      const std::uint64_t bit = mtime == 0 ? 0 : one_bit(record.internaldate, mtime);
      if (bit >= kNaturalDifference || (bit != 0 && only_one)) {
        const std::uint64_t was = record.internaldate;
        record.internaldate = mtime;
        CYR_CHECK(correct(i, record, "internaldate", was, mtime));
      }
    }
    return success();
  }

  // One record whose modseq the mailbox has not reached. Several: it is the header that is wrong.
  Status modseqs() {
    const std::uint64_t highest = state_.index.highestmodseq;
    std::optional<std::size_t> beyond;
    for (std::size_t i = 0; i < records_.size(); ++i) {
      if (records_.get(i).modseq > highest) {
        if (beyond) {
          return success();
        }
        beyond = i;
      }
    }
    if (!beyond) {
      return success();
    }
    mailbox::IndexRecord record = records_.get(*beyond);
    const std::uint64_t was = record.modseq;
    record.modseq = without_top(was, highest);
    return record.modseq == 0 ? success() : correct(*beyond, record, "modseq", was, record.modseq);
  }

  // A user flag of one message that has no name, nor would be the next one to get one (a header from a backup
  // may lack the latest names).
  Status user_flags() {
    if (!state_.header_sound) {
      return success();
    }
    std::array<std::uint32_t, mailbox::kMaxUserFlags> uses{};
    std::array<std::size_t, mailbox::kMaxUserFlags> user{};
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const auto record = records_.get(i);
      for (std::size_t bit = 0; bit < mailbox::kMaxUserFlags; ++bit) {
        if ((record.user_flags[bit / 32] >> (bit % 32) & 1U) != 0) {
          ++uses[bit];
          user[bit] = i;
        }
      }
    }
    for (std::size_t bit = state_.header.flags.size() + 1; bit < mailbox::kMaxUserFlags; ++bit) {
      if (uses[bit] != 1 || uses[bit - 1] != 0) {
        continue;
      }
      mailbox::IndexRecord record = records_.get(user[bit]);
      std::uint32_t& word = record.user_flags[bit / 32];
      const std::uint32_t was = word;
      word &= ~(1U << (bit % 32));
      CYR_CHECK(correct(user[bit], record, fmt::format("word {} of the user flags", bit / 32), was, word));
    }
    return success();
  }

  // A counter whose highest bit no counting can have reached (`counted`), and is not needed for what the
  // records have `reached`; the rest of it must be near that.
  template <typename Number>
  void correct_counter(Number& counter, std::uint64_t reached, std::uint64_t counted, std::string_view what) {
    const std::uint64_t rest = counter & ~std::bit_floor(std::uint64_t{counter});
    if (std::bit_floor(std::uint64_t{counter}) < counted || rest < reached || rest > 2 * reached + 1000) {
      return;
    }
    Finding finding = context_.of(Problem::index_header_bit);
    finding.detail = what;
    finding.found = std::to_string(counter);
    finding.expected = std::to_string(rest);
    if (context_.fix(std::move(finding))) {
      counter = static_cast<Number>(rest);
      state_.write_index = true;
    }
  }

  void counters() {
    if (records_.empty()) {
      return;
    }
    const auto& files = state_.listing.messages;
    const std::uint32_t last =
        std::max(records_.uid(records_.size() - 1), files.empty() ? 0U : files.back().uid);
    correct_counter(state_.index.last_uid, last, kCountedUids, "last_uid");
    if (mailbox::has_modseq(records_.layout())) {
      std::uint64_t modseq = 0;
      for (std::size_t i = 0; i < records_.size(); ++i) {
        modseq = std::max(modseq, records_.get(i).modseq);
      }
      correct_counter(state_.index.highestmodseq, modseq, kCountedModseqs, "highestmodseq");
    }
  }

  Context& context_;
  State& state_;
  RecordTable& records_;
};

}  // namespace

FileDates count_file_dates(const State& state, const std::vector<std::size_t>& sound) {
  FileDates dates;
  for (std::size_t k = 0; k < sound.size() && dates.same + dates.other < kEnoughDates; ++k) {
    const auto file = find_file(state, state.records.uid(sound[k]));
    if (file != state.listing.messages.end()) {
      const bool equal = static_cast<std::uint64_t>(file->mtime) == state.records.get(sound[k]).internaldate;
      ++(equal ? dates.same : dates.other);
    }
  }
  return dates;
}

Status correct_unchecked_bits(Context& context) {
  if (mailbox::has_record_crc(context.state.records.layout())) {
    return success();
  }
  return UncheckedBits(context).run();
}

}  // namespace cyr::check
