#include "format/db/berkeley_region.h"

#include <algorithm>
#include <map>

namespace cyr::db::berkeley {

namespace {

constexpr std::size_t step = 8;  // bytes; buffers are aligned so

// The head of a buffer as library 5.3 has it on 64-bit machines, counted back from the page; and the cache's
// description of a file, whose place in the region the head gives.
constexpr std::size_t pgno_before = 48;
constexpr std::size_t file_before = 40;
constexpr std::size_t file_id_in_description = 328;

// The id of the file that the buffer's head names, if there is such a head.
std::optional<Bytes> file_id_of(Bytes region, std::size_t at, std::uint32_t pgno, Endian endian) {
  if (at < pgno_before || endian.load<std::uint32_t>(region.data() + at - pgno_before) != pgno) {
    return {};
  }
  const auto file = endian.load<std::uint64_t>(region.data() + at - file_before);
  if (file > region.size() || region.size() - file < file_id_in_description + file_id_size) {
    return {};
  }
  return region.subspan(static_cast<std::size_t>(file) + file_id_in_description, file_id_size);
}

bool items_are_good(const Page& page) {
  for (unsigned i = 0; i < page.head.entries; ++i) {
    if (!page.item(i)) {
      return false;
    }
  }
  return true;
}

// Strict, because any bytes may lie there.
bool is_page_image(const Page& page, const Meta& meta) {
  const PageType type = page.type();
  if (page.head.pgno == 0 || !page.fits()) {
    return false;
  }
  if (type == PageType::overflow) {
    return page.head.level == 0 && page.head.entries > 0;
  }
  const bool leaf = type == PageType::btree_leaf && page.head.level == 1;
  const bool internal = type == PageType::btree_internal && page.head.level > 1;
  const bool tree = meta.is_btree() ? leaf || internal : is_hash(type) && page.head.level == 0;
  return tree && page.head.entries > 0 && items_are_good(page);
}

bool is_later(const Page& a, const Page& b) {
  return std::pair(a.head.lsn_file, a.head.lsn_offset) > std::pair(b.head.lsn_file, b.head.lsn_offset);
}

}  // namespace

std::vector<CachedPage> find_cached_pages(Bytes region, const Meta& meta) {
  std::map<std::uint32_t, CachedPage> found;
  const Bytes id(meta.uid);
  for (std::size_t at = 0; at + meta.pagesize <= region.size(); at += step) {
    const Bytes bytes = region.subspan(at, meta.pagesize);
    const Page page(bytes, meta.head_size(), meta.endian);
    if (!is_page_image(page, meta)) {
      continue;
    }
    const auto owner = file_id_of(region, at, page.head.pgno, meta.endian);
    const bool ours = owner && std::equal(owner->begin(), owner->end(), id.begin());
    if (owner && !ours) {
      continue;
    }
    const auto [there, added] = found.try_emplace(page.head.pgno, CachedPage{page.head.pgno, bytes, ours});
    const bool better =
        !added && (ours > there->second.ours ||
                   (ours == there->second.ours &&
                    is_later(page, Page(there->second.bytes, meta.head_size(), meta.endian))));
    if (better) {
      there->second = {page.head.pgno, bytes, ours};
    }
  }
  std::vector<CachedPage> out;
  for (const auto& [pgno, page] : found) {
    out.push_back(page);
  }
  return out;
}

}  // namespace cyr::db::berkeley
