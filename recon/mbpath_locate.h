// Finds a mailbox by what was typed, and works out its paths and those of its owner's files.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "format/store/store.h"

namespace cyr::mbpath {

// How an argument is to be read.
enum class Reading : std::uint8_t {
  name,   // in modified UTF-7 or UTF-8, whichever is a mailbox
  mutf7,  // in modified UTF-7 only
  user,   // a user id: the INBOX
  path,   // a directory of the mailbox, or a file in it
};

struct Located {
  std::string name;  // internal form
  names::MailboxName parsed;
  std::string server;  // of a remote mailbox
  std::string partition;
  fs::path data, archive, meta;
  fs::path sieve, user_directory;
  std::vector<std::pair<std::string, fs::path>>
      user_files;  // by the member names of the JSON output; empty: shared
  std::vector<std::pair<std::string, fs::path>> search;  // tier and directory
  [[nodiscard]] bool is_remote() const { return !server.empty(); }
};

class Locator {
 public:
  explicit Locator(store::Store& store) : store_(store) {}
  // Errc::not_found or invalid when the argument is no mailbox.
  Result<Located> locate(const std::string& argument, Reading reading);

 private:
  Result<meta::MailboxEntry> find(const std::string& argument, Reading reading);
  Result<meta::MailboxEntry> find_path(const fs::path& path);
  // Nothing when the list has no mailbox of this name.
  Result<std::optional<meta::MailboxEntry>> look_up(const Result<names::MailboxName>& name);
  Status add_owner(Located& out);
  Status add_user_files(Located& out, const std::optional<meta::MailboxEntry>& inbox);
  store::Store& store_;
};

// The object that `mbpath -j` of 3.6.1 prints.
[[nodiscard]] std::string to_json(const Located& found);

}  // namespace cyr::mbpath
