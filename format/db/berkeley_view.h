// Views of Berkeley DB files, read page by page without the library: the tree of a btree, the buckets of a
// hash.
#pragma once

#include <vector>

#include "format/db/berkeley_pages.h"
#include "format/db/view.h"

namespace cyr::db::berkeley {

// A key and its value in a leaf or hash page: item `index` and the one after it.
struct PairAt {
  std::uint32_t pgno = 0;
  std::uint16_t index = 0;
};

// The bytes of a pair; the texts live in the file or in the scratch strings.
struct PairText {
  std::string key_scratch;
  std::string value_scratch;
  Entry entry;
  bool deleted = false;
};
// Reads the pair; deleted ones get no entry.
Status load_pair(const PageFile& file, const Page& page, unsigned index, PairText& out);

class BtreeView final : public View {
 public:
  BtreeView(Bytes file, const Meta& meta) : file_(file, meta) {}

  [[nodiscard]] Result<std::optional<Entry>> find(std::string_view key, const KeyOrder& order) const override;
  Status scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const override;
  [[nodiscard]] Result<OrderSet> orders() const override;
  [[nodiscard]] bool stable() const override { return true; }
  // Every page of the tree is there once, levels and keys that part pages are right, and the chain of the
  // leaves is the tree's order.
  [[nodiscard]] Status check() const override;

 private:
  // Where the first key not less than `key` is or would be; an empty key: the first of all.
  [[nodiscard]] Result<PairAt> lower_bound(std::string_view key, const KeyOrder& order) const;
  [[nodiscard]] Result<std::uint32_t> child_for(const Page& page, std::string_view key,
                                                const KeyOrder& order) const;
  [[nodiscard]] Result<std::uint16_t> lower_in_leaf(const Page& leaf, std::string_view key,
                                                    const KeyOrder& order) const;
  // Follows the chain of leaves.
  Status walk_leaves(PairAt from,
                     const std::function<Result<Visit>(const Page& leaf, unsigned index)>& visit) const;

  PageFile file_;
  mutable PairText found_;
};

class HashView final : public View {
 public:
  HashView(Bytes file, const Meta& meta) : file_(file, meta) {}

  [[nodiscard]] Result<std::optional<Entry>> find(std::string_view key, const KeyOrder& order) const override;
  // In raw order, which the file itself does not have.
  Status scan(ScanFrom from, const KeyOrder& order, const EntryVisitor& visit) const override;
  [[nodiscard]] Result<OrderSet> orders() const override;
  [[nodiscard]] bool stable() const override { return true; }
  // Every bucket is there, its keys belong to it, and no key is there twice.
  [[nodiscard]] Status check() const override;

 private:
  struct Index {
    std::vector<PairAt> pairs;    // by key
    std::optional<Error> damage;  // what keeps records from being seen
  };
  const Index& index() const;
  Status collect(Index& index) const;
  Status collect_bucket(std::uint32_t bucket, Index& index, std::uint32_t& visited, bool& blank) const;
  [[nodiscard]] Status check_place(std::uint32_t bucket, const Page& page) const;
  [[nodiscard]] std::string key_at(PairAt at) const;
  [[nodiscard]] std::vector<PairAt>::const_iterator lower_bound(std::string_view key) const;

  PageFile file_;
  mutable std::optional<Index> index_;
  mutable PairText found_;
};

}  // namespace cyr::db::berkeley
