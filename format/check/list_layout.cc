#include "format/check/list_layout.h"

#include <algorithm>
#include <set>

#include "format/store/link_or_copy.h"

namespace cyr::check {

namespace {

constexpr std::string_view layout_reason = "directory-layout";
constexpr std::string_view temporary_suffix = ".cyrkit";

bool is_message(const std::string& name) {
  return name.size() > 1 && name.back() == '.' &&
         std::all_of(name.begin(), name.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::vector<DirEntry>> entries_of(Io& io, const fs::path& directory) {
  auto entries = io.list(directory);
  if (!entries && entries.error().code == Errc::not_found) {
    return std::vector<DirEntry>();
  }
  return entries;
}

Result<bool> has_files(Io& io, const fs::path& directory) {
  CYR_TRY(const auto entries, entries_of(io, directory));
  return std::any_of(entries.begin(), entries.end(),
                     [](const DirEntry& entry) { return entry.kind == FileKind::regular; });
}

class LayoutPlanner {
 public:
  LayoutPlanner(store::Store& store, const ListPlan& plan) : store_(store), plan_(plan) {
    for (const auto& move : plan.resumed ? plan.resumed->moves : std::vector<DirectoryMove>{}) {
      if (move.made) {
        made_.insert(move.to);
      }
    }
  }

  Result<std::vector<DirectoryMove>> run() {
    if (list_is_new(plan_)) {
      for (const auto& move : plan_.resumed->moves) {
        CYR_TRY(const bool left, store_.io().exists(move.from));
        if (left) {
          moves_.push_back(move);
        }
      }
      return std::move(moves_);
    }
    for (const auto& planned : meta::is_keyed(plan_.format) ? std::vector<PlannedEntry>{} : plan_.entries) {
      CYR_CHECK(take(planned));
    }
    return std::move(moves_);
  }

 private:
  Status take(const PlannedEntry& planned) {
    const auto& entry = planned.entry;
    const auto name = names::MailboxName::from_internal(entry.name, store_.name_space());
    if (!entry.type.local() || planned.directory.empty() || !name) {
      return success();
    }
    CYR_TRY(const auto to, store_.files({entry.partition, *name, entry.uniqueid, names::Layout::by_name}));
    bool by_id = false;
    store::MailboxFiles from = to;
    if (!entry.uniqueid.empty()) {
      CYR_TRY(auto id_files, store_.files({entry.partition, *name, entry.uniqueid, names::Layout::by_id}));
      by_id = id_files.header.parent_path() == planned.directory;
      from = by_id ? std::move(id_files) : from;
    }
    const bool to_spool = from.has_archive() && plan_.format < meta::ListFormat::dlist_30;
    const auto sources = from.directories(), targets = to.directories();
    for (std::size_t i = 0; by_id && i < std::min(sources.size(), targets.size()); ++i) {
      if (!to_spool || sources[i] != from.archive) {
        CYR_CHECK(add({entry.name, sources[i], targets[i]}));
      }
    }
    return to_spool ? add({entry.name, from.archive, to.data, true}) : success();
  }

  Status add(DirectoryMove move) {
    CYR_TRY(const bool there, store_.io().exists(move.from));
    if (!there) {
      return success();
    }
    CYR_TRY(const bool taken, has_files(store_.io(), move.to));
    move.made = !taken || made_.contains(move.to);
    moves_.push_back(std::move(move));
    return success();
  }

  store::Store& store_;
  const ListPlan& plan_;
  std::set<fs::path> made_;  // by an interrupted conversion
  std::vector<DirectoryMove> moves_;
};

class Mover {
 public:
  Mover(Io& io, store::SavedCopies& saved, const DirectoryMove& move, bool resumed)
      : io_(io), saved_(saved), move_(move), resumed_(resumed && move.made) {}

  Status run() {
    CYR_TRY(const auto entries, entries_of(io_, move_.from));
    CYR_CHECK(saved_.make_directories(move_.to, 0755, why()));
    if (resumed_ && !move_.messages_only) {
      CYR_CHECK(drop_gone(entries));
    }
    for (const auto& entry : entries) {
      if (entry.kind == FileKind::regular && (!move_.messages_only || is_message(entry.name))) {
        CYR_CHECK(bring(entry.name));
      }
    }
    return io_.sync_directory(move_.to);
  }

 private:
  [[nodiscard]] store::SavedCopies::Why why() const { return {move_.mailbox, layout_reason}; }

  // A message that was removed between two tries would be found again.
  Status drop_gone(const std::vector<DirEntry>& entries) {
    std::set<std::string> names;
    for (const auto& entry : entries) {
      names.insert(entry.name);
    }
    CYR_TRY(const auto copied, entries_of(io_, move_.to));
    for (const auto& entry : copied) {
      if (entry.kind == FileKind::regular && !names.contains(entry.name)) {
        CYR_TRY([[maybe_unused]] const auto aside, saved_.move_aside(move_.to / entry.name, why()));
      }
    }
    return success();
  }

  // An equal file that an interrupted run has made; another one that it has made is put aside.
  Result<bool> is_there(const FileInfo& from, const fs::path& to) {
    const auto info = io_.stat(to);
    if (!info) {
      return info.error().code == Errc::not_found ? Result<bool>(false) : info.error();
    }
    if (info->same_file(from) || (info->size == from.size && info->mtime == from.mtime)) {
      return true;
    }
    if (!resumed_) {
      return make_error(Errc::exists, "is there already, and is another file").at(to);
    }
    CYR_TRY([[maybe_unused]] const auto aside, saved_.move_aside(to, why()));
    return false;
  }

  Status bring(const std::string& name) {
    const fs::path from = move_.from / name, to = move_.to / name;
    CYR_TRY(const auto info, io_.stat(from));
    CYR_TRY(const bool done, is_there(info, to));
    if (done) {
      return success();
    }
    CYR_CHECK(saved_.before_create(to, why()));
    // What is changed in place must not be shared with the old directory, which is what --undo puts back.
    return is_message(name) ? store::link_or_copy(io_, from, to) : copy(from, to, info);
  }

  // Whole, or not there.
  Status copy(const fs::path& from, const fs::path& to, const FileInfo& info) {
    const fs::path temporary = to.native() + std::string(temporary_suffix);
    CYR_TRY(const bool left_over, io_.exists(temporary));
    if (left_over) {
      CYR_CHECK(io_.unlink(temporary));
    }
    CYR_CHECK(store::copy_kept_file(io_, from, temporary, info));
    return io_.rename(temporary, to);
  }

  Io& io_;
  store::SavedCopies& saved_;
  const DirectoryMove& move_;
  const bool resumed_;
};

}  // namespace

bool list_is_new(const ListPlan& plan) {
  const auto& format = plan.sources.front().format;
  return plan.resumed && format && *format < plan.resumed->from && *format <= plan.format;
}

Result<std::vector<DirectoryMove>> plan_layout(store::Store& store, const ListPlan& plan) {
  return LayoutPlanner(store, plan).run();
}

Status lay_out_by_name(store::Store& store, const ListPlan& plan, const std::vector<DirectoryMove>& moves,
                       store::SavedCopies& saved) {
  for (std::size_t i = 0; i < moves.size(); ++i) {
    CYR_CHECK(Mover(store.io(), saved, moves[i], plan.resumed.has_value()).run());
    if (i + 1 == moves.size() || moves[i + 1].mailbox != moves[i].mailbox) {
      CYR_CHECK(saved.settle(moves[i].mailbox));
    }
  }
  return success();
}

Status put_directories_aside(Io& io, const std::vector<DirectoryMove>& moves, store::SavedCopies& saved) {
  for (const auto& move : moves) {
    CYR_TRY(const bool there, io.exists(move.from));
    if (!there) {
      continue;
    }
    CYR_TRY(const auto entries, io.list(move.from));
    bool emptied = true;
    for (const auto& entry : entries) {  // --undo takes back files
      // By name, mailboxes below this one are in it.
      if (move.messages_only && entry.kind == FileKind::directory) {
        emptied = false;
        continue;
      }
      CYR_TRY([[maybe_unused]] const auto aside,
              saved.move_aside(move.from / entry.name, {move.mailbox, layout_reason}));
    }
    if (emptied) {
      CYR_CHECK(io.remove_directory(move.from));
      CYR_CHECK(io.sync_directory(move.from.parent_path()));
    }
    CYR_CHECK(saved.settle(move.mailbox));
  }
  return success();
}

}  // namespace cyr::check
