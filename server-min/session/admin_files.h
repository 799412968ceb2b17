// The small files by which an administrator watches and steers sessions: proc/, log/USER/, msg/ (server.md
// 2.4).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/file.h"
#include "format/store/store.h"

namespace cyr::session {

// One line of proc/PID.
struct ProcEntry {
  ::pid_t pid = 0;
  std::string service;
  std::string client;   // "localhost [127.0.0.1]"
  std::string user;     // empty before login
  std::string mailbox;  // internal name
  std::string command;  // "Fetch"; empty between commands
};

[[nodiscard]] std::string encode_proc(const ProcEntry& entry);
// Of 2.5 and later; nothing for a line of another form.
[[nodiscard]] std::optional<ProcEntry> decode_proc(std::string_view line, ::pid_t pid);
// Every serving process, by pid. Files that cannot be read are left out.
Result<std::vector<ProcEntry>> list_proc(Io& io, const fs::path& directory);

// proc/PID of this process; removed at the end. What goes wrong is in the log, once: serving goes on.
class ProcFile {
 public:
  ProcFile(Io& io, const fs::path& directory);
  ProcFile(const ProcFile&) = delete;
  ProcFile& operator=(const ProcFile&) = delete;
  ~ProcFile();
  void show(const ProcEntry& entry);

 private:
  [[nodiscard]] bool is_there() const;
  Status write_over(std::string line);
  Status write_new(const std::string& line);

  Io& io_;
  fs::path path_;
  File file_;
  std::size_t size_ = 0;  // bytes, of the file
  std::string shown_;
  bool failed_ = false;
};

// log/USER/SERVICE-PID: a copy of what goes over the wire from the reply to the login on, when the directory
// exists.
class Telemetry {
 public:
  static std::optional<Telemetry> open(const store::Store& store, std::string_view user,
                                       const std::string& file_name);
  void add(bool sent, Bytes bytes);

 private:
  Telemetry(File file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
  File file_;
  std::uint64_t size_;
};

// First line of msg/shutdown (its existence ends sessions) and msg/motd; nothing without the file.
[[nodiscard]] std::optional<std::string> shutdown_text(const store::Store& store);
[[nodiscard]] std::optional<std::string> message_of_the_day(const store::Store& store);

}  // namespace cyr::session
