#include "format/db/view.h"

#include <algorithm>

namespace cyr::db {

Status scan_prefix(const View& view, std::string_view prefix, const KeyOrder& order,
                   const EntryVisitor& visit) {
  if (prefix.empty()) {
    return view.scan({}, order, visit);
  }
  return view.scan({prefix, true}, order, [&](const Entry& entry) -> Result<Visit> {
    if (!order.in_run(entry.key, prefix)) {
      return Visit::stop;
    }
    return entry.key.starts_with(prefix) ? visit(entry) : Visit::go_on;
  });
}

Result<Readiness> FileFormat::mended_or_rewrite(const Status& mended, Bytes file,
                                                const KeyOrder& order) const {
  if (mended) {
    return Readiness::ready;
  }
  if (mended.error().code != Errc::corrupt || !replay(file, order)) {
    return mended.error();
  }
  return Readiness::rewrite;
}

Status MemoryImage::write(Bytes from, std::uint64_t offset) {
  const std::uint64_t end = offset + from.size();
  if (end > content_.size()) {
    content_.resize(static_cast<std::size_t>(end));
  }
  std::copy(from.begin(), from.end(), content_.begin() + static_cast<std::ptrdiff_t>(offset));
  return success();
}

Status MemoryImage::truncate(std::uint64_t size) {
  content_.resize(static_cast<std::size_t>(size));
  return success();
}

}  // namespace cyr::db
