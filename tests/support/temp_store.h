// A scratch copy of one of the real stores in tests/data/stores, and what the real tools said about it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/path.h"
#include "tests/support/temp_dir.h"

namespace cyr::test {

// The stores written by Cyrus 3.6.1: default classic virt skiplist modern versions.
[[nodiscard]] const std::vector<std::string>& stores_of_3_6_1();
// Every store, those of other releases (old-RELEASE-PROFILE) included.
[[nodiscard]] const std::vector<std::string>& all_stores();

// A file below tests/data.
[[nodiscard]] fs::path data_file(std::string_view name);
// Unpacks an archive of tests/data into `directory` (which is made); owners are not restored. Throws when
// that fails.
void unpack_archive(const fs::path& archive, const fs::path& directory);
// A whole file as text. Throws when it cannot be read.
[[nodiscard]] std::string read_text(const fs::path& path);
// Creates or replaces a file, and the directories above it.
void write_text(const fs::path& path, std::string_view text);

class TempStore {
 public:
  // "classic" or "old-2.3.20-classic". Unpacks the store, makes run/lock and run/proc, and rewrites
  // /srv/cyrus in etc/imapd.conf to the new place. The files belong to whoever runs the test.
  explicit TempStore(std::string name);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const fs::path& root() const { return root_; }  // what was /srv/cyrus
  [[nodiscard]] fs::path operator/(const fs::path& below) const { return root_ / below; }
  [[nodiscard]] std::string conf() const { return (root_ / "etc/imapd.conf").string(); }

  // A golden file of this store: golden("intact/quota.txt"). The archive is unpacked at the first use.
  [[nodiscard]] fs::path golden_dir() const;
  [[nodiscard]] std::string golden(const fs::path& file) const;

  // Golden texts say /srv/cyrus; ours say root(). to_golden() turns our output into their words,
  // from_golden() the reverse.
  [[nodiscard]] std::string to_golden(std::string_view text) const;
  [[nodiscard]] std::string from_golden(std::string_view text) const;
  [[nodiscard]] std::string replace_root(std::string_view text) const { return from_golden(text); }

  // Applies a damage of tests/data/damage.py to the mailbox of damaged/TARGET/target.txt ("user_bovik",
  // "user.bovik" in classic); what it said. Empty when the damage does not apply to that mailbox.
  std::string damage(std::string_view damage, std::string_view target) const;
  // The words of damaged/TARGET/target.txt: mailbox, dir, meta, quota (paths below root()).
  [[nodiscard]] std::map<std::string, std::string> target(std::string_view target) const;

 private:
  std::string name_;
  TempDir dir_;
  fs::path root_;
};

// Every occurrence of `from` in `text` replaced.
[[nodiscard]] std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

// One command of a golden file with commands ("$ command", output, "# exit N").
struct GoldenCommand {
  std::vector<std::string> argv;  // quotes taken off
  std::string output;             // both streams together
  std::string status;             // "0", "-6" for a signal, "timeout"
};
[[nodiscard]] std::vector<GoldenCommand> parse_golden(std::string_view text);

}  // namespace cyr::test
