// A whole Berkeley DB file as pages: which page is where, and items that reach over several pages.
#pragma once

#include "format/db/berkeley_format.h"

namespace cyr::db::berkeley {

class PageFile {
 public:
  PageFile(Bytes file, const Meta& meta) : file_(file), meta_(meta) {}

  [[nodiscard]] const Meta& meta() const { return meta_; }
  [[nodiscard]] Bytes bytes() const { return file_; }
  // Whole pages that the file has; the metadata page says how many it should have.
  [[nodiscard]] std::uint32_t pages() const {
    return static_cast<std::uint32_t>(file_.size() / meta_.pagesize);
  }
  [[nodiscard]] std::uint64_t offset_of(std::uint32_t pgno) const {
    return std::uint64_t{pgno} * meta_.pagesize;
  }

  // The page as it stands there; Errc::corrupt beyond the end of the file.
  [[nodiscard]] Result<Page> raw_page(std::uint32_t pgno) const;
  // The same, and its number, its type and its index of items are right.
  [[nodiscard]] Result<Page> page(std::uint32_t pgno) const;
  // The bytes of a key or value: in the page, or put together in `scratch`. No more is allocated than the
  // file is long.
  [[nodiscard]] Result<std::string_view> load(const Item& item, std::string& scratch) const;

 private:
  Bytes file_;
  Meta meta_;
};

}  // namespace cyr::db::berkeley
