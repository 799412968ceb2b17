#include "format/db/new_file.h"

#include <algorithm>

#include "format/db/order.h"
#include "format/db/registry.h"
#include "format/db/stream_sink.h"

namespace cyr::db {

namespace {

using Records = std::map<std::string, std::string>;

// Nothing for one that is no single file of ours: a tree, a table, what belongs to an environment.
const FileFormat* format_of(Kind kind) {
  const bool ours =
      kind == Kind::flat || kind == Kind::skiplist || kind == Kind::twoskip || kind == Kind::twom;
  return ours ? backend_of(kind).format() : nullptr;
}

Status put_all(Io& io, const fs::path& path, Kind kind, const Records& records, OpenOptions options) {
  options.create = true;
  CYR_TRY(const auto database, open(io, path, kind, options));
  CYR_TRY(const auto transaction, database->begin());
  for (const auto& [key, value] : records) {
    CYR_CHECK(transaction->put(key, value));
  }
  return transaction->commit();
}

std::vector<const Records::value_type*> in_order(const Records& records, Order order) {
  std::vector<const Records::value_type*> out;
  out.reserve(records.size());
  for (const auto& record : records) {
    out.push_back(&record);
  }
  if (order != Order::raw) {
    const KeyOrder keys(order);
    std::stable_sort(out.begin(), out.end(),
                     [&keys](const auto* a, const auto* b) { return keys.less(a->first, b->first); });
  }
  return out;
}

}  // namespace

Status write_new_file(Io& io, const fs::path& path, Kind kind, const Records& records,
                      const OpenOptions& options) {
  const FileFormat* const format = format_of(kind);
  if (format == nullptr) {
    return put_all(io, path, kind, records, options);
  }
  const Order order =
      format->fixed_order() ? format->default_order() : options.order.value_or(format->default_order());
  CYR_TRY(File file, File::open(io, path, {.write = true, .create = true, .exclusive = true}, options.mode));
  FileSink sink(file);
  CYR_TRY(const auto writer, format->writer(sink, 0));
  for (const auto* record : in_order(records, order)) {
    CYR_CHECK(writer->add(record->first, record->second));
  }
  CYR_CHECK(writer->finish());
  CYR_CHECK(file.sync());
  return file.close();
}

}  // namespace cyr::db
