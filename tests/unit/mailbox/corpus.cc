#include "tests/unit/mailbox/corpus.h"

#include <algorithm>
#include <array>
#include <boost/filesystem/operations.hpp>

#include "format/base/text.h"

namespace cyr::test {
namespace {

// Number or word after `label`, up to a blank.
void take(std::string_view line, std::string_view label, std::map<std::string, std::string>& into) {
  std::size_t at = line.find(label);
  while (at != std::string_view::npos && at != 0 && is_alnum(line[at - 1])) {
    at = line.find(label, at + 1);  // "GUID:" is not "UID:"
  }
  if (at == std::string_view::npos) {
    return;
  }
  at += label.size();
  while (at < line.size() && line[at] == ' ') {
    ++at;
  }
  std::string key(label);
  while (!key.empty() && (key.back() == ':' || key.back() == ' ')) {
    key.pop_back();
  }
  into[key] = std::string(line.substr(at, line.find(' ', at) - at));
}

constexpr auto kHeaderLabels = std::to_array<std::string_view>(
    {"Unique ID:", "Generation Number:", "Minor Version:", "Header Size:", "Record Size:",
     "Number of Messages:", "Mailbox Size:", "Annotations Size:", "Deleted Size:", "Expunged Size:",
     "Last Append Date:", "UIDValidity:", "Last UID:", "Deleted:", "Answered:", "Flagged:",
     "Last POP3 Login:", "Highest Mod Sequence:"});
constexpr auto kRecordLabels = std::to_array<std::string_view>(
    {"UID:", "INT_DATE:", "SENTDATE:", "SAVEDATE:", " SIZE:", "HDRSIZE:", "LASTUPD :", "SYSFLAGS:", "LINES:",
     "CACHEVER:", "GUID:", "MODSEQ:", "THRID:", "THIRD:"});

void read_golden(std::string_view text, std::map<std::string, GoldenMailbox>& out) {
  GoldenMailbox* mailbox = nullptr;
  GoldenMailbox next;
  bool in_header = false;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("Examining ")) {
      next = {};
      mailbox = nullptr;
      in_header = true;
    } else if (in_header && line.starts_with(" Message Info:")) {
      mailbox = &out[next.values["Unique ID"] + ' ' + next.values["UIDValidity"]];
      *mailbox = next;
      in_header = false;
    } else if (in_header) {
      for (const std::string_view label : kHeaderLabels) {
        take(line, label, next.values);
      }
      if (const std::size_t flags = line.find("User Flags: "); flags != std::string_view::npos) {
        next.values["User Flags"] = std::string(line.substr(flags + 12));
      }
      if (const std::size_t acl = line.find("Mailbox ACL: "); acl != std::string_view::npos) {
        next.values["Mailbox ACL"] = std::string(line.substr(acl + 13));
      }
    } else if (mailbox != nullptr && line.size() > 12 && line.substr(6, 6) == "> UID:") {
      mailbox->records.emplace_back();
      for (const std::string_view label : kRecordLabels) {
        take(line, label, mailbox->records.back().values);
      }
    } else if (mailbox != nullptr && !mailbox->records.empty() && line.starts_with("      > ")) {
      GoldenRecord& record = mailbox->records.back();
      for (const std::string_view label : kRecordLabels) {
        take(line, label, record.values);
      }
      if (line.find("USERFLAGS: ") == 8) {
        record.values["USERFLAGS"] = std::string(line.substr(19));
      }
    } else if (mailbox != nullptr && !mailbox->records.empty() && line.starts_with(" Envel>{")) {
      const std::size_t close = line.find('}');
      const std::size_t length = parse_number<std::size_t>(line.substr(8, close - 8)).value_or(0);
      const std::size_t start = static_cast<std::size_t>(line.data() - text.data()) + close + 1;
      mailbox->records.back().envelope = std::string(text.substr(start, length));
      at = start + length;
    }
  }
}

}  // namespace

std::vector<fs::path> mailbox_folders(const TempStore& store) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::recursive_directory_iterator(store.root())) {
    if (entry.path().filename() == "cyrus.index") {
      folders.push_back(entry.path().parent_path());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

Buffer read_bytes(const fs::path& path) {
  const std::string text = read_text(path);
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

Buffer index_seed(unsigned version) {
  return read_bytes(fs::path(CYRKIT_SOURCE_DIR) / "tests/fuzz/corpus/index" /
                    ("v" + std::to_string(version)));
}

bool is_file(const fs::path& path) { return fs::exists(path); }

std::map<std::string, GoldenMailbox> golden_mailboxes(const TempStore& store) {
  std::map<std::string, GoldenMailbox> out;
  for (const char* name : {"intact/mbexamine.txt", "intact/mbexamine-each.txt"}) {
    if (is_file(store.golden_dir() / name)) {
      read_golden(store.golden(name), out);
    }
  }
  return out;
}

}  // namespace cyr::test
