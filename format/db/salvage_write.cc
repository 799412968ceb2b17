#include "format/db/salvage_write.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/text.h"
#include "format/db/order.h"
#include "format/db/registry.h"
#include "format/db/stream_sink.h"

namespace cyr::db {

namespace {

using Records = std::vector<const SalvagedRecord*>;

Records in_order(const SalvageReport& report, Order order) {
  Records records;
  records.reserve(report.records.size());
  for (const SalvagedRecord& record : report.records) {
    records.push_back(&record);
  }
  if (order != report.order) {
    const KeyOrder keys(order);
    std::stable_sort(records.begin(), records.end(), [&](const SalvagedRecord* a, const SalvagedRecord* b) {
      return keys.less(a->key, b->key);
    });
  }
  return records;
}

Order target_order(const SalvageReport& report, const FileFormat& format, const OpenOptions& options) {
  if (format.fixed_order()) {
    return format.default_order();
  }
  return options.order.value_or(report.kind == format.kind() ? report.order : format.default_order());
}

Error named(Error error, std::string_view key) {
  constexpr std::size_t shown = 200;  // bytes
  error.what += ", key \"" + printable(key.substr(0, shown)) + "\"";
  return error;
}

// The ordinary reader finds these records, in this order, and nothing else.
Status verify(Io& io, const fs::path& path, Kind kind, const Records& records) {
  CYR_TRY(const auto written, open(io, path, kind, {}));
  if (!records.empty() || kind != Kind::flat) {
    CYR_CHECK(written->consistent());
  }
  std::size_t next = 0;
  CYR_CHECK(written->for_each("", [&](std::string_view key, std::string_view value) -> Result<Visit> {
    const bool same = next < records.size() && records[next]->key == key && records[next]->value == value;
    ++next;
    return same ? Visit::go_on : Visit::stop;
  }));
  if (next != records.size()) {
    return make_error(Errc::io, fmt::format("what was written reads back otherwise at record {} of {}", next,
                                            records.size()))
        .at(path)
        .with_hint("is the disk sound?");
  }
  return success();
}

Status write_file(Io& io, const SalvageReport& report, const FileFormat& format, const fs::path& to,
                  const OpenOptions& options) {
  const Records records = in_order(report, target_order(report, format, options));
  const std::uint64_t generation =
      report.kind == format.kind() ? format.generation(report.content.bytes()) : 0;
  CYR_TRY(AtomicFile file, AtomicFile::create(io, to, options.mode));
  FileSink sink(file.file());
  CYR_TRY(const auto writer, format.writer(sink, generation));
  for (const SalvagedRecord* record : records) {
    if (Status added = writer->add(record->key, record->value); !added) {
      return named(added.error(), record->key);
    }
  }
  CYR_CHECK(writer->finish());
  CYR_CHECK(file.sync());
  CYR_CHECK(verify(io, file.temporary(), format.kind(), records));
  return file.commit();
}

Status write_tree(Io& io, const SalvageReport& report, const fs::path& to, Kind kind, OpenOptions options) {
  options.create = true;
  CYR_TRY(const auto tree, open(io, to, kind, options));
  CYR_TRY(const auto transaction, tree->begin());
  for (const SalvagedRecord& record : report.records) {
    if (Status put = transaction->put(record.key, record.value); !put) {
      return named(put.error(), record.key);
    }
  }
  return transaction->commit();
}

}  // namespace

Status write_salvaged(Io& io, const SalvageReport& report, const fs::path& to, Kind kind,
                      const OpenOptions& options) {
  const auto there = io.lstat(to);
  if (there) {
    return make_error(Errc::exists, "exists already")
        .at(to)
        .with_hint("the new database never replaces anything");
  }
  if (there.error().code != Errc::not_found) {
    return there.error();
  }
  const Backend& backend = backend_of(kind);
  return backend.format == nullptr ? write_tree(io, report, to, kind, options)
                                   : write_file(io, report, *backend.format(), to, options);
}

}  // namespace cyr::db
