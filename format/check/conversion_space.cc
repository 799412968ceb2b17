#include "format/check/conversion_space.h"

#include "format/check/list_layout.h"

namespace cyr::check {

namespace {

class SpaceCounter {
 public:
  explicit SpaceCounter(store::Store& store) : store_(store) {}

  Status run(const ListPlan& plan) {
    for (const auto& root : store_.saved_roots()) {
      CYR_CHECK(add_root(root));
    }
    for (const auto& path : {store_.paths().mailboxes_db(), store_.paths().annotations_db()}) {
      CYR_CHECK(add_file(path));
    }
    for (const auto& planned : plan.entries) {
      CYR_CHECK(add_mailbox(planned));
    }
    CYR_TRY(const auto moves, plan_layout(store_, plan));
    for (const auto& move : moves) {
      CYR_CHECK(move.messages_only ? add_messages(move) : success());
    }
    return success();
  }

  [[nodiscard]] std::vector<ConversionSpace> spaces() const {
    std::vector<ConversionSpace> out;
    for (const auto& [device, space] : spaces_) {
      out.push_back(space);
    }
    return out;
  }

 private:
  Status add_root(const fs::path& root) {
    const auto info = store_.io().stat(root);
    if (!info) {
      return success();  // what is not there is the plan's business
    }
    if (!spaces_.contains(info->device)) {
      CYR_TRY(const Space space, store_.io().space(root));
      spaces_.emplace(info->device, ConversionSpace{root, 0, space.free});
    }
    return success();
  }

  Status add_file(const fs::path& path) {
    const auto info = store_.io().stat(path);
    const auto space = info ? spaces_.find(info->device) : spaces_.end();
    if (space != spaces_.end()) {
      space->second.needed += info->size;
    }
    return info || info.error().code == Errc::not_found ? success() : Status(info.error());
  }

  Status add_mailbox(const PlannedEntry& planned) {
    const auto name = names::MailboxName::from_internal(planned.entry.name, store_.name_space());
    if (!planned.entry.type.local() || planned.directory.empty() || !name) {
      return success();
    }
    const auto where = store_.paths().identify(planned.directory);
    CYR_TRY(const auto files, store_.files({planned.entry.partition, *name, planned.entry.uniqueid,
                                            where ? where->identity.layout : names::Layout::by_name}));
    CYR_CHECK(add_file(files.header));
    CYR_CHECK(add_file(files.index));
    CYR_CHECK(add_file(files.cache));
    return files.archive_cache == files.cache ? success() : add_file(files.archive_cache);
  }

  // Only where no link can be made.
  Status add_messages(const DirectoryMove& move) {
    const auto from = store_.io().stat(move.from);
    const auto partition = store_.paths().identify(move.to);
    CYR_TRY(const auto root, store_.partitions().root(
                                 partition ? partition->partition : store_.partitions().default_partition(),
                                 conf::RootKind::data));
    const auto to = store_.io().stat(root);
    if (!from || !to || from->device == to->device || !spaces_.contains(to->device)) {
      return success();
    }
    CYR_TRY(const auto entries, store_.io().list(move.from));
    for (const auto& entry : entries) {
      CYR_TRY(const auto info, store_.io().stat(move.from / entry.name));
      spaces_.at(to->device).needed += entry.kind == FileKind::regular ? info.size : 0;
    }
    return success();
  }

  store::Store& store_;
  std::map<::dev_t, ConversionSpace> spaces_;
};

}  // namespace

Result<std::vector<ConversionSpace>> conversion_space(store::Store& store, const ListPlan& plan) {
  SpaceCounter counter(store);
  CYR_CHECK(counter.run(plan));
  return counter.spaces();
}

}  // namespace cyr::check
