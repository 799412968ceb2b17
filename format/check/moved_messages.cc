#include "format/check/moved_messages.h"

#include <algorithm>
#include <unordered_set>

#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

std::uint64_t name_of(const store::MessageFile& file) {
  return std::uint64_t{file.uid} << 1U | file.archived;
}
std::uint64_t name_of(const mailbox::IndexRecord& record) {
  return std::uint64_t{record.uid} << 1U | (record.has(mailbox::flag::archived) ? 1U : 0U);
}
std::uint32_t uid_of(std::uint64_t name) { return static_cast<std::uint32_t>(name >> 1U); }
bool in_archive(std::uint64_t name) { return (name & 1U) != 0; }

}  // namespace

Status MovedMessages::run() {
  if (mailbox::has_guid(state_.records.layout())) {
    for (const std::size_t i : missing_) {
      want(i);
    }
    for (const auto& wrong : wrong_) {
      if (!wrong.place_changed) {
        want(wrong.record);
      }
    }
  } else {
    bring_home_by_date();
  }
  if (!wanted_.empty()) {
    std::sort(wanted_.begin(), wanted_.end(), [](const Wanted& a, const Wanted& b) {
      return a.guid < b.guid || (a.guid == b.guid && a.name < b.name);
    });
    CYR_CHECK(collect_contents());
    find_homes();
    CYR_CHECK(copy_twins());
  }
  if (context_.stop()) {
    return success();
  }
  CYR_CHECK(settle_wrong());
  CYR_CHECK(settle_missing());
  settle_strays();
  return success();
}

// Without GUIDs: a file beyond the last UID, which no message had, that has size and time of a missing one.
void MovedMessages::bring_home_by_date() {
  for (const std::size_t i : missing_) {
    const auto facts = state_.records.get(i);
    const auto is_it = [&](const store::MessageFile& file) {
      return file.uid > state_.index.last_uid && file.size == facts.size && file.size != 0 &&
             static_cast<std::uint64_t>(file.mtime) == facts.internaldate &&
             contents_.count(name_of(file)) == 0;
    };
    const auto stray = std::find_if(strays_.begin(), strays_.end(), is_it);
    if (stray == strays_.end() || facts.has(mailbox::flag::unlinked)) {
      continue;
    }
    const Name name = name_of(*stray);
    contents_.emplace(name, Content{{}, *stray});
    where_[name] = name;
    at_[name] = name;
    bring_home(name, {i, name_of(facts), {}});
  }
}

void MovedMessages::want(std::size_t record) {
  const auto facts = state_.records.get(record);
  if (guid_is_known(facts.guid) && !facts.has(mailbox::flag::unlinked)) {
    wanted_.push_back({record, name_of(facts), facts.guid});
  }
}

// What lies under a name that is not its own. Only files of a size that is asked for are read.
Status MovedMessages::collect_contents() {
  std::unordered_set<std::uint64_t> sizes;
  for (const auto& wanted : wanted_) {
    sizes.insert(state_.records.get(wanted.record).size);
  }
  for (const auto& file : strays_) {
    if (context_.options.stat_files && sizes.count(file.size) == 0) {
      continue;
    }
    const auto bytes = context_.store.io().read_file(state_.files.message(file.uid, file.archived != 0));
    if (bytes) {  // one that cannot be read is named when it is to be added
      contents_.emplace(name_of(file), Content{sha1(bytes->bytes()), file});
    }
  }
  for (const auto& wrong : wrong_) {
    contents_.emplace(name_of(wrong.file), Content{wrong.found, wrong.file});
  }
  for (const auto& [name, content] : contents_) {
    where_[name] = name;
    at_[name] = name;
  }
  return success();
}

void MovedMessages::find_homes() {
  std::vector<Name> names;
  for (const auto& [name, content] : contents_) {
    names.push_back(name);
  }
  for (const Name name : names) {
    const Guid& guid = contents_.at(name).guid;
    auto wanted = std::lower_bound(wanted_.begin(), wanted_.end(), guid,
                                   [](const Wanted& one, const Guid& value) { return one.guid < value; });
    while (wanted != wanted_.end() && wanted->guid == guid &&
           (home_.count(wanted->record) != 0 || in_archive(wanted->name) != in_archive(name))) {
      ++wanted;
    }
    if (wanted != wanted_.end() && wanted->guid == guid && !guid.is_null()) {
      bring_home(name, *wanted);
    }
    if (context_.stop()) {
      return;
    }
  }
}

// One step: the content goes to its name; what is there takes the name that becomes free.
void MovedMessages::bring_home(Name content, const Wanted& wanted) {
  const Name from = where_.at(content);
  FileAction action{FileAction::Kind::move, Problem::message_moved,
                    state_.files.message(uid_of(from), in_archive(from)),
                    state_.files.message(uid_of(wanted.name), in_archive(wanted.name))};
  Finding finding = context_.of(Problem::message_moved, uid_of(wanted.name));
  finding.found = state_.files.message(uid_of(content), in_archive(content)).filename().string();
  finding.path = action.to;
  context_.fix(std::move(finding));
  home_[wanted.record] = content;
  if (from == wanted.name) {
    return;  // an earlier step has brought it there
  }
  const auto there = at_.find(wanted.name);
  if (there == at_.end()) {
    at_.erase(from);
  } else {
    action.kind = FileAction::Kind::exchange;
    at_[from] = there->second;
    where_[there->second] = from;
  }
  at_[wanted.name] = content;
  where_[content] = wanted.name;
  state_.actions.push_back(std::move(action));
}

// The same message under another UID, as COPY within a mailbox makes it.
Status MovedMessages::copy_twins() {
  std::unordered_set<std::size_t> without(missing_.begin(), missing_.end());
  for (const auto& wrong : wrong_) {
    without.insert(wrong.record);
  }
  const bool all_home =
      std::all_of(missing_.begin(), missing_.end(), [this](std::size_t i) { return home_.count(i) != 0; });
  for (std::size_t twin = 0; !all_home && twin < state_.records.size() && !context_.stop(); ++twin) {
    const auto facts = state_.records.get(twin);
    auto wanted = std::lower_bound(wanted_.begin(), wanted_.end(), facts.guid,
                                   [](const Wanted& one, const Guid& value) { return one.guid < value; });
    for (; wanted != wanted_.end() && wanted->guid == facts.guid; ++wanted) {
      if (at_.count(wanted->name) == 0 && home_.count(wanted->record) == 0 &&
          copied_.count(wanted->record) == 0 && without.count(twin) == 0 &&
          !facts.has(mailbox::flag::unlinked)) {
        CYR_CHECK(copy_twin(*wanted, twin));
      }
    }
  }
  return success();
}

Status MovedMessages::copy_twin(const Wanted& wanted, std::size_t twin) {
  const Name from = name_of(state_.records.get(twin));
  if (in_archive(from) != in_archive(wanted.name)) {
    return success();
  }
  const fs::path path = state_.files.message(uid_of(from), in_archive(from));
  const auto bytes = context_.store.io().read_file(path);
  if (!bytes || sha1(bytes->bytes()) != wanted.guid) {
    return success();
  }
  Finding finding = context_.of(Problem::message_copied, uid_of(wanted.name));
  finding.found = std::to_string(uid_of(from));
  context_.fix(std::move(finding));
  state_.actions.push_back({FileAction::Kind::copy, Problem::message_copied, path,
                            state_.files.message(uid_of(wanted.name), in_archive(wanted.name))});
  state_.content_at[{uid_of(wanted.name), in_archive(wanted.name)}] = uid_of(from);
  copied_.insert(wanted.record);
  return success();
}

// Records whose name held something else: right now, still wrong, or without a file.
Status MovedMessages::settle_wrong() {
  for (const auto& [name, content] : at_) {
    if (name != content) {
      state_.content_at[{uid_of(name), in_archive(name)}] = uid_of(content);
    }
  }
  for (auto& wrong : wrong_) {
    const Name name = name_of(wrong.file);
    const auto there = at_.find(name);
    if (there == at_.end() && !contents_.empty()) {
      missing_.push_back(wrong.record);
      continue;
    }
    if (there != at_.end()) {
      const Content& content = contents_.at(there->second);
      wrong.found = content.guid;
      wrong.file.size = content.file.size;
      wrong.file.mtime = content.file.mtime;
    }
    if (home_.count(wrong.record) != 0) {
      CYR_CHECK(checker_.check(wrong.record, wrong.file, nullptr));
    } else {
      CYR_CHECK(checker_.settle_wrong(wrong));
    }
    if (context_.stop()) {
      return success();
    }
  }
  std::sort(missing_.begin(), missing_.end());
  return success();
}

Status MovedMessages::settle_missing() {
  std::vector<std::size_t> still_missing;
  for (const std::size_t i : missing_) {
    if (home_.count(i) == 0 && copied_.count(i) == 0) {
      still_missing.push_back(i);
      continue;
    }
    const auto record = state_.records.get(i);
    store::MessageFile file;
    file.uid = record.uid;
    file.size = record.size & ((std::uint64_t{1} << 63U) - 1);
    file.archived = record.has(mailbox::flag::archived) ? 1 : 0;
    CYR_CHECK(checker_.check(i, file, nullptr));
  }
  missing_ = std::move(still_missing);
  return success();
}

void MovedMessages::settle_strays() {
  std::vector<store::MessageFile> out;
  for (auto file : strays_) {
    const Name name = name_of(file);
    const auto there = at_.find(name);
    if (contents_.count(name) != 0 && there == at_.end()) {
      continue;  // went home
    }
    if (there != at_.end()) {
      const auto& content = contents_.at(there->second).file;
      file.size = content.size;
      file.mtime = content.mtime;
      file.mtime_nsec = content.mtime_nsec;
    }
    out.push_back(file);
  }
  strays_ = std::move(out);
}

}  // namespace cyr::check
