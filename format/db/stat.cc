#include "format/db/stat.h"

#include <fmt/format.h>

#include <map>

#include "format/db/order.h"
#include "format/db/registry.h"
#include "format/db/skiplist_scan.h"
#include "format/db/twoskip_scan.h"

namespace cyr::db {

namespace {

using Items = std::vector<StatItem>;

// What a walk over the records of the file counts.
struct Tally {
  std::uint64_t adds = 0;
  std::uint64_t deletes = 0;
  std::uint64_t transactions = 0;
  std::map<unsigned, std::uint64_t> levels;  // of records, live or not

  void report(Items& out) const {
    std::string levels_text;
    for (const auto& [level, count] : levels) {
      levels_text += fmt::format("{}{}:{}", levels_text.empty() ? "" : " ", level, count);
    }
    out.push_back({"records_in_file", adds});
    out.push_back({"deletes_in_file", deletes});
    out.push_back({"transactions", transactions});
    out.push_back({"levels", levels_text});
  }
};

// Bytes of the live records as they stand in the file; `sizes` by offset.
template <class Sizes>
std::uint64_t live_bytes(const SalvageReport& report, const Sizes& sizes) {
  std::uint64_t sum = 0;
  for (const SalvagedRecord& record : report.records) {
    const auto found = sizes.find(record.offset);
    sum += found == sizes.end() ? 0 : found->second;
  }
  return sum;
}

void add_space(std::uint64_t file, std::uint64_t live, std::uint64_t fixed, Items& out) {
  out.push_back({"live_bytes", live + fixed});
  out.push_back({"dead_bytes", file >= live + fixed ? file - live - fixed : 0});
}

void stat_twoskip(Bytes file, const SalvageReport& report, Items& out) {
  using twoskip::RecordType;
  SalvageReport unused;
  twoskip::Scan scan(file, unused);
  scan.run();
  Tally tally;
  std::map<std::uint64_t, std::uint64_t> sizes;
  for (const twoskip::Scanned& item : scan.items()) {
    tally.deletes += item.record.type == RecordType::erased ? 1 : 0;
    tally.transactions += item.record.type == RecordType::commit ? 1 : 0;
    if (item.record.type == RecordType::record) {
      ++tally.adds;
      ++tally.levels[item.record.level];
      sizes[item.record.offset] = item.record.bytes.size();
    }
  }
  add_space(file.size(), live_bytes(report, sizes), twoskip::first_record, out);
  if (const auto header = scan.header()) {
    out.push_back({"version", std::uint64_t{header->version}});
    out.push_back({"generation", header->generation});
    out.push_back({"num_records", header->num_records});
    out.push_back({"repack_size", header->repack_size});
    out.push_back({"current_size", header->current_size});
    out.push_back({"dirty", std::string(header->is_dirty() ? "yes" : "no")});
  }
  tally.report(out);
}

void stat_skiplist(Bytes file, const SalvageReport& report, Items& out) {
  using skiplist::RecordType;
  SalvageReport unused;
  skiplist::Scan scan(file, unused);
  scan.run();
  Tally tally;
  std::map<std::uint64_t, std::uint64_t> sizes;
  for (const skiplist::Scanned& item : scan.items()) {
    tally.deletes += item.type == RecordType::erased ? 1 : 0;
    tally.transactions += item.type == RecordType::commit ? 1 : 0;
    if (item.type == RecordType::add || item.type == RecordType::inorder) {
      ++tally.adds;
      ++tally.levels[item.node.level];
      sizes[item.offset] = item.end - item.offset;
    }
  }
  add_space(file.size(), live_bytes(report, sizes), skiplist::first_record, out);
  if (const auto header = skiplist::decode_header(file)) {
    out.push_back({"version", fmt::format("{}.{}", header->version, header->version_minor)});
    out.push_back({"curlevel", std::uint64_t{header->curlevel}});
    out.push_back({"listsize", std::uint64_t{header->listsize}});
    out.push_back({"logstart", std::uint64_t{header->logstart}});
    out.push_back({"last_recovery", std::uint64_t{header->last_recovery}});
    out.push_back({"dirty", std::string(skiplist::ends_with_commit(file, *header) ? "no" : "yes")});
  }
  tally.report(out);
}

struct Sums {
  std::uint64_t records = 0;
  std::uint64_t keys = 0;    // bytes
  std::uint64_t values = 0;  // bytes
  void add(std::string_view key, std::string_view value) {
    ++records;
    keys += key.size();
    values += value.size();
  }
};

void add_head(Kind kind, Order order, const Sums& sums, Items& out) {
  out.push_back({"backend", std::string(name_of(kind))});
  out.push_back({"order", std::string(name_of(order))});
  out.push_back({"records", sums.records});
  out.push_back({"key_bytes", sums.keys});
  out.push_back({"value_bytes", sums.values});
}

// Of a backend without a salvager: what its reader finds.
Result<Statistics> count_only(Io& io, const fs::path& path, Kind kind, const OpenOptions& options) {
  CYR_TRY(const auto database, open(io, path, kind, options));
  Sums sums;
  CYR_CHECK(database->for_each("", [&](std::string_view key, std::string_view value) -> Result<Visit> {
    sums.add(key, value);
    return Visit::go_on;
  }));
  CYR_TRY(const Order order, database->order());
  Statistics out;
  add_head(kind, order, sums, out.items);
  return out;
}

}  // namespace

Result<Statistics> stat_database(Io& io, const fs::path& path, const SalvageOptions& options) {
  CYR_TRY(const SalvageReport report, salvage(io, path, options));
  if (!report.kind) {
    return corrupt("is no database that this program knows").at(path);
  }
  if (backend_of(*report.kind).salvage == nullptr) {
    return count_only(io, path, *report.kind, options.open);
  }
  Statistics out;
  Sums sums;
  for (const SalvagedRecord& record : report.records) {
    sums.add(record.key, record.value);
  }
  const Bytes file = report.content.bytes();
  add_head(*report.kind, report.order, sums, out.items);
  if (backend_of(*report.kind).format != nullptr) {
    out.items.push_back({"file_bytes", std::uint64_t{file.size()}});
  }
  if (report.kind == Kind::twoskip) {
    stat_twoskip(file, report, out.items);
  } else if (report.kind == Kind::skiplist) {
    stat_skiplist(file, report, out.items);
  }
  out.items.push_back({"damaged_regions", std::uint64_t{report.damaged.size()}});
  out.items.push_back({"lost_records", std::uint64_t{report.lost.size()}});
  out.items.push_back({"uncommitted_records", std::uint64_t{report.left_out.size()}});
  const bool empty = file.empty() && backend_of(*report.kind).format != nullptr;  // of nobody's use yet
  out.damaged = !report.damaged.empty() || !report.lost.empty() || (report.header_rebuilt && !empty);
  return out;
}

}  // namespace cyr::db
