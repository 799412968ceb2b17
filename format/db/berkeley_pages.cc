#include "format/db/berkeley_pages.h"

#include <fmt/format.h>

#include "format/db/record_access.h"

namespace cyr::db::berkeley {

Result<Page> PageFile::raw_page(std::uint32_t pgno) const {
  ResidencyLimit::tick();
  if (pgno >= pages()) {
    return corrupt(fmt::format("page {} lies beyond the end of the file", pgno), offset_of(pgno));
  }
  return Page(file_.subspan(static_cast<std::size_t>(offset_of(pgno)), meta_.pagesize), meta_.head_size(),
              meta_.endian);
}

Result<Page> PageFile::page(std::uint32_t pgno) const {
  CYR_TRY(const Page page, raw_page(pgno));
  if (page.head.pgno != pgno) {
    return corrupt(fmt::format("page {} calls itself {}", pgno, page.head.pgno), offset_of(pgno));
  }
  const PageType type = page.type();
  const bool known = type == PageType::btree_internal || type == PageType::btree_leaf ||
                     type == PageType::overflow || is_hash(type);
  if (!known || !page.fits()) {
    return corrupt(fmt::format("page {} of type {} cannot be one", pgno, page.head.type), offset_of(pgno));
  }
  return page;
}

Result<std::string_view> PageFile::load(const Item& item, std::string& scratch) const {
  if (!item.off_page) {
    return item.data;
  }
  if (item.size > file_.size()) {
    return corrupt(fmt::format("an item of {} bytes on overflow pages is longer than the file", item.size));
  }
  scratch.clear();
  scratch.reserve(item.size);
  // Every page gives at least one byte, so that a chain in a circle ends when there are too many.
  for (std::uint32_t pgno = item.pgno; pgno != 0;) {
    CYR_TRY(const Page page, this->page(pgno));
    if (page.type() != PageType::overflow || page.head.hf_offset > item.size - scratch.size()) {
      return corrupt(fmt::format("page {} does not belong to an item of {} bytes", pgno, item.size),
                     offset_of(pgno));
    }
    scratch.append(as_text(page.overflow_data()));
    pgno = page.head.next_pgno;
  }
  if (scratch.size() != item.size) {
    return corrupt(fmt::format("overflow page {}: {} bytes of {}", item.pgno, scratch.size(), item.size));
  }
  return scratch;
}

}  // namespace cyr::db::berkeley
