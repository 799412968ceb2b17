#include "tests/support/crash_io.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/filesystem/fstream.hpp>
#include <boost/filesystem/operations.hpp>

#include "tests/support/temp_store.h"

namespace cyr::test {

namespace {

using What = DiskStep::What;

constexpr int not_noted = -2;  // the number of a file in a directory that is left out

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string(".") : path.substr(0, slash);
}

// The part of a write that reached the disk.
struct Part {
  std::size_t from = 0;
  std::size_t to = std::string::npos;
};

void apply(Disk& disk, const DiskStep& step, Part part = {}) {
  switch (step.what) {
    case What::write: {
      const std::size_t end = std::min(part.to, step.data.size());
      std::string& content = disk.files[step.file].change();
      content.resize(std::max(content.size(), static_cast<std::size_t>(step.at) + end));
      content.replace(static_cast<std::size_t>(step.at) + part.from, end - part.from, step.data, part.from,
                      end - part.from);
      break;
    }
    case What::truncate:
      disk.files[step.file].change().resize(static_cast<std::size_t>(step.at));
      break;
    case What::create:
      disk.names[step.path] = step.file;
      disk.files.try_emplace(step.file);
      break;
    case What::rename:
      disk.names.erase(step.path);
      [[fallthrough]];
    case What::link:  // to the file itself: it does not matter whether its old name ever reached the disk
      disk.names[step.target] = step.file;
      break;
    case What::exchange:
      std::swap(disk.names[step.path], disk.names[step.target]);
      break;
    case What::unlink:
    case What::remove_directory:
      disk.names.erase(step.path);
      break;
    case What::make_directory:
      disk.names[step.path] = Disk::directory;
      break;
    case What::sync:
    case What::sync_directory:
    case What::sync_all:
      break;
  }
}

bool is_data(const DiskStep& step) { return step.what == What::write || step.what == What::truncate; }
bool is_sync(const DiskStep& step) {
  return step.what == What::sync || step.what == What::sync_directory || step.what == What::sync_all;
}
std::string directory_of(const DiskStep& step) {
  return parent_of(step.target.empty() ? step.path : step.target);
}

// The crash states after one prefix of the steps.
class Prefix {
 public:
  Prefix(const Disk& base, const std::vector<DiskStep>& steps, std::size_t first, std::size_t end,
         const std::function<bool()>& wanted)
      : base_(base), steps_(steps), first_(first), end_(end), wanted_(wanted) {}

  [[nodiscard]] bool is_durable(std::size_t i) const {
    const DiskStep& step = steps_[i];
    for (std::size_t later = i + 1; later < end_; ++later) {
      const DiskStep& sync = steps_[later];
      if (sync.what == What::sync_all) {
        return true;
      }
      if (is_data(step) ? sync.what == What::sync && sync.file == step.file
                        : sync.what == What::sync_directory && sync.path == directory_of(step)) {
        return true;
      }
      // A file that was made elsewhere is safe with the name that it has now.
      if (step.what == What::create && sync.what == What::rename && sync.path == step.path) {
        return is_durable(later);
      }
    }
    return false;
  }

  void each(const std::function<void(Disk, const std::string& lost)>& visit) {
    visit_ = visit;
    for (std::size_t i = first_; i < end_; ++i) {
      if (!is_sync(steps_[i]) && !is_durable(i)) {
        (is_data(steps_[i]) ? data_ : names_).push_back(i);
      }
    }
    for (names_kept_ = names_.size() + 1; names_kept_-- > 0;) {
      emit([](std::size_t) { return true; }, "");
      if (data_.empty()) {
        continue;
      }
      emit([](std::size_t) { return false; }, "all unsynced writes");
      for (const std::size_t one : data_) {
        emit([one](std::size_t i) { return i == one; }, fmt::format("all unsynced writes but step {}", one));
        emit([one](std::size_t i) { return i != one; }, fmt::format("step {}", one));
        emit([one](std::size_t i) { return i < one; }, fmt::format("unsynced writes from step {} on", one));
        tear(one);
      }
    }
  }

 private:
  using Keep = std::function<bool(std::size_t step)>;

  void emit(const Keep& keep, const std::string& lost, std::size_t torn = std::string::npos, Part part = {}) {
    if (!wanted_()) {
      return;
    }
    Disk disk = base_;
    const std::size_t names_from = names_kept_ < names_.size() ? names_[names_kept_] : end_;
    for (std::size_t i = first_; i < end_; ++i) {
      if (i == torn) {
        apply(disk, steps_[i], part);
      } else if (std::binary_search(data_.begin(), data_.end(), i)) {
        if (keep(i)) {
          apply(disk, steps_[i]);
        }
      } else if (i < names_from || !std::binary_search(names_.begin(), names_.end(), i)) {
        apply(disk, steps_[i]);
      }
    }
    std::string words = lost.empty() ? "" : "lost: " + lost;
    if (names_kept_ < names_.size()) {
      words += fmt::format("{}names from step {} on lost", words.empty() ? "" : ", ", names_from);
    }
    visit_(std::move(disk), words);
  }

  void tear(std::size_t one) {
    const DiskStep& step = steps_[one];
    if (step.what != What::write) {
      return;
    }
    const Keep all = [](std::size_t) { return true; };
    const Keep before = [one](std::size_t i) { return i < one; };
    for (const std::size_t cut : cuts(step)) {
      for (const Keep& keep : {all, before}) {
        emit(keep, fmt::format("step {} from byte {} of it on", one, cut), one, {0, cut});
        emit(keep, fmt::format("step {} before byte {} of it", one, cut), one, {cut, std::string::npos});
      }
    }
  }

  // Where a write may be torn: the first, middle and last boundary of 512 and of 4096 bytes inside it.
  static std::set<std::size_t> cuts(const DiskStep& step) {
    std::set<std::size_t> out;
    for (const std::uint64_t block : {512U, 4096U}) {
      const std::uint64_t first = step.at - step.at % block + block;
      const std::uint64_t end = step.at + step.data.size();
      if (first >= end) {
        continue;
      }
      const std::uint64_t count = (end - 1 - first) / block;
      for (const std::uint64_t number : {std::uint64_t{0}, count / 2, count}) {
        out.insert(static_cast<std::size_t>(first + number * block - step.at));
      }
    }
    return out;
  }

  const Disk& base_;
  const std::vector<DiskStep>& steps_;
  std::size_t first_;
  std::size_t end_;
  const std::function<bool()>& wanted_;  // whether to make the next disk
  std::vector<std::size_t> data_;        // unsynced writes and truncations
  std::vector<std::size_t> names_;       // unsynced changes of names
  std::size_t names_kept_ = 0;
  std::function<void(Disk, const std::string&)> visit_;
};

}  // namespace

std::string& DiskFile::change() {
  if (data_.use_count() > 1) {
    data_ = std::make_shared<Data>(Data{data_->text, {}});
  }
  data_->hash.reset();
  return data_->text;
}

std::size_t DiskFile::hash() const {
  if (!data_->hash) {
    data_->hash = std::hash<std::string>()(data_->text);
  }
  return *data_->hash;
}

Disk Disk::read(const fs::path& top) {
  Disk out;
  for (const auto& entry : fs::recursive_directory_iterator(top)) {
    const std::string name = entry.path().lexically_relative(top).string();
    if (fs::is_directory(entry.symlink_status())) {
      out.names[name] = directory;
    } else {
      const int number = static_cast<int>(out.files.size());
      out.names[name] = number;
      out.files[number] = DiskFile(read_text(entry.path()));
    }
  }
  return out;
}

void Disk::write(const fs::path& top) const {
  for (const auto& entry : fs::directory_iterator(top)) {
    fs::remove_all(entry.path());
  }
  std::map<int, fs::path> written;
  for (const auto& [name, file] : names) {
    const fs::path path = top / name;
    if (name.find('/') != std::string::npos && !fs::is_directory(path.parent_path())) {
      continue;  // its directory was lost, and so is it
    }
    if (file == directory) {
      fs::create_directory(path);
    } else if (const auto other = written.find(file); other != written.end()) {
      fs::create_hard_link(other->second, path);
    } else {
      const auto content = files.find(file);
      fs::ofstream out(path, std::ios::binary);
      if (content != files.end()) {
        const std::string& text = content->second.text();
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
      }
      written[file] = path;
    }
  }
}

std::size_t Disk::hash() const {
  std::size_t out = names.size();
  const auto mix = [&out](std::size_t value) { out = (out ^ value) * 0x9e3779b97f4a7c15U + (out >> 29U); };
  for (const auto& [name, file] : names) {
    mix(std::hash<std::string>()(name));
    if (const auto content = files.find(file); content != files.end()) {
      mix(content->second.hash());
    }
  }
  return out;
}

RecordingIo::RecordingIo(Io& inner, fs::path top)
    : ForwardIo(inner), top_(std::move(top)), start_(Disk::read(top_)) {
  now_.names = start_.names;
  next_file_ = static_cast<int>(start_.files.size());
}

std::string RecordingIo::relative(const fs::path& path) const {
  return path.lexically_relative(top_).string();
}

Status RecordingIo::note(Status done, DiskStep step) {
  if (done && !is_left_out(step.path)) {
    if (!is_data(step)) {
      apply(now_, step);
    }
    steps_.push_back(std::move(step));
  }
  return done;
}

int RecordingIo::file_at(const fs::path& path) const {
  const auto known = now_.names.find(relative(path));
  return known == now_.names.end() ? Disk::directory : known->second;
}

bool RecordingIo::counts_as_sync() { return syncs_++ != ignored_; }

Result<int> RecordingIo::open(const fs::path& path, OpenFlags flags, ::mode_t mode) {
  CYR_TRY(const int fd, inner().open(path, flags, mode));
  const std::string name = relative(path);
  const auto known = now_.names.find(name);
  if (known != now_.names.end()) {
    open_[fd] = known->second;
  } else if (is_left_out(name)) {
    open_[fd] = not_noted;
    return fd;
  } else {
    open_[fd] = next_file_;
    (void)note(success(), {.what = What::create, .file = next_file_++, .path = name});
  }
  if (flags.truncate) {
    (void)note(success(), {.what = What::truncate, .file = open_[fd]});
  }
  return fd;
}

Status RecordingIo::close(int fd, const fs::path& path) {
  open_.erase(fd);
  return inner().close(fd, path);
}

Result<std::size_t> RecordingIo::pwrite(int fd, Bytes from, std::uint64_t offset) {
  CYR_TRY(const std::size_t count, inner().pwrite(fd, from, offset));
  if (open_.at(fd) == not_noted) {
    return count;
  }
  steps_.push_back({.what = What::write,
                    .file = open_.at(fd),
                    .at = offset,
                    .data = std::string(as_text(from.first(count)))});
  return count;
}

Status RecordingIo::fsync(int fd, const fs::path& /*path*/) {
  return counts_as_sync() ? note(success(), {.what = What::sync, .file = open_.at(fd)}) : success();
}

Status RecordingIo::truncate(int fd, std::uint64_t size, const fs::path& path) {
  return open_.at(fd) == not_noted ? inner().truncate(fd, size, path)
                                   : note(inner().truncate(fd, size, path),
                                          {.what = What::truncate, .file = open_.at(fd), .at = size});
}

Status RecordingIo::rename(const fs::path& from, const fs::path& to) {
  return note(inner().rename(from, to),
              {.what = What::rename, .file = file_at(from), .path = relative(from), .target = relative(to)});
}

Status RecordingIo::exchange(const fs::path& one, const fs::path& other) {
  return note(inner().exchange(one, other),
              {.what = What::exchange, .path = relative(one), .target = relative(other)});
}

Status RecordingIo::link(const fs::path& from, const fs::path& to) {
  return note(inner().link(from, to),
              {.what = What::link, .file = file_at(from), .path = relative(from), .target = relative(to)});
}

Status RecordingIo::unlink(const fs::path& path) {
  return note(inner().unlink(path), {.what = What::unlink, .path = relative(path)});
}

Status RecordingIo::make_directory(const fs::path& path, ::mode_t mode) {
  return note(inner().make_directory(path, mode), {.what = What::make_directory, .path = relative(path)});
}

Status RecordingIo::remove_directory(const fs::path& path) {
  return note(inner().remove_directory(path), {.what = What::remove_directory, .path = relative(path)});
}

Status RecordingIo::sync_directory(const fs::path& path) {
  return counts_as_sync() ? note(success(), {.what = What::sync_directory, .path = relative(path)})
                          : success();
}

Status RecordingIo::sync_file_system(const fs::path& /*directory*/) {
  return counts_as_sync() ? note(success(), {.what = What::sync_all}) : success();
}

std::size_t each_crash_state(const RecordingIo& recording, std::size_t first,
                             const std::function<std::size_t(std::size_t n)>& promise,
                             const CrashVisitor& visit, std::size_t every) {
  const std::vector<DiskStep>& steps = recording.steps();
  std::set<std::pair<std::size_t, std::size_t>> seen;
  Disk base = recording.start();
  // A selection is one of prefixes and of the states of each: what is unsynced after a prefix takes long to
  // find.
  const std::size_t of_prefixes = every < 20 ? 1 : 20;
  const std::size_t of_states = std::max<std::size_t>(every / of_prefixes, 1);
  std::size_t number = 0;
  const std::function<bool()> wanted = [&number, of_states] { return number++ % of_states == 0; };
  std::size_t settled = 0;  // steps of which nothing can be lost any more, and that are in `base`
  for (std::size_t n = 0; n <= steps.size(); ++n) {
    Prefix prefix(base, steps, settled, n, wanted);
    if (n >= first && n % of_prefixes == 0) {
      prefix.each([&](Disk disk, const std::string& lost) {
        if (seen.emplace(disk.hash(), promise(n)).second) {
          visit(disk, n, lost);
        }
      });
    }
    while (settled < n && (is_sync(steps[settled]) || prefix.is_durable(settled))) {
      apply(base, steps[settled++]);
    }
  }
  return seen.size();
}

}  // namespace cyr::test
