#include "format/db/berkeley_view.h"

#include <fmt/format.h>

#include <algorithm>

namespace cyr::db::berkeley {

Status load_pair(const PageFile& file, const Page& page, unsigned index, PairText& out) {
  CYR_TRY(const Item key, page.item(index));
  CYR_TRY(const Item value, page.item(index + 1));
  out.deleted = key.deleted || value.deleted;
  if (out.deleted) {
    return success();
  }
  CYR_TRY(out.entry.key, file.load(key, out.key_scratch));
  CYR_TRY(out.entry.value, file.load(value, out.value_scratch));
  return success();
}

// ---- btree ----

namespace {

Error bad_page(const PageFile& file, const Page& page, std::string_view what) {
  return corrupt(fmt::format("page {} {}", page.head.pgno, what), file.offset_of(page.head.pgno));
}

Result<Page> leaf_page(const PageFile& file, std::uint32_t pgno) {
  CYR_TRY(const Page page, file.page(pgno));
  if (page.type() != PageType::btree_leaf || page.head.level != 1 || page.head.entries % 2 != 0) {
    return bad_page(file, page, "is not a leaf of the tree");
  }
  return page;
}

}  // namespace

Result<std::uint32_t> BtreeView::child_for(const Page& page, std::string_view key,
                                           const KeyOrder& order) const {
  // The last item whose key is not greater; the first one stands for everything below the second.
  unsigned low = 0;
  unsigned high = page.head.entries;
  std::string scratch;
  while (high - low > 1) {
    const unsigned middle = low + (high - low) / 2;
    CYR_TRY(const Item item, page.item(middle));
    CYR_TRY(const std::string_view parting, file_.load(item, scratch));
    (order.compare(parting, key) <= 0 ? low : high) = middle;
  }
  CYR_TRY(const Item item, page.item(low));
  return item.child;
}

Result<std::uint16_t> BtreeView::lower_in_leaf(const Page& leaf, std::string_view key,
                                               const KeyOrder& order) const {
  unsigned low = 0;
  unsigned high = leaf.head.entries / 2U;
  std::string scratch;
  while (low < high) {
    const unsigned middle = low + (high - low) / 2;
    CYR_TRY(const Item item, leaf.item(2 * middle));
    CYR_TRY(const std::string_view there, file_.load(item, scratch));
    if (order.less(there, key)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return static_cast<std::uint16_t>(2 * low);
}

Result<PairAt> BtreeView::lower_bound(std::string_view key, const KeyOrder& order) const {
  std::uint32_t pgno = file_.meta().root;
  unsigned above = 256;  // the level goes down with each step, so that a circle ends
  while (true) {
    CYR_TRY(const Page page, file_.page(pgno));
    if (page.head.level >= above) {
      return bad_page(file_, page, fmt::format("has level {} below level {}", page.head.level, above));
    }
    above = page.head.level;
    if (page.type() != PageType::btree_internal) {
      break;
    }
    if (page.head.entries == 0) {
      return bad_page(file_, page, "leads nowhere");
    }
    if (key.empty()) {
      CYR_TRY(const Item first, page.item(0));
      pgno = first.child;
    } else {
      CYR_TRY(pgno, child_for(page, key, order));
    }
  }
  CYR_TRY(const Page leaf, leaf_page(file_, pgno));
  if (key.empty()) {
    return PairAt{pgno, 0};
  }
  CYR_TRY(const std::uint16_t index, lower_in_leaf(leaf, key, order));
  return PairAt{pgno, index};
}

Status BtreeView::walk_leaves(
    PairAt from, const std::function<Result<Visit>(const Page& leaf, unsigned index)>& visit) const {
  std::uint32_t seen = 0;
  for (std::uint32_t pgno = from.pgno; pgno != 0;) {
    CYR_TRY(const Page leaf, leaf_page(file_, pgno));
    if (++seen > file_.pages()) {
      return bad_page(file_, leaf, "closes a circle of leaves");
    }
    for (unsigned i = pgno == from.pgno ? from.index : 0U; i < leaf.head.entries; i += 2) {
      CYR_TRY(const Visit go, visit(leaf, i));
      if (go == Visit::stop) {
        return success();
      }
    }
    pgno = leaf.head.next_pgno;
  }
  return success();
}

Result<std::optional<Entry>> BtreeView::find(std::string_view key, const KeyOrder& order) const {
  CYR_TRY(const PairAt start, lower_bound(key, order));
  bool there = false;
  const auto look = [&](const Page& leaf, unsigned index) -> Result<Visit> {
    CYR_CHECK(load_pair(file_, leaf, index, found_));
    there = !found_.deleted && order.compare(found_.entry.key, key) == 0;
    return found_.deleted ? Visit::go_on : Visit::stop;
  };
  CYR_CHECK(walk_leaves(start, look));
  return there ? std::optional(found_.entry) : std::nullopt;
}

Status BtreeView::scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const {
  CYR_TRY(const PairAt start, lower_bound(from.key, order));
  PairText pair;
  return walk_leaves(start, [&](const Page& leaf, unsigned index) -> Result<Visit> {
    CYR_CHECK(load_pair(file_, leaf, index, pair));
    const bool skip = pair.deleted ||
                      (!from.inclusive && !from.key.empty() && order.compare(pair.entry.key, from.key) <= 0);
    return skip ? Visit::go_on : visit(pair.entry);
  });
}

Result<OrderSet> BtreeView::orders() const {
  OrderSet orders;
  std::string last;
  bool any = false;
  CYR_CHECK(scan({}, KeyOrder(Order::raw), [&](const Entry& entry) -> Result<Visit> {
    if (any) {
      orders.narrow(last, entry.key);
    }
    any = true;
    last.assign(entry.key);
    return Visit::go_on;
  }));
  return orders;
}

// ---- hash ----

namespace {

bool is_blank_page(const Page& page) {
  return std::all_of(page.bytes().begin(), page.bytes().end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

std::string HashView::key_at(PairAt at) const {
  PairText pair;
  const auto page = file_.page(at.pgno);
  if (!page || !load_pair(file_, *page, at.index, pair)) {
    return {};  // collect() has read it; not reached
  }
  return std::string(pair.entry.key);
}

Status HashView::collect_bucket(std::uint32_t bucket, Index& index, std::uint32_t& visited,
                                bool& blank) const {
  const auto first = bucket_page(file_.meta(), bucket);
  if (!first) {
    return corrupt(fmt::format("bucket {} has no page", bucket));
  }
  PairText pair;
  for (std::uint32_t pgno = *first; pgno != 0;) {
    CYR_TRY(const Page raw, file_.raw_page(pgno));
    if (pgno == *first && is_blank_page(raw)) {
      blank = true;  // buckets that were never used are not written out
      return success();
    }
    CYR_TRY(const Page page, file_.page(pgno));
    if (!is_hash(page.type()) || page.head.entries % 2 != 0 || ++visited > file_.pages()) {
      return bad_page(file_, page, fmt::format("is not one of bucket {}", bucket));
    }
    for (unsigned i = 0; i < page.head.entries; i += 2) {
      CYR_CHECK(load_pair(file_, page, i, pair));
      index.pairs.push_back({pgno, static_cast<std::uint16_t>(i)});
    }
    pgno = page.head.next_pgno;
  }
  return success();
}

Status HashView::collect(Index& index) const {
  const Meta& meta = file_.meta();
  std::uint32_t visited = 0;
  bool blank = false;
  if (meta.max_bucket >= file_.pages()) {
    return corrupt(fmt::format("{} buckets in {} pages", std::uint64_t{meta.max_bucket} + 1, file_.pages()));
  }
  for (std::uint32_t bucket = 0; bucket <= meta.max_bucket; ++bucket) {
    CYR_CHECK(collect_bucket(bucket, index, visited, blank));
  }
  // A page that was zeroed looks like a bucket that was never used. The count tells, unless transactions did
  // not keep it.
  if (blank && meta.nelem > index.pairs.size()) {
    return corrupt(fmt::format("{} records of {}, the others were in pages that are zeroed",
                               index.pairs.size(), meta.nelem));
  }
  return success();
}

const HashView::Index& HashView::index() const {
  if (index_) {
    return *index_;
  }
  Index& index = index_.emplace();
  if (const Status done = collect(index); !done) {
    index.damage = done.error();
  }
  // What was collected can be read.
  std::sort(index.pairs.begin(), index.pairs.end(),
            [&](PairAt a, PairAt b) { return key_at(a) < key_at(b); });
  return index;
}

std::vector<PairAt>::const_iterator HashView::lower_bound(std::string_view key) const {
  return std::lower_bound(index().pairs.begin(), index().pairs.end(), key,
                          [&](PairAt at, std::string_view wanted) { return key_at(at) < wanted; });
}

Result<std::optional<Entry>> HashView::find(std::string_view key, const KeyOrder& /*order*/) const {
  const auto at = lower_bound(key);
  if (at != index().pairs.end() && key_at(*at) == key) {
    CYR_TRY(const Page page, file_.page(at->pgno));
    CYR_CHECK(load_pair(file_, page, at->index, found_));
    return std::optional(found_.entry);
  }
  if (index().damage) {
    return *index().damage;
  }
  return std::optional<Entry>();
}

Status HashView::scan(ScanFrom from, const KeyOrder& /*order*/, const EntryVisitor& visit) const {
  PairText pair;
  for (auto at = from.key.empty() ? index().pairs.begin() : lower_bound(from.key); at != index().pairs.end();
       ++at) {
    CYR_TRY(const Page page, file_.page(at->pgno));
    CYR_CHECK(load_pair(file_, page, at->index, pair));
    if (!from.inclusive && !from.key.empty() && pair.entry.key == from.key) {
      continue;
    }
    CYR_TRY(const Visit go, visit(pair.entry));
    if (go == Visit::stop) {
      return success();
    }
  }
  return index().damage ? Status(*index().damage) : success();
}

Result<OrderSet> HashView::orders() const {
  if (index().damage) {
    return *index().damage;
  }
  return OrderSet();  // the file has none, so that any can be had
}

Status HashView::check_place(std::uint32_t bucket, const Page& page) const {
  PairText pair;
  for (unsigned i = 0; i < page.head.entries; i += 2) {
    CYR_CHECK(load_pair(file_, page, i, pair));
    if (bucket_of(file_.meta(), pair.entry.key) != bucket) {
      return bad_page(file_, page, fmt::format("holds a key that does not belong to bucket {}", bucket));
    }
  }
  return success();
}

Status HashView::check() const {
  if (index().damage) {
    return *index().damage;
  }
  const auto& pairs = index().pairs;
  const auto twice = std::adjacent_find(pairs.begin(), pairs.end(),
                                        [&](PairAt a, PairAt b) { return key_at(a) == key_at(b); });
  if (twice != pairs.end()) {
    return corrupt("a key is there twice", file_.offset_of(twice->pgno));
  }
  const Meta& meta = file_.meta();
  if (meta.h_charkey != standard_charkey()) {
    return success();  // made with another hash function: only its maker knows which bucket a key belongs to
  }
  for (std::uint32_t bucket = 0; bucket <= meta.max_bucket; ++bucket) {
    for (std::uint32_t pgno = bucket_page(meta, bucket).value_or(0); pgno != 0;) {
      CYR_TRY(const Page raw, file_.raw_page(pgno));
      if (is_blank_page(raw)) {
        break;
      }
      CYR_CHECK(check_place(bucket, raw));
      pgno = raw.head.next_pgno;
    }
  }
  return success();
}

}  // namespace cyr::db::berkeley
