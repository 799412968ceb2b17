#include "format/store/new_partition.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <random>
#include <set>

namespace cyr::store {

namespace {

constexpr std::size_t longest_partition = 64;  // bytes, in a record of mailboxes.db

struct Candidate {
  std::string name;
  double free_bytes = 0;
  double free_percent = 0;
  double size_bytes = 0;
  unsigned long file_system = 0;  // its id
};

// Every partition that may be chosen, with its free space; one that cannot be asked counts as full.
std::vector<Candidate> candidates_of(const Administration& admin) {
  const auto excluded = admin.config().words(conf::Option::partition_select_exclude);
  const auto limit =
      static_cast<double>(admin.config().integer(conf::Option::partition_select_soft_usage_limit));
  std::vector<Candidate> all;
  std::vector<Candidate> below_limit;
  for (const std::string& name : admin.store.partitions().names()) {
    const auto root = admin.store.partitions().root(name, conf::RootKind::data);
    if (!root || std::find(excluded.begin(), excluded.end(), name) != excluded.end()) {
      continue;
    }
    struct statvfs space {};
    Candidate candidate{name};
    if (::statvfs(root->c_str(), &space) == 0 && space.f_blocks > 0) {
      candidate.free_bytes = static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize);
      candidate.free_percent =
          100.0 * static_cast<double>(space.f_bavail) / static_cast<double>(space.f_blocks);
      candidate.size_bytes = static_cast<double>(space.f_blocks) * static_cast<double>(space.f_frsize);
      candidate.file_system = space.f_fsid;
    }
    all.push_back(candidate);
    if (limit > 0 && 100.0 - candidate.free_percent <= limit) {
      below_limit.push_back(candidate);
    }
  }
  return below_limit.empty() ? all : below_limit;
}

const Candidate& pick_weighted(const std::vector<Candidate>& candidates, double offset) {
  std::vector<double> weights;
  for (const Candidate& candidate : candidates) {
    weights.push_back(std::max(candidate.free_percent - offset, 0.5));
  }
  std::random_device source;
  std::discrete_distribution<std::size_t> pick(weights.begin(), weights.end());
  return candidates[pick(source)];
}

const Candidate& pick(const std::vector<Candidate>& candidates, std::string_view mode) {
  const auto by = [&](double Candidate::*field) -> const Candidate& {
    return *std::max_element(candidates.begin(), candidates.end(),
                             [field](const auto& a, const auto& b) { return a.*field < b.*field; });
  };
  if (mode == "freespace-most") {
    return by(&Candidate::free_bytes);
  }
  if (mode == "freespace-percent-most") {
    return by(&Candidate::free_percent);
  }
  if (mode == "freespace-percent-weighted") {
    return pick_weighted(candidates, 0);
  }
  if (mode == "freespace-percent-weighted-delta") {
    double lowest = candidates.front().free_percent;
    for (const Candidate& candidate : candidates) {
      lowest = std::min(lowest, candidate.free_percent);
    }
    return pick_weighted(candidates, lowest);
  }
  std::random_device source;
  return candidates[std::uniform_int_distribution<std::size_t>(0, candidates.size() - 1)(source)];
}

}  // namespace

Result<std::string> partition_for(Administration& admin, std::string_view name,
                                  const std::optional<std::string>& wanted) {
  std::string partition = wanted.value_or("");
  if (!wanted) {
    CYR_TRY(const auto parent, find_parent(admin.store, name));
    if (parent) {
      partition = parent->partition;
    } else if (const auto configured = admin.config().text(conf::Option::defaultpartition);
               !configured.empty()) {
      partition = admin.store.partitions().default_partition();
    } else if (const auto candidates = candidates_of(admin); !candidates.empty()) {
      partition = pick(candidates, admin.config().text(conf::Option::partition_select_mode)).name;
    }
  }
  if (partition.empty() || partition.size() > longest_partition ||
      !admin.store.partitions().contains(partition)) {
    return refuse(Refusal::unknown_partition);
  }
  return partition;
}

DiskSpace disk_space(const Administration& admin) {
  DiskSpace out;
  const auto kib = [](double bytes) { return static_cast<std::uint64_t>(bytes / 1024.0); };
  double best = -1;
  std::set<unsigned long> counted;
  for (const Candidate& candidate : candidates_of(admin)) {
    if (candidate.free_percent > best) {
      best = candidate.free_percent;
      out.most_free = kib(candidate.free_bytes);
      out.most_size = kib(candidate.size_bytes);
    }
    if (counted.insert(candidate.file_system).second) {
      out.all_free += kib(candidate.free_bytes);
      out.all_size += kib(candidate.size_bytes);
    }
  }
  return out;
}

Result<names::Layout> layout_for(Administration& admin, std::string_view name) {
  CYR_TRY(const auto parsed, names::MailboxName::from_internal(name, admin.store.name_space()));
  std::optional<meta::MailboxEntry> model;
  if (parsed.is_user() && !parsed.is_inbox()) {
    const std::string inbox =
        names::MailboxName::inbox_of(parsed.user()).to_internal(admin.store.name_space());
    CYR_TRY(model, find_mailbox(admin.store, inbox));
  } else if (!parsed.is_user()) {
    CYR_TRY(model, find_parent(admin.store, name));
  }
  if (model) {
    return admin.store.layout_of(*model);
  }
  return admin.config().is_on(conf::Option::mailbox_legacy_dirs) ? names::Layout::by_name
                                                                 : names::Layout::by_id;
}

}  // namespace cyr::store
