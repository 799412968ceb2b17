// What the salvagers of skiplist and twoskip share: the report of what LiveJudge found, and the keys around
// damage.
#pragma once

#include "format/db/live_judge.h"
#include "format/db/salvage.h"

namespace cyr::db {

// Adds losses to `report.lost` and the keys around them; `records` of the report must be there already. Sorts
// them.
void report_losses(const LiveJudge& judge, SalvageReport& report);
// Fills key_before and key_after of the damaged regions: from the losses that lie in them, and below
// `sorted_end`, where offsets ascend with keys, from the nodes beside them.
void name_regions(const LiveJudge& judge, std::uint64_t sorted_end, SalvageReport& report);

// Puts the record of a readable node into the report, as the judge says of it.
void report_node(const LiveJudge& judge, std::size_t node, SalvagedRecord record, SalvageReport& report);

// What stands behind the committed end: records go into the report if that is wanted, else to `left_out`.
class UncommittedTail {
 public:
  UncommittedTail(bool wanted, SalvageReport& report) : wanted_(wanted), report_(report) {}
  void add(SalvagedRecord record, bool is_delete);
  void finish();

 private:
  bool wanted_;
  SalvageReport& report_;
  std::vector<SalvagedRecord> records_;
};

void sort_records(SalvageReport& report);

}  // namespace cyr::db
