// Salvage of Berkeley DB files: every whole pair on every page that can be one, page by page. The tree (or
// the buckets), as far as it can be followed, says which pages are live; what an environment's cache and logs
// hold is read too.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "format/db/berkeley_pairs.h"
#include "format/db/berkeley_region.h"
#include "format/db/berkeley_settle.h"
#include "format/db/salvage.h"

namespace cyr::db {

namespace {

using namespace berkeley;  // NOLINT(google-build-using-namespace): what this file is about

constexpr unsigned proof_by_order =
    4;  // pairs in strict order that prove that keys and values are not mixed up

// What is known of a page from those that lead to it.
struct PageState {
  bool reached = false;
  bool leaf = false;                    // it should be a leaf or a page of a bucket
  std::optional<std::string> low;       // its keys are not below
  std::optional<std::string> high;      // and below this one
  std::optional<std::uint32_t> bucket;  // hash
};

struct Candidate {
  SalvagedRecord record;
  bool reached = false;
  std::pair<std::uint32_t, std::uint32_t> changed;  // the page's place in the log
  std::vector<std::uint32_t> chains;                // first overflow pages of key and value
};

class BerkeleySalvage {
 public:
  BerkeleySalvage(const SalvageSource& source, SalvageReport& report) : source_(source), report_(report) {}

  Status run() {
    CYR_CHECK(choose_bytes());
    if (!find_meta()) {
      report_.damaged.push_back({0, bytes_.size(), "no page of a Berkeley database", {}, {}, {}});
      return success();
    }
    CYR_CHECK(add_cached_pages());
    file_.emplace(bytes_, meta_);
    states_.resize(file_->pages());
    if (!report_.header_rebuilt) {
      meta_.is_btree() ? walk_tree() : walk_buckets();
    }
    find_order();
    find_limits();
    for (std::uint32_t pgno = 0; pgno < file_->pages(); ++pgno) {
      take_page(pgno);
    }
    report_tail();
    settle_candidates();
    return success();
  }

 private:
  // ---- which bytes ----

  // With an environment that the library can open: the file with everything that cache and logs hold.
  Status choose_bytes() {
    bytes_ = source_.file;
    CYR_TRY(environment_, environment_of(source_.io, source_.path, source_.options.open));
    if (!environment_) {
      return success();
    }
    const auto settled = settle(source_.io, source_.path, *environment_);
    if (!settled) {
      report_.notes.push_back(fmt::format("the environment cannot be used: {}", settled.error().text()));
      return success();
    }
    CYR_TRY(const FileBytes content, posix_io().read_file(settled->file));
    bytes_ = as_bytes(report_.keep(std::string(content.text())));
    report_.notes.push_back(fmt::format("read with cache and logs of {}", environment_->string()));
    settled_ = true;
    report_.beyond_file = true;
    return success();
  }

  // Cache pages take the places of the file's own.
  Status add_cached_pages() {
    if (!environment_ || settled_) {
      return success();
    }
    CYR_TRY(const auto parts, environment_files(source_.io, *environment_));
    std::string whole(as_text(bytes_));
    unsigned taken = 0;
    for (const fs::path& part : parts) {
      CYR_TRY(const FileBytes region, source_.io.read_file(part));
      for (const CachedPage& page :
           is_region(part) ? find_cached_pages(region.bytes(), meta_) : std::vector<CachedPage>()) {
        taken += put_cached(page, whole) ? 1 : 0;
      }
    }
    report_.beyond_file = taken > 0;
    report_.notes.push_back(
        fmt::format("{} pages taken from the cache of {}", taken, environment_->string()));
    bytes_ = as_bytes(report_.keep(std::move(whole)));
    return success();
  }

  bool put_cached(const CachedPage& page, std::string& whole) {
    constexpr std::uint32_t far_away = 1U << 20;  // pages beyond the end of the file that are believed
    const std::uint64_t at = std::uint64_t{page.pgno} * meta_.pagesize;
    if (!page.ours || at > whole.size() + std::uint64_t{far_away} * min_page_size) {
      if (!page.ours) {
        report_.notes.push_back(
            fmt::format("page {} in the cache may be of this or of another file; left out", page.pgno));
      }
      return false;
    }
    whole.resize(std::max<std::size_t>(whole.size(), static_cast<std::size_t>(at) + meta_.pagesize));
    whole.replace(static_cast<std::size_t>(at), meta_.pagesize, as_text(page.bytes));
    return true;
  }

  // From the metadata page; without one from what the pages say of themselves.
  bool find_meta() {
    if (const auto meta = decode_meta(bytes_)) {
      meta_ = *meta;
      return true;
    }
    report_.header_rebuilt = true;
    std::uint64_t best = 0;
    for (std::uint32_t size = min_page_size; size <= max_page_size; size *= 2) {
      for (const bool big : {false, true}) {
        for (const std::uint32_t magic : {btree_magic, hash_magic}) {
          Meta meta;
          meta.magic = magic;
          meta.pagesize = size;
          meta.endian = Endian(big);
          const std::uint64_t votes = pages_like(meta) * size;
          if (votes > best) {
            best = votes;
            meta_ = meta;
          }
        }
      }
    }
    if (best > 0) {
      report_.kind = meta_.is_btree() ? Kind::berkeley : Kind::berkeley_hash;
    }
    return best > 0;
  }

  [[nodiscard]] std::uint64_t pages_like(const Meta& meta) const {
    const PageFile file(bytes_, meta);
    std::uint64_t count = 0;
    for (std::uint32_t pgno = 1; pgno < file.pages(); ++pgno) {
      const auto page = file.page(pgno);
      const bool ours = page && page->head.entries > 0 &&
                        (meta.is_btree() ? page->type() == PageType::btree_leaf : is_hash(page->type()));
      count += ours && page->item(0) ? 1 : 0;
    }
    return count;
  }

  // ---- which pages are live ----

  struct Step {
    std::uint32_t pgno;
    unsigned level;  // that it should have; 0: the root's, whatever it is
  };

  void walk_tree() {
    std::vector<Step> todo;
    reach(meta_.root, {}, {}, 0, todo);
    while (!todo.empty()) {
      const Step step = todo.back();
      todo.pop_back();
      visit_tree_page(step, todo);
    }
  }

  void reach(std::uint32_t pgno, const std::optional<std::string>& low,
             const std::optional<std::string>& high, unsigned level, std::vector<Step>& todo) {
    if (pgno == 0 || pgno >= file_->pages() || states_[pgno].reached) {
      walk_broken_ = true;
      lost(pgno, low, high);
      return;
    }
    states_[pgno] = {true, level == 1, low, high, {}};
    todo.push_back({pgno, level});
  }

  void visit_tree_page(const Step& step, std::vector<Step>& todo) {
    const auto page = file_->page(step.pgno);
    const bool leaf = page && page->type() == PageType::btree_leaf;
    if (!page || (!leaf && page->type() != PageType::btree_internal) ||
        (step.level != 0 && page->head.level != step.level)) {
      walk_broken_ = true;
      return;  // take_page() tells
    }
    states_[step.pgno].leaf = leaf;
    if (!leaf && page->head.level > 1) {
      visit_children(*page, todo);
    }
  }

  void visit_children(const Page& page, std::vector<Step>& todo) {
    const PageState here = states_[page.head.pgno];
    std::optional<std::string> low = here.low;
    for (unsigned i = 0; i < page.head.entries; ++i) {
      const auto item = page.item(i);
      if (!item) {
        walk_broken_ = true;
        continue;
      }
      const auto high = i + 1 < page.head.entries ? parting_key(page, i + 1) : here.high;
      reach(item->child, low, high, page.head.level - 1U, todo);
      low = high;
    }
  }

  [[nodiscard]] std::optional<std::string> parting_key(const Page& page, unsigned index) const {
    std::string scratch;
    const auto item = page.item(index);
    if (!item) {
      return {};
    }
    const auto key = file_->load(*item, scratch);
    return key ? std::optional(std::string(*key)) : std::nullopt;
  }

  void walk_buckets() {
    const std::uint32_t last = std::min(meta_.max_bucket, file_->pages());
    for (std::uint32_t bucket = 0; bucket <= last; ++bucket) {
      for (std::uint32_t pgno = bucket_page(meta_, bucket).value_or(0);;) {
        if (pgno == 0 || pgno >= file_->pages() || states_[pgno].reached) {
          walk_broken_ = true;
          break;
        }
        states_[pgno] = {true, true, {}, {}, bucket};
        const auto page = file_->page(pgno);
        if (!page || !is_hash(page->type())) {
          walk_broken_ = walk_broken_ || !is_blank(pgno);
          break;
        }
        pgno = page->head.next_pgno;
        if (pgno == 0) {
          break;
        }
      }
    }
  }

  [[nodiscard]] bool is_blank(std::uint32_t pgno) const {
    const auto page = file_->raw_page(pgno);
    return page && std::all_of(page->bytes().begin(), page->bytes().end(),
                               [](std::byte b) { return b == std::byte{0}; });
  }

  // The order that most neighbours on the leaves are in.
  void find_order() {
    if (!meta_.is_btree()) {
      return;
    }
    const KeyOrder raw(Order::raw);
    const KeyOrder mbox(Order::mbox);
    std::uint64_t against_raw = 0;
    std::uint64_t against_mbox = 0;
    for (std::uint32_t pgno = 1; pgno < file_->pages(); ++pgno) {
      const auto page = file_->page(pgno);
      if (!page || page->type() != PageType::btree_leaf) {
        continue;
      }
      std::optional<std::string_view> last;
      for (const PairItems& pair : leaf_pairs(*page, false).sound) {
        if (last && !pair.key.off_page) {
          against_raw += raw.less(*last, pair.key.data) ? 0 : 1;
          against_mbox += mbox.less(*last, pair.key.data) ? 0 : 1;
        }
        last = pair.key.off_page ? last : std::optional(pair.key.data);
      }
    }
    const bool wanted = against_mbox == against_raw && source_.options.open.order == Order::mbox;
    report_.order = against_mbox < against_raw || wanted ? Order::mbox : Order::raw;
  }

  void find_limits() {
    std::size_t end = bytes_.size();
    while (end > 0 && bytes_[end - 1] == std::byte{0}) {
      --end;
    }
    const bool tail_is_lost = bytes_.size() - end >= 2 * std::size_t{meta_.pagesize};
    zeros_from_ = tail_is_lost ? end : bytes_.size();
    bool overflow = false;
    for (std::uint32_t pgno = 1; pgno < file_->pages() && !overflow; ++pgno) {
      const auto page = file_->raw_page(pgno);
      overflow = page && page->type() == PageType::overflow;
    }
    never_overflowed_ = !report_.header_rebuilt && !overflow && meta_.free == 0;
  }

  // ---- what is on them ----

  void take_page(std::uint32_t pgno) {
    const PageState& state = states_[pgno];
    const auto page = file_->page(pgno);
    if (pgno == 0 && !report_.header_rebuilt) {
      return;
    }
    if (!page) {
      take_damaged_page(pgno);
      return;
    }
    const bool leaf = page->type() == PageType::btree_leaf;
    if (leaf == meta_.is_btree() && (leaf || is_hash(page->type()))) {
      take_pairs(*page, leaf ? leaf_pairs(*page, false) : hash_pairs(*page));
    } else if (state.reached && state.leaf) {
      damaged(pgno, "a page of another kind where a leaf should be");
    }
  }

  void take_damaged_page(std::uint32_t pgno) {
    const auto raw = file_->raw_page(pgno);
    const bool free = raw && raw->type() == PageType::free && !states_[pgno].reached;
    if (!raw || free || is_unused(*raw) || pgno == 0) {
      if (states_[pgno].reached && meta_.is_btree()) {
        damaged(pgno, "a page that is lost");
      }
      return;
    }
    damaged(pgno, "a page whose head is damaged");
    if (meta_.is_btree()) {
      take_pairs(*raw, leaf_pairs(*raw, true));
    }
  }

  [[nodiscard]] static bool is_unused(const Page& page) {
    return std::all_of(page.bytes().begin(), page.bytes().end(),
                       [](std::byte b) { return b == std::byte{0}; });
  }

  void damaged(std::uint32_t pgno, std::string what) {
    const PageState& state = states_[pgno];
    report_.damaged.push_back(
        {file_->offset_of(pgno), meta_.pagesize, std::move(what), {}, state.low, state.high});
    if (state.reached && state.leaf) {
      lost(pgno, state.low, state.high);
    }
  }

  void lost(std::uint32_t pgno, const std::optional<std::string>& low,
            const std::optional<std::string>& high) {
    LostRecord out;
    out.offset = file_->offset_of(pgno);
    out.key_before = low;
    out.key_after = high;
    report_.lost.push_back(std::move(out));
  }

  struct Loaded {
    PairItems items;
    std::string_view key;
    std::string_view value;
  };

  // The number of the page by its place; its head may say anything.
  [[nodiscard]] std::uint32_t number_of(const Page& page) const {
    return static_cast<std::uint32_t>(static_cast<std::size_t>(page.bytes().data() - bytes_.data()) /
                                      meta_.pagesize);
  }

  void take_pairs(const Page& page, const PagePairs& pairs) {
    const std::uint32_t pgno = number_of(page);
    std::vector<Loaded> sound = load_all(pgno, pairs.sound);
    if (meta_.is_btree()) {
      sound = keep_in_order(pgno, std::move(sound));
    } else {
      sound = keep_in_bucket(pgno, std::move(sound));
    }
    std::vector<Loaded> extra = load_all(pgno, pairs.unindexed);
    const bool proven = are_pairs(pgno, sound, extra);
    for (const Loaded& pair : sound) {
      add(page, pgno, pair);
    }
    for (const Loaded& pair : extra) {
      if (proven) {
        add(page, pgno, pair);
      } else {
        leave_out(pgno, pair.items, pair.key, pair.value,
                  "the page's index is lost, so that key and value are not sure");
      }
    }
    if (pairs.unsound > (proven ? extra.size() : 0)) {
      report_.damaged.push_back(
          {file_->offset_of(pgno),
           meta_.pagesize,
           fmt::format("{} records of a page cannot be read", pairs.unsound - (proven ? extra.size() : 0)),
           {},
           states_[pgno].low,
           states_[pgno].high});
    }
  }

  std::vector<Loaded> load_all(std::uint32_t pgno, const std::vector<PairItems>& pairs) {
    std::vector<Loaded> out;
    for (const PairItems& pair : pairs) {
      if (pair.key.deleted || pair.value.deleted) {
        if (!pair.key.off_page) {
          report_.dropped.push_back({pair.key.data, file_->offset_of(pgno) + pair.key.begin,
                                     DroppedRecord::Proof::erased,
                                     file_->offset_of(pgno) + pair.value.begin});
        }
        continue;
      }
      const bool cut = file_->offset_of(pgno) + std::max(pair.key.end, pair.value.end) > zeros_from_;
      const auto key = load(pair.key);
      const auto value = load(pair.value);
      if (cut) {
        damaged(pgno, "a page that ends in zeros");
        continue;
      }
      if (key && value) {
        out.push_back({pair, *key, *value});
      } else if (key) {
        leave_out(pgno, pair, *key, {}, "the overflow pages of its value are damaged");
      } else {
        damaged(pgno, "a key whose overflow pages are damaged");
      }
    }
    return out;
  }

  // Nothing if the chain is not whole, or a block of it is lost.
  std::optional<std::string_view> load(const Item& item) {
    if (!item.off_page) {
      return item.data;
    }
    std::string text;
    if (!file_->load(item, text)) {
      return {};
    }
    for (std::uint32_t pgno = item.pgno; pgno != 0;) {
      const auto page = file_->page(pgno);  // load() has seen them all
      const auto head = static_cast<std::uint32_t>(meta_.head_size());
      if (!page || has_lost_block(page->bytes(), head, head + page->head.hf_offset) ||
          file_->offset_of(pgno) + head + page->head.hf_offset > zeros_from_) {
        return {};
      }
      pgno = page->head.next_pgno;
    }
    return report_.keep(std::move(text));
  }

  std::vector<Loaded> keep_in_order(std::uint32_t pgno, std::vector<Loaded> pairs) {
    std::vector<std::string_view> keys;
    for (const Loaded& pair : pairs) {
      keys.push_back(pair.key);
    }
    const std::vector<bool> good = in_order(keys, KeyOrder(report_.order));
    std::vector<Loaded> out;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      if (good[i]) {
        out.push_back(pairs[i]);
      } else {
        leave_out(pgno, pairs[i].items, pairs[i].key, pairs[i].value,
                  "its key is not in order, so it is damaged");
      }
    }
    return out;
  }

  std::vector<Loaded> keep_in_bucket(std::uint32_t pgno, std::vector<Loaded> pairs) {
    const auto bucket = states_[pgno].bucket;
    if (!bucket || meta_.h_charkey != standard_charkey()) {
      return pairs;
    }
    std::vector<Loaded> out;
    for (const Loaded& pair : pairs) {
      if (bucket_of(meta_, pair.key) == *bucket) {
        out.push_back(pair);
      } else {
        leave_out(pgno, pair.items, pair.key, pair.value,
                  "its key does not belong to its bucket, so it is damaged");
      }
    }
    return out;
  }

  // Whether what lies behind each other in the page is value and key. It is not where a long value, kept
  // elsewhere, became a short one again; so: there never was a long one, or all keys are in falling order
  // (the page was filled in order), or the keys lie between those that the tree names and the values do not.
  [[nodiscard]] bool are_pairs(std::uint32_t pgno, const std::vector<Loaded>& sound,
                               const std::vector<Loaded>& extra) const {
    const KeyOrder order(report_.order);
    std::vector<const Loaded*> all;
    for (const auto* part : {&sound, &extra}) {
      for (const Loaded& pair : *part) {
        all.push_back(&pair);
      }
    }
    std::sort(all.begin(), all.end(),
              [](const Loaded* a, const Loaded* b) { return a->items.key.begin > b->items.key.begin; });
    const bool falling = std::adjacent_find(all.begin(), all.end(), [&](const Loaded* a, const Loaded* b) {
                           return !order.less(a->key, b->key);
                         }) == all.end();
    if (never_overflowed_ || (falling && all.size() >= proof_by_order)) {
      return true;
    }
    const PageState& state = states_[pgno];
    const auto inside = [&](std::string_view text) {
      return (!state.low || !order.less(text, *state.low)) && (!state.high || order.less(text, *state.high));
    };
    return std::all_of(extra.begin(), extra.end(),
                       [&](const Loaded& pair) { return inside(pair.key) && !inside(pair.value); });
  }

  void add(const Page& page, std::uint32_t pgno, const Loaded& pair) {
    Candidate out;
    out.record.key = pair.key;
    out.record.value = pair.value;
    out.record.offset = file_->offset_of(pgno) + pair.items.key.begin;
    if (!pair.items.indexed) {
      out.record.set(Mark::rebuilt_head);
    }
    out.reached = states_[pgno].reached || report_.header_rebuilt;
    out.changed = {page.head.lsn_file, page.head.lsn_offset};
    for (const Item* item : {&pair.items.key, &pair.items.value}) {
      if (item->off_page) {
        out.chains.push_back(item->pgno);
        ++claims_[item->pgno];
      }
    }
    candidates_.push_back(std::move(out));
  }

  void leave_out(std::uint32_t pgno, const PairItems& items, std::string_view key, std::string_view value,
                 std::string why) {
    report_.left_out.push_back({key, value, file_->offset_of(pgno) + items.key.begin, std::move(why)});
  }

  void report_tail() {
    const std::uint64_t whole = file_->offset_of(file_->pages());
    if (whole < bytes_.size()) {
      report_.damaged.push_back({whole, bytes_.size() - whole, "a page that is cut short", {}, {}, {}});
    }
    if (!report_.header_rebuilt && meta_.last_pgno > file_->pages()) {
      report_.damaged.push_back(
          {bytes_.size(), 0, fmt::format("the file ends before page {}", meta_.last_pgno), {}, {}, {}});
    }
  }

  // ---- one record per key ----

  void settle_candidates() {
    const auto better = [](const Candidate& a, const Candidate& b) {
      return std::pair(a.reached, a.changed) > std::pair(b.reached, b.changed);
    };
    std::stable_sort(candidates_.begin(), candidates_.end(), [&](const Candidate& a, const Candidate& b) {
      return a.record.key != b.record.key ? a.record.key < b.record.key : better(a, b);
    });
    for (std::size_t i = 0; i < candidates_.size();) {
      std::size_t end = i + 1;
      while (end < candidates_.size() && candidates_[end].record.key == candidates_[i].record.key) {
        ++end;
      }
      choose(i, end);
      i = end;
    }
  }

  void choose(std::size_t first, std::size_t end) {
    Candidate& best = candidates_[first];
    report_.superseded += end - first - 1;
    const auto leave = [&](std::string why) {
      report_.left_out.push_back({best.record.key, best.record.value, best.record.offset, std::move(why)});
    };
    if (end - first > 1) {
      const Candidate& other = candidates_[first + 1];
      if (other.reached == best.reached && other.changed == best.changed &&
          other.record.value != best.record.value) {
        leave("another page has the key with another value, and neither is known to be the later");
        return;
      }
    }
    if (std::any_of(best.chains.begin(), best.chains.end(),
                    [&](std::uint32_t chain) { return claims_[chain] > 1; })) {
      leave("its overflow pages belong to another record too");
      return;
    }
    if (!best.reached && !walk_broken_) {
      leave("on a page that is no longer in use");
      return;
    }
    if (!best.reached) {
      best.record.set(Mark::maybe_deleted);
    }
    report_.records.push_back(best.record);
  }

  const SalvageSource& source_;
  SalvageReport& report_;
  Bytes bytes_;
  std::optional<fs::path> environment_;
  bool settled_ = false;
  Meta meta_;
  std::optional<PageFile> file_;
  std::vector<PageState> states_;
  std::uint64_t zeros_from_ = 0;   // from here on the file is zeros that should not be
  bool never_overflowed_ = false;  // no value was ever too long for its page
  bool walk_broken_ = false;       // pages that could not be reached may be live
  std::vector<Candidate> candidates_;
  std::map<std::uint32_t, unsigned> claims_;  // of overflow chains
};

}  // namespace

Status salvage_berkeley(const SalvageSource& source, SalvageReport& report) {
  return BerkeleySalvage(source, report).run();
}

}  // namespace cyr::db
