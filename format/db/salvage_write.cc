#include "format/db/salvage_write.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/text.h"
#include "format/db/order.h"
#include "format/db/quotalegacy_format.h"
#include "format/db/registry.h"
#include "format/db/sql.h"
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
Status verify(Io& io, const fs::path& path, Kind kind, const Records& records,
              const OpenOptions& options = {}) {
  CYR_TRY(const auto written, open(io, path, kind, options));
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

Status write_tree(Io& io, const SalvageReport& report, const fs::path& to, OpenOptions options) {
  const Records records = in_order(report, Order::raw);
  for (const SalvagedRecord* record : records) {
    if (Status fits = quotalegacy::check_root(record->value); !fits) {
      return named(fits.error(), record->key).at(to);
    }
  }
  options.create = true;
  CYR_TRY(const auto tree, open(io, to, Kind::quotalegacy, options));
  CYR_TRY(const auto transaction, tree->begin());
  for (const SalvagedRecord* record : records) {
    if (Status put = transaction->put(record->key, record->value); !put) {
      return named(put.error(), record->key);
    }
  }
  return transaction->commit();
}

Status fill_table(Io& io, const Records& records, const fs::path& path, const OpenOptions& options) {
  CYR_TRY(auto table, sql::TableWriter::begin(io, path, options, false));
  if (table.replaces()) {
    return make_error(Errc::exists, "exists already, as a table that is not empty").at(path);
  }
  for (const SalvagedRecord* record : records) {
    if (Status added = table.add(record->key, record->value); !added) {
      return named(added.error(), record->key);
    }
  }
  CYR_CHECK(table.commit());
  return verify(io, path, Kind::sql, records, options);
}

// A table of the shared database, or a file of its own.
Status write_table(Io& io, const SalvageReport& report, const fs::path& to, OpenOptions options) {
  const Records records = in_order(report, Order::raw);
  options.create = true;
  if (!options.sql.database.empty()) {
    return fill_table(io, records, to, options);
  }
  CYR_TRY(AtomicFile file, AtomicFile::create(io, to, options.mode));
  options.sql.table = sql::table_name(to);
  CYR_CHECK(fill_table(io, records, file.temporary(), options));
  return file.commit();
}

}  // namespace

Status check_salvage_target(Io& io, const fs::path& to, Kind kind) {
  CYR_CHECK(check_writable(kind, to));
  const auto there = io.lstat(to);
  if (there) {
    return make_error(Errc::exists, "exists already")
        .at(to)
        .with_hint("the new database never replaces anything");
  }
  return there.error().code == Errc::not_found ? success() : Status(there.error());
}

Status write_salvaged(Io& io, const SalvageReport& report, const fs::path& to, Kind kind,
                      const OpenOptions& options) {
  CYR_CHECK(check_salvage_target(io, to, kind));
  switch (kind) {
    case Kind::quotalegacy:
      return write_tree(io, report, to, options);
    case Kind::sql:
      return write_table(io, report, to, options);
    default:
      return write_file(io, report, *backend_of(kind).format(), to, options);
  }
}

}  // namespace cyr::db
