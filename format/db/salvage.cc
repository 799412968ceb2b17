#include "format/db/salvage.h"

#include <algorithm>

#include "format/db/order.h"
#include "format/db/registry.h"
#include "format/db/salvage_common.h"

namespace cyr::db {

// Sorted by key. Of two records with one key (hostile bytes only) the first one stays.
void sort_records(SalvageReport& report) {
  const KeyOrder order(report.order);
  auto& records = report.records;
  std::stable_sort(records.begin(), records.end(), [&](const SalvagedRecord& a, const SalvagedRecord& b) {
    return order.less(a.key, b.key);
  });
  const auto end = std::unique(
      records.begin(), records.end(),
      [&](const SalvagedRecord& a, const SalvagedRecord& b) { return order.compare(a.key, b.key) == 0; });
  report.superseded += static_cast<std::uint64_t>(records.end() - end);
  records.erase(end, records.end());
}

namespace {

// The file, locked if that is wanted, so that nobody truncates what is mapped.
Status read_file(Io& io, const fs::path& path, const SalvageOptions& options, SalvageReport& report) {
  if (!options.lock) {
    CYR_TRY(report.content, io.read_file(path));
    return success();
  }
  CYR_TRY(report.lock, open_locked(io, path, LockMode::shared));
  CYR_TRY(report.content, report.lock.map());
  return success();
}

// A database that its ordinary reader finds sound in every respect is what that reader says, even if bytes of
// a value look like damage to the salvager.
Status trust_reader(const FileFormat& format, Bytes file, SalvageReport& report) {
  const auto view = format.view(file);
  if (!view || !(*view)->check()) {
    return success();
  }
  CYR_TRY(const OrderSet orders, (*view)->orders());
  const Order order = format.fixed_order() ? format.default_order() : orders.pick(report.order);
  std::vector<SalvagedRecord> records;
  CYR_CHECK((*view)->scan({}, KeyOrder(order), [&](const Entry& entry) -> Result<Visit> {
    const std::string_view key = report.keep(std::string(entry.key));
    records.push_back({key, report.keep(std::string(entry.value)), 0, 0});
    return Visit::go_on;
  }));
  report.order = order;
  report.records = std::move(records);
  report.damaged.clear();
  report.lost.clear();
  report.left_out.clear();
  return success();
}

}  // namespace

Status salvage_bytes(const SalvageSource& source, Kind kind, SalvageReport& report) {
  report.kind = kind;
  const Backend& backend = backend_of(kind);
  if (backend.salvage == nullptr) {
    return success();
  }
  CYR_CHECK(backend.salvage(source, report));
  sort_records(report);
  if (!report.complete() && !report.beyond_file && backend.format != nullptr) {
    return trust_reader(*backend.format(), source.file, report);
  }
  return success();
}

bool SalvageReport::complete() const {
  const bool doubtful = std::any_of(records.begin(), records.end(), [](const SalvagedRecord& record) {
    return record.has(Mark::older_version) || record.has(Mark::maybe_deleted);
  });
  return !doubtful && damaged.empty() && lost.empty() && left_out.empty() &&
         (!expected || *expected == records.size());
}

Result<SalvageReport> salvage(Io& io, const fs::path& path, const SalvageOptions& options) {
  SalvageReport report;
  report.kind = options.kind;
  if (const auto found = detect(io, path); found && *found) {
    report.kind = *found;
  }
  const Backend* backend = report.kind ? &backend_of(*report.kind) : nullptr;
  const bool tree = backend != nullptr && backend->format == nullptr;
  if (!tree) {
    CYR_CHECK(read_file(io, path, options, report));
  }
  if (backend != nullptr) {
    CYR_CHECK(salvage_bytes({io, path, report.content.bytes(), options}, *report.kind, report));
  }
  return report;
}

}  // namespace cyr::db
