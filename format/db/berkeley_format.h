// Berkeley DB files, btree and hash: the metadata page, page heads and items as bytes
// (format/doc/berkeley.md). No library, no I/O, either byte order. Invariant: nothing that a page says is
// used before it was compared with the page's and the file's size.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/base/bytes.h"

namespace cyr::db::berkeley {

inline constexpr std::uint32_t btree_magic = 0x00053162;
inline constexpr std::uint32_t hash_magic = 0x00061561;
inline constexpr std::uint32_t min_page_size = 512;  // bytes, a power of two
inline constexpr std::uint32_t max_page_size = 65536;
inline constexpr std::size_t file_id_offset = 52;
inline constexpr std::size_t file_id_size = 20;  // bytes; the library knows a file by them, not by its name

enum class PageType : std::uint8_t {
  free = 0,
  hash_unsorted = 2,  // hash version 8 and older
  btree_internal = 3,
  btree_leaf = 5,
  overflow = 7,
  hash_meta = 8,
  btree_meta = 9,
  hash = 13,
};
[[nodiscard]] inline bool is_hash(PageType type) {
  return type == PageType::hash || type == PageType::hash_unsorted;
}

// Loads integers in the byte order that the file was made with.
class Endian {
 public:
  explicit Endian(bool big = false) : big_(big) {}
  [[nodiscard]] bool big() const { return big_; }
  template <class T>
  [[nodiscard]] T load(const std::byte* from) const {
    return big_ ? load_be<T>(from) : swap_bytes(load_be<T>(from));
  }

 private:
  bool big_;
};

struct Meta {
  std::uint32_t pgno = 0;
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t pagesize = 0;
  std::uint8_t encrypt_alg = 0;
  std::uint8_t type = 0;
  std::uint8_t metaflags = 0;
  std::uint32_t free = 0;  // first page of the free list
  std::uint32_t last_pgno = 0;
  std::uint32_t flags = 0;
  std::uint32_t root = 0;        // btree
  std::uint32_t max_bucket = 0;  // hash, from here on
  std::uint32_t high_mask = 0;
  std::uint32_t low_mask = 0;
  std::uint32_t nelem = 0;
  std::uint32_t h_charkey = 0;  // hash of a fixed text: tells the hash function
  std::array<std::uint32_t, 32> spares{};
  std::array<std::byte, file_id_size> uid{};

  Endian endian;
  [[nodiscard]] bool is_btree() const { return magic == btree_magic; }
  [[nodiscard]] bool checksummed() const { return (metaflags & 1U) != 0; }
  [[nodiscard]] std::size_t head_size() const;  // of a page, bytes
};

// What the first bytes say: magic and byte order, whatever the rest.
struct Recognised {
  bool btree = true;
  Endian endian;
  std::uint32_t version = 0;
};
[[nodiscard]] std::optional<Recognised> recognise(Bytes head);

// The oldest versions that decode_meta() takes; older ones (btree 6, 7, hash 5, 6) have another metadata
// page, and the library turns them into newer ones.
inline constexpr std::uint32_t oldest_btree = 8;
inline constexpr std::uint32_t oldest_hash = 7;
inline constexpr std::uint32_t newest_version = 9;
[[nodiscard]] bool needs_upgrade(const Recognised& file);

// Magic, version, page size and the features that Cyrus never uses are checked. Errc::unsupported for files
// that are sound but of a kind that no Cyrus makes (several databases in one, encryption, duplicates, other
// versions).
[[nodiscard]] Result<Meta> decode_meta(Bytes file);

struct PageHead {
  std::uint32_t lsn_file = 0;
  std::uint32_t lsn_offset = 0;
  std::uint32_t pgno = 0;
  std::uint32_t prev_pgno = 0;
  std::uint32_t next_pgno = 0;
  std::uint16_t entries = 0;
  std::uint16_t hf_offset = 0;  // lowest byte of the items; on overflow pages: data bytes on the page
  std::uint8_t level = 0;       // btree: 1 leaf
  std::uint8_t type = 0;
};
inline constexpr std::size_t page_head_size = 26;  // bytes
[[nodiscard]] PageHead decode_page_head(const std::byte* page, Endian endian);

// A key or value: its bytes, or where they are.
struct Item {
  bool deleted = false;
  bool off_page = false;
  std::string_view data;    // not off_page
  std::uint32_t pgno = 0;   // off_page: first overflow page
  std::uint32_t size = 0;   // off_page: bytes in all
  std::uint32_t child = 0;  // btree internal: the page below
  std::uint32_t begin = 0;  // where the item lies in the page
  std::uint32_t end = 0;    // behind it, padding included
};

// One page in its bytes.
class Page {
 public:
  Page(Bytes bytes, std::size_t head_size, Endian endian)
      : head(decode_page_head(bytes.data(), endian)), bytes_(bytes), head_size_(head_size), endian_(endian) {}

  PageHead head;
  [[nodiscard]] PageType type() const { return static_cast<PageType>(head.type); }
  [[nodiscard]] Bytes bytes() const { return bytes_; }
  // The index of items and the items' area fit into the page.
  [[nodiscard]] bool fits() const;
  // Item `index` of a btree leaf, btree internal or hash page, whole inside the page.
  [[nodiscard]] Result<Item> item(unsigned index) const;
  // A btree leaf item that starts at `at`, whatever the index says.
  [[nodiscard]] Result<Item> leaf_item_at(std::uint32_t at) const;
  [[nodiscard]] Bytes overflow_data() const {
    return bytes_.subspan(head_size_, head.hf_offset);
  }                                                             // if fits()
  [[nodiscard]] std::uint32_t offset_of(unsigned index) const;  // index < entries, and fits()
  [[nodiscard]] std::uint32_t items_begin() const;              // behind the index

 private:
  [[nodiscard]] Result<Item> internal_item_at(std::uint32_t at) const;
  [[nodiscard]] Result<Item> hash_item(unsigned index) const;
  Bytes bytes_;
  std::size_t head_size_;
  Endian endian_;
};

// The hash function of versions 5 and later, and what h_charkey holds when a file uses it.
[[nodiscard]] std::uint32_t hash_of(std::string_view key);
[[nodiscard]] std::uint32_t standard_charkey();
[[nodiscard]] std::uint32_t bucket_of(const Meta& meta, std::string_view key);
// The page of a bucket, by the table of how the file grew; nothing when the table gives no page number.
[[nodiscard]] std::optional<std::uint32_t> bucket_page(const Meta& meta, std::uint32_t bucket);

}  // namespace cyr::db::berkeley
