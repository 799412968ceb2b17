#include "format/db/berkeley_format.h"

#include <fmt/format.h>

#include <limits>
#include <variant>

namespace cyr::db::berkeley {

namespace {

// Like cyr::Field, for integers in the file's own byte order and of one to four bytes.
template <class S>
struct Field {
  std::string_view name;
  std::uint16_t offset;
  std::variant<std::uint8_t S::*, std::uint16_t S::*, std::uint32_t S::*> member;
};

template <class S, std::size_t N>
void load(const std::array<Field<S>, N>& fields, const std::byte* from, Endian endian, S& out) {
  for (const Field<S>& field : fields) {
    std::visit(
        [&](auto member) {
          using Value = std::remove_reference_t<decltype(out.*member)>;
          out.*member = endian.load<Value>(from + field.offset);
        },
        field.member);
  }
}

constexpr std::array<Field<Meta>, 10> meta_fields = {{
    {"pgno", 8, &Meta::pgno},
    {"magic", 12, &Meta::magic},
    {"version", 16, &Meta::version},
    {"pagesize", 20, &Meta::pagesize},
    {"encrypt_alg", 24, &Meta::encrypt_alg},
    {"type", 25, &Meta::type},
    {"metaflags", 26, &Meta::metaflags},
    {"free", 28, &Meta::free},
    {"last_pgno", 32, &Meta::last_pgno},
    {"flags", 48, &Meta::flags},
}};

constexpr std::array<Field<Meta>, 1> btree_meta_fields = {{{"root", 88, &Meta::root}}};

constexpr std::array<Field<Meta>, 5> hash_meta_fields = {{
    {"max_bucket", 72, &Meta::max_bucket},
    {"high_mask", 76, &Meta::high_mask},
    {"low_mask", 80, &Meta::low_mask},
    {"nelem", 88, &Meta::nelem},
    {"h_charkey", 92, &Meta::h_charkey},
}};
constexpr std::size_t spares_offset = 96;

constexpr std::array<Field<PageHead>, 9> page_fields = {{
    {"lsn.file", 0, &PageHead::lsn_file},
    {"lsn.offset", 4, &PageHead::lsn_offset},
    {"pgno", 8, &PageHead::pgno},
    {"prev_pgno", 12, &PageHead::prev_pgno},
    {"next_pgno", 16, &PageHead::next_pgno},
    {"entries", 20, &PageHead::entries},
    {"hf_offset", 22, &PageHead::hf_offset},
    {"level", 24, &PageHead::level},
    {"type", 25, &PageHead::type},
}};

// Items of btree pages; `len` bytes of data follow the head. Off-page ones have no data but pgno and tlen.
struct BtreeItem {
  std::uint16_t len = 0;
  std::uint8_t type = 0;
  std::uint32_t pgno = 0;
  std::uint32_t tlen = 0;
};
constexpr std::array<Field<BtreeItem>, 2> leaf_item_fields = {{
    {"len", 0, &BtreeItem::len},
    {"type", 2, &BtreeItem::type},
}};
constexpr std::uint32_t leaf_item_head = 3;
constexpr std::array<Field<BtreeItem>, 2> off_page_fields = {{
    {"pgno", 4, &BtreeItem::pgno},
    {"tlen", 8, &BtreeItem::tlen},
}};
constexpr std::uint32_t off_page_size = 12;  // of the item, in btree and hash pages alike
constexpr std::array<Field<BtreeItem>, 3> internal_item_fields = {{
    {"len", 0, &BtreeItem::len},
    {"type", 2, &BtreeItem::type},
    {"pgno", 4, &BtreeItem::pgno},
}};
constexpr std::uint32_t internal_item_head = 12;

enum class BtreeItemType : std::uint8_t { key_data = 1, duplicate = 2, overflow = 3 };
constexpr std::uint8_t deleted_bit = 0x80;
enum class HashItemType : std::uint8_t { key_data = 1, duplicate = 2, off_page = 3, off_page_duplicate = 4 };

constexpr std::size_t meta_size = 512;  // bytes of the metadata page that are in use
constexpr std::size_t checksummed_head = 32;

// flags and metaflags that Cyrus never sets.
constexpr std::uint32_t btree_duplicates = 0x01, btree_recno = 0x02, btree_fixed = 0x08,
                        btree_subdatabases = 0x20, btree_sorted_duplicates = 0x40, btree_compressed = 0x80;
constexpr std::uint32_t hash_duplicates = 0x01, hash_subdatabases = 0x02, hash_sorted_duplicates = 0x04;
constexpr std::uint8_t partitions = 0x02 | 0x04;

bool is_page_size(std::uint32_t size) {
  return size >= min_page_size && size <= max_page_size && std::has_single_bit(size);
}

Status check_features(const Meta& meta) {
  const auto unsupported = [](const char* what) { return make_error(Errc::unsupported, what); };
  if (meta.encrypt_alg != 0) {
    return unsupported("is an encrypted Berkeley DB file");
  }
  if ((meta.metaflags & partitions) != 0) {
    return unsupported("is a Berkeley DB file in several partitions");
  }
  const std::uint32_t subdatabases = meta.is_btree() ? btree_subdatabases : hash_subdatabases;
  if ((meta.flags & subdatabases) != 0) {
    return unsupported("holds several named Berkeley databases; Cyrus uses one without a name");
  }
  const std::uint32_t duplicates =
      meta.is_btree() ? btree_duplicates | btree_sorted_duplicates : hash_duplicates | hash_sorted_duplicates;
  if ((meta.flags & duplicates) != 0) {
    return unsupported("is a Berkeley database that allows a key more than once");
  }
  if (meta.is_btree() && (meta.flags & (btree_recno | btree_fixed | btree_compressed)) != 0) {
    return unsupported("is a Berkeley database of numbered or compressed records");
  }
  return success();
}

}  // namespace

std::size_t Meta::head_size() const { return checksummed() ? checksummed_head : page_head_size; }

std::optional<Recognised> recognise(Bytes head) {
  if (head.size() < meta_size) {
    return {};
  }
  for (const bool big : {false, true}) {
    Meta meta;
    load(meta_fields, head.data(), Endian(big), meta);
    if (meta.magic == btree_magic || meta.magic == hash_magic) {
      return Recognised{meta.is_btree(), Endian(big), meta.version};
    }
  }
  return {};
}

bool needs_upgrade(const Recognised& file) {
  return file.btree ? file.version == 6 || file.version == 7 : file.version == 5 || file.version == 6;
}

Result<Meta> decode_meta(Bytes file) {
  const auto known = recognise(file);
  if (!known) {
    return corrupt("has no metadata page of a Berkeley database", 0);
  }
  Meta meta;
  meta.endian = known->endian;
  load(meta_fields, file.data(), meta.endian, meta);
  const std::uint32_t oldest = meta.is_btree() ? oldest_btree : oldest_hash;
  if (meta.version < oldest || meta.version > newest_version) {
    return make_error(Errc::unsupported,
                      fmt::format("Berkeley {} version {}, not {} to {}", meta.is_btree() ? "btree" : "hash",
                                  meta.version, oldest, newest_version));
  }
  if (!is_page_size(meta.pagesize)) {
    return corrupt(fmt::format("page size {}", meta.pagesize), 20);
  }
  const PageType expected = meta.is_btree() ? PageType::btree_meta : PageType::hash_meta;
  if (meta.pgno != 0 || static_cast<PageType>(meta.type) != expected) {
    return corrupt(fmt::format("metadata page has number {} and type {}", meta.pgno, meta.type), 8);
  }
  CYR_CHECK(check_features(meta));
  if (meta.is_btree()) {
    load(btree_meta_fields, file.data(), meta.endian, meta);
  } else {
    load(hash_meta_fields, file.data(), meta.endian, meta);
    for (std::size_t i = 0; i < meta.spares.size(); ++i) {
      meta.spares[i] = meta.endian.load<std::uint32_t>(file.data() + spares_offset + 4 * i);
    }
  }
  std::memcpy(meta.uid.data(), file.data() + file_id_offset, meta.uid.size());
  return meta;
}

PageHead decode_page_head(const std::byte* page, Endian endian) {
  PageHead head;
  load(page_fields, page, endian, head);
  return head;
}

std::uint32_t Page::items_begin() const {
  return static_cast<std::uint32_t>(head_size_ + std::size_t{2} * head.entries);
}

bool Page::fits() const {
  if (type() == PageType::overflow) {
    return head.hf_offset > 0 && head.hf_offset <= bytes_.size() - head_size_;
  }
  // An empty page of 64 KiB cannot say so in 16 bits: its hf_offset is 0.
  const std::size_t begin = head.hf_offset == 0 && head.entries == 0 ? bytes_.size() : head.hf_offset;
  return items_begin() <= begin && begin <= bytes_.size();
}

std::uint32_t Page::offset_of(unsigned index) const {
  return endian_.load<std::uint16_t>(bytes_.data() + head_size_ + std::size_t{2} * index);
}

Result<Item> Page::item(unsigned index) const {
  if (!fits() || index >= head.entries) {
    return corrupt(fmt::format("page {} has no item {}", head.pgno, index));
  }
  if (is_hash(type())) {
    return hash_item(index);
  }
  const std::uint32_t at = offset_of(index);
  if (at < head.hf_offset) {
    return corrupt(fmt::format("page {}: item {} lies outside of the items", head.pgno, index));
  }
  return type() == PageType::btree_internal ? internal_item_at(at) : leaf_item_at(at);
}

Result<Item> Page::leaf_item_at(std::uint32_t at) const {
  const auto damaged = [&] { return corrupt(fmt::format("page {}: no item at byte {}", head.pgno, at)); };
  if (at < items_begin() || at > bytes_.size() || bytes_.size() - at < leaf_item_head) {
    return damaged();
  }
  BtreeItem raw;
  load(leaf_item_fields, bytes_.data() + at, endian_, raw);
  Item out;
  out.begin = at;
  out.deleted = (raw.type & deleted_bit) != 0;
  const auto type = static_cast<BtreeItemType>(raw.type & static_cast<std::uint8_t>(~deleted_bit));
  if (type == BtreeItemType::key_data) {
    if (raw.len > bytes_.size() - at - leaf_item_head) {
      return damaged();
    }
    out.data = as_text(bytes_.subspan(at + leaf_item_head, raw.len));
    out.end = static_cast<std::uint32_t>(round_up(at + leaf_item_head + raw.len, 4));
    return out;
  }
  if (type == BtreeItemType::duplicate) {
    return make_error(Errc::unsupported, fmt::format("page {}: key with duplicates", head.pgno));
  }
  if (type != BtreeItemType::overflow || bytes_.size() - at < off_page_size) {
    return damaged();
  }
  load(off_page_fields, bytes_.data() + at, endian_, raw);
  out.off_page = true;
  out.pgno = raw.pgno;
  out.size = raw.tlen;
  out.end = at + off_page_size;
  return out;
}

Result<Item> Page::internal_item_at(std::uint32_t at) const {
  const auto damaged = [&] { return corrupt(fmt::format("page {}: no item at byte {}", head.pgno, at)); };
  if (at < items_begin() || at > bytes_.size() || bytes_.size() - at < internal_item_head) {
    return damaged();
  }
  BtreeItem raw;
  load(internal_item_fields, bytes_.data() + at, endian_, raw);
  if (raw.len > bytes_.size() - at - internal_item_head) {
    return damaged();
  }
  Item out;
  out.begin = at;
  out.end = static_cast<std::uint32_t>(round_up(at + internal_item_head + raw.len, 4));
  out.child = raw.pgno;
  const std::byte* data = bytes_.data() + at + internal_item_head;
  const auto type = static_cast<BtreeItemType>(raw.type & static_cast<std::uint8_t>(~deleted_bit));
  if (type == BtreeItemType::overflow && raw.len >= off_page_size) {
    load(off_page_fields, data, endian_, raw);
    out.off_page = true;
    out.pgno = raw.pgno;
    out.size = raw.tlen;
    return out;
  }
  if (type != BtreeItemType::key_data) {
    return damaged();
  }
  out.data = as_text(Bytes(data, raw.len));
  return out;
}

Result<Item> Page::hash_item(unsigned index) const {
  const std::uint32_t at = offset_of(index);
  const auto end = index == 0 ? static_cast<std::uint32_t>(bytes_.size()) : offset_of(index - 1);
  if (at < head.hf_offset || at < items_begin() || at >= end || end > bytes_.size()) {
    return corrupt(fmt::format("page {}: item {} lies outside of the items", head.pgno, index));
  }
  Item out;
  out.begin = at;
  out.end = end;
  switch (static_cast<HashItemType>(bytes_[at])) {
    case HashItemType::key_data:
      out.data = as_text(bytes_.subspan(at + 1, end - at - 1));
      return out;
    case HashItemType::off_page: {
      if (end - at != off_page_size) {
        break;
      }
      BtreeItem raw;
      load(off_page_fields, bytes_.data() + at, endian_, raw);
      out.off_page = true;
      out.pgno = raw.pgno;
      out.size = raw.tlen;
      return out;
    }
    case HashItemType::duplicate:
    case HashItemType::off_page_duplicate:
      return make_error(Errc::unsupported, fmt::format("page {}: key with duplicates", head.pgno));
  }
  return corrupt(fmt::format("page {}: item {} is of no known type", head.pgno, index));
}

std::uint32_t hash_of(std::string_view key) {
  std::uint32_t hash = 0;  // Fowler, Noll and Vo
  for (const char byte : key) {
    hash = hash * 16777619U ^ static_cast<unsigned char>(byte);
  }
  return hash;
}

std::uint32_t standard_charkey() {
  static const std::uint32_t value = hash_of(std::string_view("%$sniglet^&", 12));  // with its NUL
  return value;
}

std::uint32_t bucket_of(const Meta& meta, std::string_view key) {
  const std::uint32_t hash = hash_of(key);
  const std::uint32_t bucket = hash & meta.high_mask;
  return bucket > meta.max_bucket ? hash & meta.low_mask : bucket;
}

std::optional<std::uint32_t> bucket_page(const Meta& meta, std::uint32_t bucket) {
  // Buckets are added in doublings; each doubling's pages lie together.
  const auto doubling = static_cast<std::size_t>(std::bit_width(bucket));
  if (doubling >= meta.spares.size()) {
    return {};
  }
  const std::uint64_t page = std::uint64_t{bucket} + meta.spares[doubling];
  if (page > std::numeric_limits<std::uint32_t>::max()) {
    return {};
  }
  return static_cast<std::uint32_t>(page);
}

}  // namespace cyr::db::berkeley
