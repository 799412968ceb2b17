#include "format/store/store_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "format/base/text.h"
#include "format/store/saved_copies.h"

namespace cyr::store {

namespace {

constexpr std::string_view kWorkshop = ".cyrkit-copy";
constexpr std::string_view kCopying = "copying";
constexpr std::string_view kComplete = "complete";
constexpr std::uint64_t kBlock = 4096;                 // bytes
constexpr std::size_t kDeepest = 512;                  // directories in one another
constexpr std::size_t kChunk = std::size_t{1} << 20U;  // bytes read at once
constexpr std::size_t kBatchFiles = 2000;              // that get their names together
constexpr std::uint64_t kBatchBytes = std::uint64_t{1} << 28U;
constexpr int kTries = 3;
constexpr std::size_t kMostNotes = 50;

using FileId = std::pair<::dev_t, ::ino_t>;

FileId id_of(const FileInfo& info) { return {info.device, info.inode}; }

std::uint64_t in_blocks(std::uint64_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

bool same_content(const FileInfo& a, const FileInfo& b) {
  return a.size == b.size && a.mtime == b.mtime && a.mtime_nsec == b.mtime_nsec;
}

bool is_message(std::string_view name) {
  return name.size() > 1 && name.ends_with('.') &&
         parse_number<std::uint32_t>(name.substr(0, name.size() - 1)).has_value();
}

Result<std::optional<FileInfo>> info_if_there(Io& io, const fs::path& path) {
  const auto info = io.lstat(path);
  if (info) {
    return std::optional(*info);
  }
  return info.error().code == Errc::not_found ? Result<std::optional<FileInfo>>(std::optional<FileInfo>())
                                              : info.error();
}

// `path` or the nearest directory above it that is there.
Result<fs::path> nearest(Io& io, fs::path path) {
  while (path.has_relative_path()) {
    CYR_TRY(const bool there, io.exists(path));
    if (there) {
      break;
    }
    path = path.parent_path();
  }
  return path;
}

Status remove_tree(Io& io, const fs::path& path, std::size_t depth = 0) {
  CYR_TRY(const auto info, io.lstat(path));
  if (info.kind != FileKind::directory) {
    return io.unlink(path);
  }
  if (depth > kDeepest) {
    return make_error(Errc::invalid, "too many directories in one another").at(path);
  }
  CYR_TRY(const auto entries, io.list(path));
  for (const auto& entry : entries) {
    CYR_CHECK(remove_tree(io, path / entry.name, depth + 1));
  }
  return io.remove_directory(path);
}

}  // namespace

// Everything that belongs to the copy, directories before what is in them.
//
// A symbolic link that stays in its directory (a Sieve script's defaultbc) is one in the copy; what any other
// one leads to is copied in its place, so that the copy never leads into the original.
class StoreCopy::Walk {
 public:
  struct Item {
    fs::path from, to;
    FileInfo info;
  };
  Walk(StoreCopy& copy, const std::atomic<bool>* stop)
      : copy_(copy), stop_(stop), passing_(copy.places_.passing.begin(), copy.places_.passing.end()) {}
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;
  virtual ~Walk() = default;

  Status walk() {
    CYR_TRY(top_info_, info_if_there(copy_.target_, copy_.top_));
    for (const auto& root : copy_.places_.directories) {
      CYR_CHECK(root_at(root));
    }
    for (const auto& file : copy_.places_.files) {
      CYR_CHECK(root_at(file));
    }
    return success();
  }

  [[nodiscard]] std::vector<std::string>& notes() { return notes_; }

 protected:
  virtual Status enter(const Item& directory, const std::vector<DirEntry>& entries) = 0;
  virtual Status file(const Item& item) = 0;
  virtual Status link(const Item& item, const std::string& target) = 0;

  void note(const fs::path& path, std::string_view what) {
    if (notes_.size() < kMostNotes) {
      notes_.push_back(path.native() + ": " + std::string(what));
    } else if (notes_.size() == kMostNotes) {
      notes_.emplace_back("and more of the like");
    }
  }

  [[nodiscard]] bool stopped() const { return stop_ != nullptr && *stop_; }
  [[nodiscard]] StoreCopy& copy() { return copy_; }

 private:
  [[nodiscard]] fs::path target_of(const fs::path& from) const { return copy_.top_.native() + from.native(); }

  Status root_at(const fs::path& root) {
    const auto info = copy_.source_.stat(root);  // a root may be a link: its path stays
    if (!info) {
      return info.error().code == Errc::not_found ? success() : Status(info.error());
    }
    return take(root, *info);
  }

  Status take(const fs::path& from, const FileInfo& info) {
    if (stopped()) {
      return make_error(Errc::cancelled, "stopped by a signal");
    }
    if (info.kind == FileKind::directory) {
      return directory({from, target_of(from), info});
    }
    if (info.kind == FileKind::regular) {
      return file({from, target_of(from), info});
    }
    return success();  // sockets and pipes are made by those who use them
  }

  Status directory(const Item& item) {
    const std::string name = item.from.filename().native();
    if (name == saved_directory) {
      note(item.from, "old versions that earlier runs have kept are not copied");
      return success();
    }
    if (top_info_ && top_info_->same_file(item.info)) {
      note(item.from, "leads to the copy, left out");
      return success();
    }
    if (above_.size() > kDeepest) {
      return make_error(Errc::invalid, "too many directories in one another").at(item.from);
    }
    std::vector<DirEntry> entries;
    if (!passing_.contains(item.from)) {
      CYR_TRY(entries, copy_.source_.list(item.from));
      std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    }
    CYR_CHECK(enter(item, entries));
    above_.push_back(item.info);
    for (const auto& entry : entries) {
      CYR_CHECK(take_entry(item.from / entry.name));
    }
    above_.pop_back();
    return success();
  }

  Status take_entry(const fs::path& from) {
    CYR_TRY(const auto info, info_if_there(copy_.source_, from));
    if (!info) {
      return success();  // gone since the directory was listed
    }
    return info->kind == FileKind::symlink ? take_link(from, *info) : take(from, *info);
  }

  Status take_link(const fs::path& from, const FileInfo& info) {
    CYR_TRY(const std::string target, copy_.source_.read_link(from));
    if (target.find('/') == std::string::npos && target != "." && target != "..") {
      return link({from, target_of(from), info}, target);
    }
    const auto leads_to = copy_.source_.stat(from);
    if (!leads_to) {
      note(from, "a link that leads nowhere is left out");
      return success();
    }
    const bool loop = std::any_of(above_.begin(), above_.end(),
                                  [&](const FileInfo& above) { return above.same_file(*leads_to); });
    if (loop) {
      note(from, "a link to a directory above it is left out");
      return success();
    }
    return take(from, *leads_to);
  }

  StoreCopy& copy_;
  const std::atomic<bool>* stop_;
  std::set<fs::path> passing_;
  std::optional<FileInfo> top_info_;
  std::vector<FileInfo> above_;  // the directories that we are in
  std::vector<std::string> notes_;
};

class StoreCopy::Looker final : public Walk {
 public:
  using Walk::Walk;
  [[nodiscard]] const CopyNeeds& needs() const { return needs_; }

 protected:
  Status enter(const Item& item, const std::vector<DirEntry>& /*entries*/) override {
    CYR_TRY(const auto there, info_if_there(copy().target_, item.to));
    needs_.bytes += kBlock;
    needs_.there += there ? kBlock : 0;
    return success();
  }
  Status file(const Item& item) override {
    if (item.info.links > 1 && !seen_.insert(id_of(item.info)).second) {
      return success();
    }
    CYR_TRY(const auto there, info_if_there(copy().target_, item.to));
    const std::uint64_t size = in_blocks(item.info.size);
    ++needs_.files;
    needs_.bytes += size;
    needs_.there += there && same_content(*there, item.info) ? size : 0;
    needs_.metadata += is_message(item.from.filename().native()) ? 0 : size;
    return success();
  }
  Status link(const Item& /*item*/, const std::string& /*target*/) override { return success(); }

 private:
  CopyNeeds needs_;
  std::set<FileId> seen_;
};

class StoreCopy::Copier final : public Walk {
 public:
  Copier(StoreCopy& copy, const Watch& watch, const std::atomic<bool>* stop)
      : Walk(copy, stop), watch_(watch), io_(copy.target_), clean_(copy.begun_), buffer_(kChunk) {}

  Result<CopyTotals> run() {
    const Status walked = walk();
    if (walked || walked.error().code == Errc::cancelled) {
      CYR_CHECK(name_batch());  // what is whole need not be copied again
    }
    CYR_CHECK(walked);
    CYR_CHECK(make_passing());
    for (const auto& directory : directories_) {
      CYR_CHECK(io_.set_mtime(directory.to, directory.info.mtime, directory.info.mtime_nsec));
    }
    totals_.notes = std::move(notes());
    return std::move(totals_);
  }

 protected:
  Status enter(const Item& item, const std::vector<DirEntry>& entries) override {
    CYR_TRY(const auto there, info_if_there(io_, item.to));
    if (there && there->kind != FileKind::directory) {
      return in_the_way(item);
    }
    if (!there) {
      CYR_CHECK(io_.make_directories(item.to.parent_path(), 0755));
      CYR_CHECK(io_.make_directory(item.to, 0700));
      CYR_CHECK(own(item));
      ++totals_.directories;
    } else if (clean_) {
      CYR_CHECK(drop_gone(item, entries));
    }
    directories_.push_back(item);
    return io_.set_mode(item.to, item.info.mode | 0700U);
  }

  Status file(const Item& item) override {
    tell(item);
    CYR_TRY(const auto there, info_if_there(io_, item.to));
    if (there && there->kind != FileKind::regular) {
      return in_the_way(item);
    }
    const bool shared = item.info.links > 1;
    const auto first = shared ? first_names_.find(id_of(item.info)) : first_names_.end();
    if (there && same_content(*there, item.info)) {
      ++totals_.there;
      if (shared) {
        first_names_.emplace(id_of(item.info), item.to);
      }
      return success();
    }
    if (!there && !io_.exists(item.to.parent_path()).value_or(false)) {
      CYR_CHECK(io_.make_directories(item.to.parent_path(), 0755));  // of a database that lies alone
    }
    if (first != first_names_.end()) {
      batch_.push_back({first->second, item.to, true});
      ++totals_.links;
      return success();
    }
    return bring(item);
  }

  Status link(const Item& item, const std::string& target) override {
    CYR_TRY(const auto there, info_if_there(io_, item.to));
    if (there && there->kind != FileKind::symlink) {
      return in_the_way(item);
    }
    if (there) {
      CYR_TRY(const std::string now, io_.read_link(item.to));
      if (now == target) {
        return success();
      }
      CYR_CHECK(io_.unlink(item.to));
    }
    ++totals_.links;
    return io_.symlink(target, item.to);
  }

 private:
  struct Naming {
    fs::path from, to;
    bool link = false;  // `from` keeps its name
  };

  static Status in_the_way(const Item& item) {
    return make_error(Errc::exists, "is in the way of the copy").at(item.to);
  }

  void tell(const Item& item) {
    seen_bytes_ += in_blocks(item.info.size);
    if (watch_) {
      watch_(seen_bytes_, item.from);
    }
  }

  Status bring(const Item& item) {
    const fs::path staged = copy().workshop() / std::to_string(++number_);
    for (int tries = 1;; ++tries) {
      CYR_TRY(const auto done, bring_bytes(item, staged));
      if (!done.info) {
        note(item.from, "was removed while the store was copied");
        return success();
      }
      if (done.whole) {
        CYR_CHECK(dress({item.from, staged, *done.info}));
        break;
      }
      CYR_CHECK(io_.unlink(staged));
      if (tries == kTries) {
        return make_error(Errc::locked, "is being written to while it is copied")
            .at(item.from)
            .with_hint("stop the server of the store and say the same again");
      }
    }
    if (item.info.links > 1) {
      first_names_.emplace(id_of(item.info), item.to);
    }
    batch_.push_back({staged, item.to, false});
    batch_bytes_ += item.info.size;
    ++totals_.files;
    totals_.bytes += item.info.size;
    return batch_.size() >= kBatchFiles || batch_bytes_ >= kBatchBytes ? name_batch() : success();
  }

  struct Brought {
    std::optional<FileInfo> info;  // nothing: the file is gone
    bool whole = false;            // it did not change meanwhile
  };
  Result<Brought> bring_bytes(const Item& item, const fs::path& staged) {
    auto from = File::open(copy().source_, item.from);
    if (!from) {
      return from.error().code == Errc::not_found ? Brought{} : Result<Brought>(from.error());
    }
    CYR_TRY(const auto before, from->info());
    CYR_TRY(auto to, File::open(io_, staged, {.write = true, .create = true, .exclusive = true}, 0600));
    std::uint64_t at = 0;
    for (;;) {
      CYR_TRY(const auto count, from->read(buffer_, at));
      if (count == 0) {
        break;
      }
      CYR_CHECK(to.write(Bytes(buffer_).subspan(0, count), at));
      at += count;
    }
    CYR_CHECK(to.close());
    CYR_TRY(const auto after, from->info());
    return Brought{before, at == before.size && same_content(before, after)};
  }

  // Owner, mode and time of the original.
  Status dress(const Item& item) {
    CYR_CHECK(own(item));
    CYR_CHECK(io_.set_mode(item.to, item.info.mode));
    return io_.set_mtime(item.to, item.info.mtime, item.info.mtime_nsec);
  }

  Status own(const Item& item) {
    CYR_TRY(const auto now, io_.lstat(item.to));
    if (now.uid == item.info.uid && now.gid == item.info.gid) {
      return success();
    }
    const Status owned = io_.set_owner(item.to, item.info.uid, item.info.gid);
    if (!owned && owned.error().code == Errc::permission) {
      note(item.from, "its owner or group cannot be given to the copy");
      return success();
    }
    return owned;
  }

  // One wait for the disk for many files; then they are whole under their names, whatever happens.
  Status name_batch() {
    if (batch_.empty()) {
      return success();
    }
    CYR_CHECK(io_.sync_file_system(copy().top_));
    for (const auto& naming : batch_) {
      if (!naming.link) {
        CYR_CHECK(io_.rename(naming.from, naming.to));
        continue;
      }
      CYR_TRY(const auto old, info_if_there(io_, naming.to));
      if (old) {
        CYR_CHECK(io_.unlink(naming.to));
      }
      CYR_CHECK(io_.link(naming.from, naming.to));
    }
    batch_.clear();
    batch_bytes_ = 0;
    return success();
  }

  // What the original has no more since an earlier run copied it would come back to life.
  Status drop_gone(const Item& item, const std::vector<DirEntry>& entries) {
    std::set<std::string, std::less<>> names;
    for (const auto& entry : entries) {
      names.insert(entry.name);
    }
    CYR_TRY(const auto copied, io_.list(item.to));
    for (const auto& entry : copied) {
      const bool another_place = entry.kind == FileKind::directory && is_place(item.from / entry.name);
      if (!names.contains(entry.name) && !another_place) {
        CYR_CHECK(remove_tree(io_, item.to / entry.name));
      }
    }
    return success();
  }

  [[nodiscard]] bool is_place(const fs::path& path) {
    const auto& passing = copy().places_.passing;
    return std::any_of(passing.begin(), passing.end(), [&path](const fs::path& one) {
      return one == path || one.native().starts_with(path.native() + "/");
    });
  }

  // Empty, for the servers of the copy.
  Status make_passing() {
    for (const auto& path : copy().places_.passing) {
      const auto info = copy().source_.stat(path);
      if (info) {
        const fs::path to = copy().top_.native() + path.native();
        CYR_CHECK(io_.make_directories(info->kind == FileKind::directory ? to : to.parent_path(), 0755));
      }
    }
    return success();
  }

  const Watch& watch_;
  Io& io_;
  const bool clean_;
  Buffer buffer_;
  CopyTotals totals_;
  std::map<FileId, fs::path> first_names_;  // in the copy, of files with several links
  std::vector<Naming> batch_;
  std::vector<Item> directories_;  // their times change until all is in them
  std::uint64_t batch_bytes_ = 0, seen_bytes_ = 0;
  std::uint64_t number_ = 0;
};

fs::path StoreCopy::workshop() const { return top_ / std::string(kWorkshop); }

// What the state begins with: whose copy it is.
std::string StoreCopy::title() const {
  std::string out = "a copy of the store with\n";
  for (const auto& place : places_.directories) {
    out += place.native() + "\n";
  }
  return out;
}

Result<StoreCopy> StoreCopy::open(Io& source, Io& target, conf::StorePlaces places, fs::path top) {
  StoreCopy copy(source, target, std::move(places), std::move(top));
  CYR_CHECK(copy.refuse_overlap());
  CYR_CHECK(copy.read_state());
  return copy;
}

Status StoreCopy::refuse_overlap() {
  const auto is_in = [this](const fs::path& inner, const fs::path& outer) -> Result<bool> {
    const auto there = source_.stat(outer);
    if (!there) {
      return there.error().code == Errc::not_found ? Result<bool>(false) : there.error();
    }
    CYR_TRY(fs::path at, nearest(source_, inner));
    for (;; at = at.parent_path()) {
      CYR_TRY(const auto info, source_.stat(at));
      if (info.same_file(*there)) {
        return true;
      }
      if (!at.has_relative_path()) {
        return false;
      }
    }
  };
  for (const auto& place : places_.directories) {
    CYR_TRY(const bool inside, is_in(top_, place));
    CYR_TRY(const bool around, is_in(place, top_));
    if (inside || around) {
      return make_error(Errc::invalid, fmt::format("{} and the store's {} lie in one another", top_.native(),
                                                   place.native()));
    }
  }
  return success();
}

Status StoreCopy::read_state() {
  const auto entries = target_.list(top_);
  if (!entries) {
    return entries.error().code == Errc::not_found ? success() : Status(entries.error());
  }
  const auto state = target_.read_file(workshop() / "state");
  if (state) {
    begun_ = state->text().starts_with(title());
    complete_ = begun_ && state->text().substr(title().size()) == std::string(kComplete) + "\n";
  }
  // A workshop without a state: killed before anything was copied.
  const bool empty = std::all_of(entries->begin(), entries->end(), [&state](const DirEntry& entry) {
    return entry.name == "lost+found" || (!state && entry.name == kWorkshop);
  });
  if (!begun_ && !empty) {
    return make_error(Errc::exists, state ? "holds the copy of another store" : "is not empty")
        .at(top_)
        .with_hint("name a directory that is empty or not there yet");
  }
  return success();
}

Status StoreCopy::write_state(std::string_view phase) {
  return replace_file(target_, workshop() / "state", as_bytes(title() + std::string(phase) + "\n"), 0600);
}

Status StoreCopy::begin() {
  CYR_CHECK(target_.make_directories(top_, 0755));
  CYR_CHECK(target_.make_directories(workshop(), 0700));
  CYR_TRY(lock_, File::open(target_, workshop() / "lock", {.write = true, .create = true}, 0600));
  if (const Status locked = lock_.lock(LockMode::exclusive, LockWait::try_once); !locked) {
    return locked.error().code == Errc::locked
               ? Status(make_error(Errc::locked, "another process is copying the store there").at(top_))
               : locked;
  }
  CYR_TRY(const auto entries, target_.list(workshop()));
  for (const auto& entry : entries) {
    if (entry.name != "lock" && entry.name != "state") {
      CYR_CHECK(target_.unlink(workshop() / entry.name));  // parts of files, of a run that was interrupted
    }
  }
  return begun_ ? success() : write_state(kCopying);
}

Result<CopyNeeds> StoreCopy::look(const std::atomic<bool>* stop) {
  Looker looker(*this, stop);
  CYR_CHECK(looker.walk());
  CopyNeeds needs = looker.needs();
  CYR_TRY(const fs::path where, nearest(target_, top_));
  CYR_TRY(const Space space, target_.space(where));
  needs.free = space.free;
  return needs;
}

Result<CopyTotals> StoreCopy::copy(const Watch& watch, const std::atomic<bool>* stop) {
  CYR_CHECK(begin());
  Copier copier(*this, watch, stop);
  return copier.run();
}

Status StoreCopy::finish(const std::string& config_text) {
  CYR_CHECK(replace_file(target_, top_ / "imapd.conf", as_bytes(config_text), 0644));
  CYR_CHECK(target_.sync_file_system(top_));
  CYR_CHECK(write_state(kComplete));
  complete_ = true;
  return success();
}

}  // namespace cyr::store
