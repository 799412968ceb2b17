#include "server-min/session/admin_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/cli/printer.h"

namespace cyr::session {
namespace {

constexpr std::size_t longest_message = 1024;  // bytes of a line of msg/
constexpr std::size_t proc_fields = 5;

// A field must not end the line or itself.
std::string field(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
  return text;
}

std::optional<std::string> first_line(Io& io, const fs::path& path) {
  const auto file = io.read_file(path);
  if (!file) {
    return {};
  }
  std::string_view text = file->text();
  text = text.substr(0, std::min(text.find_first_of("\r\n"), longest_message));
  return std::string(text);
}

}  // namespace

std::string encode_proc(const ProcEntry& entry) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\n", field(entry.service), field(entry.client), field(entry.user),
                     field(entry.mailbox), field(entry.command));
}

std::optional<ProcEntry> decode_proc(std::string_view line, ::pid_t pid) {
  line = line.substr(0, line.find('\n'));
  const auto fields = split(line, '\t');
  if (fields.size() != proc_fields) {
    return {};
  }
  const auto text = [&](std::size_t i) { return std::string(fields[i]); };
  return ProcEntry{pid, text(0), text(1), text(2), text(3), text(4)};
}

Result<std::vector<ProcEntry>> list_proc(Io& io, const fs::path& directory) {
  std::vector<ProcEntry> out;
  const auto names = io.list(directory);
  if (!names) {
    return names.error().code == Errc::not_found ? Result<std::vector<ProcEntry>>(out)
                                                 : Result<std::vector<ProcEntry>>(names.error());
  }
  for (const auto& item : *names) {
    const auto pid = parse_number<::pid_t>(item.name);
    const auto file = pid ? io.read_file(directory / item.name) : Result<FileBytes>(FileBytes());
    if (!pid || !file) {
      continue;
    }
    if (auto entry = decode_proc(file->text(), *pid)) {
      out.push_back(std::move(*entry));
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return out;
}

ProcFile::ProcFile(Io& io, const fs::path& directory)
    : io_(io), path_(directory / std::to_string(::getpid())) {
  if (auto made = io.make_directories(directory, 0755); !made) {
    log(LogLevel::error, "{}", made.error().text());
  }
}

ProcFile::~ProcFile() {
  if (!shown_.empty()) {
    (void)io_.unlink(path_);
  }
}

// Appears by rename, and is then written in place: twice for every command, so that a new file each time
// would cost more than most commands. It never gets shorter, or a reader that has asked for its size would
// not get it: what is behind the line are line ends, which all readers leave out. Nobody needs it after a
// crash, so it is not synced.
void ProcFile::show(const ProcEntry& entry) {
  std::string line = encode_proc(entry);
  if (line == shown_) {
    return;
  }
  const Status written = is_there() ? write_over(line) : write_new(line);
  if (!written && !failed_) {
    failed_ = true;
    log(LogLevel::error, "{}", written.error().text());
  }
  shown_ = std::move(line);
}

// Somebody may have removed what he took for stale.
bool ProcFile::is_there() const {
  const auto info = file_.is_open() ? file_.info() : Result<FileInfo>(FileInfo());
  return info && info->links != 0;
}

Status ProcFile::write_over(std::string line) {
  line.resize(std::max(line.size(), size_), '\n');
  size_ = line.size();
  return file_.write(as_bytes(line), 0);
}

Status ProcFile::write_new(const std::string& line) {
  const fs::path temporary = path_.string() + ".new";
  CYR_TRY(file_, File::open(io_, temporary, {.write = true, .create = true, .truncate = true}));
  size_ = line.size();
  CYR_CHECK(file_.write(as_bytes(line), 0));
  return io_.rename(temporary, path_);
}

std::optional<Telemetry> Telemetry::open(const store::Store& store, std::string_view user,
                                         const std::string& file_name) {
  const fs::path directory = store.config().config_directory() / "log" / std::string(user);
  if (user.empty() || user.find('/') != std::string_view::npos || user.front() == '.' ||
      !store.io().exists(directory).value_or(false)) {
    return {};
  }
  auto file = File::open(store.io(), directory / file_name, {.write = true, .create = true}, 0644);
  const auto info = file ? file->info() : Result<FileInfo>(file.error());
  if (!info) {
    log(LogLevel::error, "no telemetry: {}", info.error().text());
    return {};
  }
  Telemetry out(std::move(*file), info->size);
  const std::string head = fmt::format("---------- {} {}\n\n", user,
                                       cli::ctime_text(static_cast<std::uint64_t>(std::time(nullptr))));
  (void)out.file_.write(as_bytes(head), out.size_);
  out.size_ += head.size();
  return out;
}

void Telemetry::add(bool sent, Bytes bytes) {
  std::string burst =
      sent ? fmt::format(">{}>", std::time(nullptr)) : fmt::format("<{}<", std::time(nullptr));
  burst.append(as_text(bytes));
  (void)file_.write(as_bytes(burst), size_);  // a full disk must not end the session
  size_ += burst.size();
}

std::optional<std::string> shutdown_text(const store::Store& store) {
  return first_line(store.io(), store.config().config_directory() / "msg" / "shutdown");
}

std::optional<std::string> message_of_the_day(const store::Store& store) {
  return first_line(store.io(), store.config().config_directory() / "msg" / "motd");
}

}  // namespace cyr::session
