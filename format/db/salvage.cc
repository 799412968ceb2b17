#include "format/db/salvage.h"

#include <algorithm>

#include "format/db/order.h"
#include "format/db/registry.h"

namespace cyr::db {

namespace {

// Sorted by key. Of two records with one key (hostile bytes only) the first one stays.
void sort_records(SalvageReport& report) {
  const KeyOrder order(report.order);
  auto& records = report.records;
  std::stable_sort(records.begin(), records.end(), [&](const SalvagedRecord& a, const SalvagedRecord& b) {
    return order.less(a.key, b.key);
  });
  const auto end = std::unique(records.begin(), records.end(), [&](const SalvagedRecord& a, const SalvagedRecord& b) {
    return order.compare(a.key, b.key) == 0;
  });
  report.superseded += static_cast<std::uint64_t>(records.end() - end);
  records.erase(end, records.end());
}

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

}  // namespace

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
  if (backend == nullptr || backend->salvage == nullptr) {
    return report;
  }
  CYR_CHECK(backend->salvage({io, path, report.content.bytes(), options}, report));
  sort_records(report);
  return report;
}

}  // namespace cyr::db
