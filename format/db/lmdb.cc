#include "format/db/lmdb.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "format/base/field.h"
#include "format/db/read_only_database.h"

namespace cyr::db::lmdb {

namespace {

constexpr std::uint32_t magic = 0xbeefc0de;
constexpr std::uint32_t version = 1;
constexpr std::size_t page_head = 16;  // bytes
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr std::uint64_t min_page_size = 512;
constexpr std::uint64_t max_page_size = 65536;
constexpr std::size_t node_head = 8;
constexpr std::size_t max_depth = 32;  // of the tree

constexpr std::uint16_t page_branch = 1;
constexpr std::uint16_t page_leaf = 2;
constexpr std::uint16_t page_overflow = 4;
constexpr std::uint16_t page_kinds = 0x6f;  // all flags but DIRTY
constexpr std::uint16_t node_big = 1;       // the value is on overflow pages

// From the start of a metadata page; two of them, the one of the later transaction counts.
struct Meta {
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t page_size = 0;
  std::uint32_t flags_and_depth = 0;  // of the main database
  std::uint64_t entries = 0;
  std::uint64_t root = 0;
  std::uint64_t txnid = 0;
};
constexpr std::array<Field<Meta>, 7> meta_fields = {{
    {"magic", 16, 1, 1, &Meta::magic, 4},
    {"version", 20, 1, 1, &Meta::version, 4},
    {"page_size", 40, 1, 1, &Meta::page_size, 4},
    {"flags_and_depth", 92, 1, 1, &Meta::flags_and_depth, 4},
    {"entries", 120, 1, 1, &Meta::entries, 8},
    {"root", 128, 1, 1, &Meta::root, 8},
    {"txnid", 144, 1, 1, &Meta::txnid, 8},
}};
constexpr std::size_t meta_size = 152;
static_assert(fields_fit(meta_fields, 1, meta_size));

std::optional<Meta> meta_at(Bytes file, std::uint64_t offset) {
  if (offset > file.size() || file.size() - offset < meta_size) {
    return {};
  }
  Meta meta;
  load_fields(meta_fields, 1, file.subspan(static_cast<std::size_t>(offset)), meta, ByteOrder::little);
  const bool good = meta.magic == magic && meta.version == version && meta.page_size >= min_page_size &&
                    meta.page_size <= max_page_size && (meta.page_size & (meta.page_size - 1)) == 0;
  return good ? std::optional(meta) : std::nullopt;
}

class Tree {
 public:
  Tree(Bytes file, const Meta& meta)
      : file_(file), meta_(meta), seen_(static_cast<std::size_t>(file.size() / meta.page_size)) {}

  Result<std::vector<Entry>> read() {
    if (meta_.root != no_page) {
      CYR_CHECK(enter(meta_.root));
    }
    while (!path_.empty()) {
      Level& level = path_.back();
      if (level.next == level.count) {
        path_.pop_back();
        continue;
      }
      CYR_TRY(const Bytes node, node_of(level.page, level.next++));
      if (level.leaf) {
        CYR_CHECK(add(node));
      } else {
        CYR_CHECK(enter(load_le<std::uint16_t>(node.data()) |
                        std::uint64_t{load_le<std::uint16_t>(node.data() + 2)} << 16U |
                        std::uint64_t{load_le<std::uint16_t>(node.data() + 4)} << 32U));
      }
    }
    if (entries_.size() != meta_.entries) {
      return corrupt(fmt::format("{} records, the metadata page says {}", entries_.size(), meta_.entries),
                     120);
    }
    return std::move(entries_);
  }

 private:
  struct Level {
    Bytes page;
    bool leaf = false;
    unsigned count = 0;
    unsigned next = 0;
  };

  [[nodiscard]] std::uint64_t offset_of(Bytes page) const {
    return static_cast<std::uint64_t>(page.data() - file_.data());
  }
  Result<Bytes> page_at(std::uint64_t number) const {
    if (number < 2 || number >= seen_.size()) {
      return corrupt(fmt::format("pointer to page {} of {}", number, seen_.size()));
    }
    const Bytes page = file_.subspan(static_cast<std::size_t>(number * meta_.page_size), meta_.page_size);
    if (load_le<std::uint64_t>(page.data()) != number) {
      return corrupt("page has another page's number", offset_of(page));
    }
    return page;
  }
  static std::uint16_t flags_of(Bytes page) { return load_le<std::uint16_t>(page.data() + 10) & page_kinds; }

  Status enter(std::uint64_t number) {
    CYR_TRY(const Bytes page, page_at(number));
    if (seen_[static_cast<std::size_t>(number)] || path_.size() == max_depth) {
      return corrupt("page is in the tree twice", offset_of(page));
    }
    seen_[static_cast<std::size_t>(number)] = true;
    const std::uint16_t flags = flags_of(page);
    const std::uint16_t lower = load_le<std::uint16_t>(page.data() + 12);
    if ((flags != page_branch && flags != page_leaf) || lower < page_head || lower > page.size() ||
        lower % 2 != 0) {
      return corrupt(fmt::format("page with flags 0x{:x} is neither branch nor leaf", flags),
                     offset_of(page));
    }
    path_.push_back({page, flags == page_leaf, (lower - static_cast<unsigned>(page_head)) / 2, 0});
    return success();
  }

  // The rest of the page from the node's head on.
  Result<Bytes> node_of(Bytes page, unsigned index) const {
    const std::uint16_t at = load_le<std::uint16_t>(page.data() + page_head + 2 * std::size_t{index});
    if (at < page_head || at + node_head > page.size()) {
      return corrupt(fmt::format("node {} is outside of its page", index), offset_of(page));
    }
    return page.subspan(at);
  }

  Status add(Bytes node) {
    const std::uint64_t value_size =
        load_le<std::uint16_t>(node.data()) | std::uint64_t{load_le<std::uint16_t>(node.data() + 2)} << 16U;
    const std::uint16_t flags = load_le<std::uint16_t>(node.data() + 4);
    const std::size_t key_size = load_le<std::uint16_t>(node.data() + 6);
    if (node_head + key_size > node.size()) {
      return corrupt("key is outside of its page", offset_of(node));
    }
    const std::string_view key = as_text(node.subspan(node_head, key_size));
    const Bytes rest = node.subspan(node_head + key_size);
    if (flags == 0) {
      if (value_size > rest.size()) {
        return corrupt("value is outside of its page", offset_of(node));
      }
      entries_.push_back({key, as_text(rest.first(static_cast<std::size_t>(value_size)))});
      return success();
    }
    if (flags != node_big || rest.size() < 8) {
      return make_error(Errc::unsupported,
                        fmt::format("record with flags 0x{:x}, which Cyrus never makes", flags))
          .at_offset(offset_of(node));
    }
    CYR_TRY(const Bytes page, page_at(load_le<std::uint64_t>(rest.data())));
    const std::uint64_t from = offset_of(page) + page_head;
    if (flags_of(page) != page_overflow || value_size > file_.size() - from) {
      return corrupt("value is not on the pages that its record names", offset_of(node));
    }
    entries_.push_back(
        {key, as_text(file_.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(value_size)))});
    return success();
  }

  Bytes file_;
  const Meta& meta_;
  std::vector<bool> seen_;  // pages of the tree
  std::vector<Level> path_;
  std::vector<Entry> entries_;
};

}  // namespace

bool recognise(Bytes head) {
  return head.size() >= page_head + 4 && load_le<std::uint32_t>(head.data() + page_head) == magic;
}

Result<std::vector<Entry>> read_tree(Bytes file) {
  if (!recognise(file)) {
    return corrupt("not an LMDB file", 0);
  }
  auto best = meta_at(file, 0);
  // The second one is a page further on; when the first is damaged, that may be any page size.
  for (std::uint64_t size = best ? best->page_size : min_page_size;
       size <= (best ? best->page_size : max_page_size); size *= 2) {
    const auto second = meta_at(file, size);
    if (second && second->page_size == size && (!best || second->txnid > best->txnid)) {
      best = second;
      break;
    }
  }
  if (!best) {
    return corrupt("has no sound metadata page", 0);
  }
  if ((best->flags_and_depth & 0xffffU) != 0) {
    return make_error(Errc::unsupported,
                      fmt::format("LMDB database with flags 0x{:x}, which Cyrus never makes",
                                  best->flags_and_depth & 0xffffU));
  }
  return Tree(file, *best).read();
}

Result<std::unique_ptr<Database>> open_file(Io& io, const fs::path& path, const OpenOptions& options) {
  CYR_TRY(const bool there, io.exists(path));
  if (!there && options.create) {
    return make_error(Errc::unsupported, "lmdb databases are read here, not written").at(path);
  }
  std::vector<FileBytes> content(1);
  CYR_TRY(content[0], io.read_file(path));
  auto entries = read_tree(content[0].bytes());
  if (!entries) {
    return std::move(entries.error()).at(path);
  }
  return std::unique_ptr<Database>(
      std::make_unique<ReadOnlyDatabase>(Kind::lmdb, path, std::move(content), std::move(*entries)));
}

}  // namespace cyr::db::lmdb
