// What a crash may leave on disk. RecordingIo remembers every change below a directory; each_crash_state()
// builds from that the disks a power loss could leave: after any prefix of the steps, with what was not
// synced yet kept, lost or torn.
//
// The model: the content of a file is safe when the file was synced after it was written, a name when its
// directory was. Unsynced writes reach the disk in any order, whole or up to (from) a boundary of 512 or 4096
// bytes; unsynced changes of names in the order in which they were made (file systems have a journal for
// them). Writes inside one 512-byte block are not torn: databases rely on that for their headers and pointers
// (cyrusdb.md 3.4, 4.4).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "format/base/forward_io.h"

namespace cyr::test {

// The bytes of a file, shared by the many disks that have them alike.
class DiskFile {
 public:
  explicit DiskFile(std::string text = {}) : data_(std::make_shared<Data>(Data{std::move(text), {}})) {}
  [[nodiscard]] const std::string& text() const { return data_->text; }
  std::string& change();
  [[nodiscard]] std::size_t hash() const;

 private:
  struct Data {
    std::string text;
    std::optional<std::size_t> hash;
  };
  std::shared_ptr<Data> data_;
};

// Names and contents below a directory. Paths are relative to it.
struct Disk {
  static constexpr int directory = -1;
  std::map<std::string, int> names;  // to the file's number
  std::map<int, DiskFile> files;

  static Disk read(const fs::path& top);
  // Makes `top` look like this; what else is there goes away.
  void write(const fs::path& top) const;
  [[nodiscard]] std::size_t hash() const;
};

struct DiskStep {
  enum class What : std::uint8_t {
    write,
    truncate,
    sync,
    create,
    link,
    rename,
    exchange,
    unlink,
    make_directory,
    remove_directory,
    sync_directory,
    sync_all
  };
  What what = What::write;
  int file = 0;             // write, truncate, sync, create, link, rename
  std::uint64_t at = 0;     // write: offset; truncate: size
  std::string data = {};    // write
  std::string path = {};    // names
  std::string target = {};  // link, rename, exchange
};

class RecordingIo final : public ForwardIo {
 public:
  RecordingIo(Io& inner, fs::path top);

  // A directory, relative to the top, whose files nobody needs after a crash (locks, sockets): its changes
  // are not noted.
  void leave_out(std::string directory) { left_out_ = std::move(directory) + "/"; }

  [[nodiscard]] const Disk& start() const { return start_; }
  [[nodiscard]] const std::vector<DiskStep>& steps() const { return steps_; }
  [[nodiscard]] int syncs() const { return syncs_; }  // of files and directories
  // The n-th sync from now (0 is the next one) is not done, for showing that it is needed.
  void ignore_sync(int n) { ignored_ = syncs_ + n; }

  Result<int> open(const fs::path& path, OpenFlags flags, ::mode_t mode) override;
  Status close(int fd, const fs::path& path) override;
  Result<std::size_t> pwrite(int fd, Bytes from, std::uint64_t offset) override;
  Status fsync(int fd, const fs::path& path) override;
  Status truncate(int fd, std::uint64_t size, const fs::path& path) override;
  Status rename(const fs::path& from, const fs::path& to) override;
  Status exchange(const fs::path& one, const fs::path& other) override;
  Status link(const fs::path& from, const fs::path& to) override;
  Status unlink(const fs::path& path) override;
  Status make_directory(const fs::path& path, ::mode_t mode) override;
  Status remove_directory(const fs::path& path) override;
  Status sync_directory(const fs::path& path) override;
  Status sync_file_system(const fs::path& directory) override;

 private:
  [[nodiscard]] bool is_left_out(const std::string& path) const {
    return !left_out_.empty() && path.starts_with(left_out_);
  }
  [[nodiscard]] std::string relative(const fs::path& path) const;
  [[nodiscard]] int file_at(const fs::path& path) const;
  bool counts_as_sync();
  Status note(Status done, DiskStep step);

  fs::path top_;
  std::string left_out_;
  Disk start_;
  Disk now_;  // names only
  std::vector<DiskStep> steps_;
  std::map<int, int> open_;  // descriptor to file number
  int next_file_ = 0;
  int syncs_ = 0;
  int ignored_ = -1;
};

// Calls `visit` with each disk that a crash within steps [0, n) could leave, for every n from `first` to the
// number of steps; n and a few words on what was lost go with it. Disks that were seen already with the same
// `promise(n)` are left out, and with `every` all but every n-th. The number of disks that were visited.
using CrashVisitor = std::function<void(const Disk& disk, std::size_t n, const std::string& lost)>;
std::size_t each_crash_state(const RecordingIo& recording, std::size_t first,
                             const std::function<std::size_t(std::size_t n)>& promise,
                             const CrashVisitor& visit, std::size_t every = 1);

}  // namespace cyr::test
