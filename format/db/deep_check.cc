#include "format/db/deep_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "format/db/registry.h"
#include "format/db/twoskip_scan.h"

namespace cyr::db {

namespace {

class Findings {
 public:
  explicit Findings(std::vector<CheckFinding>& out) : out_(out) {}
  void add(std::string what, std::optional<std::uint64_t> offset = {}, std::optional<std::string> key = {}) {
    out_.push_back({std::move(what), offset, std::move(key)});
  }

 private:
  std::vector<CheckFinding>& out_;
};

// What a salvager saw on its way.
void from_salvage(const SalvageReport& report, Findings& findings) {
  if (report.header_rebuilt) {
    findings.add("the header cannot be used", 0);
  }
  for (const std::string& note : report.notes) {
    findings.add(note);
  }
  for (const DamagedRegion& region : report.damaged) {
    const std::string file = region.file.empty() ? std::string() : region.file.string() + ": ";
    findings.add(fmt::format("{}{} ({} bytes)", file, region.what, region.length), region.offset,
                 region.key_before);
  }
  for (const LostRecord& lost : report.lost) {
    findings.add(lost.key ? "key or value does not match its CRC"
                          : "a pointer leads here, where no record can be read",
                 lost.offset, lost.key);
  }
  for (const SalvagedRecord& record : report.records) {
    if (record.has(Mark::repaired_bit)) {
      findings.add("one bit of this record is flipped", record.offset, std::string(record.key));
    }
    if (record.has(Mark::rebuilt_head)) {
      findings.add("the head of this record is damaged", record.offset, std::string(record.key));
    }
    if (record.has(Mark::wrong_era)) {
      findings.add("a byte 0xff without an escape, as releases before 2.5 wrote it", record.offset,
                   std::string(record.key));
    }
  }
  for (const LeftOutRecord& left : report.left_out) {
    findings.add(left.why, left.offset, std::string(left.key));
  }
  if (report.expected && *report.expected != report.records.size()) {
    findings.add(fmt::format("the header tells of {} records, {} can be read", *report.expected,
                             report.records.size()));
  }
}

// What is no loss, and so none of the salvager's business: dead records and the transactions themselves.
void from_twoskip_log(Bytes file, Findings& findings) {
  SalvageReport unused;
  twoskip::Scan scan(file, unused);
  scan.run();
  std::uint64_t transaction = twoskip::first_record;
  std::uint64_t before = twoskip::first_record;  // end of the last item
  bool gap = false;                              // since the transaction began
  for (const twoskip::Scanned& item : scan.items()) {
    const twoskip::Record& record = item.record;
    if (record.type == twoskip::RecordType::dummy) {
      continue;
    }
    for (std::uint64_t at = before; at < record.offset; at += 8) {
      gap = gap || !twoskip::is_blank(file, at);
    }
    before = record.end();
    if (!item.whole_tail) {
      findings.add("key or value does not match its CRC", record.offset, std::string(record.key));
    } else if (item.marks != 0) {
      findings.add("one bit of this record is flipped, or its head is damaged", record.offset);
    }
    if (record.type == twoskip::RecordType::commit) {
      if (record.slot(0) != transaction && !gap) {
        findings.add(
            fmt::format("COMMIT of a transaction at {}, which began at {}", record.slot(0), transaction),
            record.offset);
      }
      transaction = record.end();
      gap = false;
    }
  }
  if (const auto header = twoskip::decode_header(file); header && header->is_dirty()) {
    findings.add("the file is dirty: a writer died", 56);
  }
}

// One place is named once; the first finding about it is the most telling.
void drop_doubles(std::vector<CheckFinding>& findings) {
  std::set<std::uint64_t> seen;
  const auto end = std::remove_if(findings.begin(), findings.end(), [&](const CheckFinding& finding) {
    return finding.offset && !seen.insert(*finding.offset).second;
  });
  findings.erase(end, findings.end());
}

// Of a backend without a salvager: what the ordinary reader finds.
Status count_records(Io& io, const fs::path& path, const OpenOptions& options, CheckResult& out) {
  CYR_TRY(const auto database, open(io, path, out.kind, options));
  CYR_TRY(out.order, database->order());
  return database->for_each("", [&](std::string_view key, std::string_view value) -> Result<Visit> {
    ++out.records;
    out.bytes += key.size() + value.size();
    return Visit::go_on;
  });
}

}  // namespace

Result<CheckResult> deep_check(Io& io, const fs::path& path, const SalvageOptions& options) {
  CheckResult out;
  Findings findings(out.findings);
  {
    CYR_TRY(const SalvageReport report, salvage(io, path, options));
    if (!report.kind) {
      return corrupt("is no database that this program knows").at(path);
    }
    out.kind = *report.kind;
    out.order = report.order;
    out.records = report.records.size();
    for (const SalvagedRecord& record : report.records) {
      out.bytes += record.key.size() + record.value.size();
    }
    if (report.content.bytes().empty() && backend_of(out.kind).format != nullptr) {
      return out;  // an empty file is a database that nobody has used yet
    }
    from_salvage(report, findings);
    if (out.kind == Kind::twoskip) {
      from_twoskip_log(report.content.bytes(), findings);
    }
  }
  OpenOptions open_options = options.open;
  open_options.create = false;
  if (backend_of(out.kind).salvage == nullptr) {
    if (const Status read = count_records(io, path, open_options, out); !read) {
      findings.add(read.error().what, read.error().offset);
    }
  }
  // The backend's own check follows the pointers, and compares the list with the log.
  const auto database = open(io, path, out.kind, open_options);
  const Status verdict = database ? (*database)->consistent() : Status(database.error());
  if (!verdict) {
    const bool known =
        std::any_of(out.findings.begin(), out.findings.end(),
                    [&](const CheckFinding& finding) { return finding.offset == verdict.error().offset; });
    if (!known || out.findings.empty()) {
      findings.add(verdict.error().what, verdict.error().offset);
    }
  }
  drop_doubles(out.findings);
  return out;
}

}  // namespace cyr::db
