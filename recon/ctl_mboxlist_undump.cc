// ctl_mboxlist -u: every entry is looked at before it is written; one that could not be right is named and
// left out, the others are loaded.
#include <fmt/format.h>

#include <ctime>
#include <map>
#include <optional>

#include "format/acl/acl.h"
#include "format/base/text.h"
#include "format/check/unique_id.h"
#include "format/cli/common.h"
#include "format/mailbox/header.h"
#include "recon/ctl_mboxlist_run.h"

namespace cyr::recon {

namespace {

constexpr std::size_t batch_size = 1000;                    // entries of one transaction
constexpr std::size_t longest_line = std::size_t{1} << 20;  // bytes; an ACL of ten thousand entries

class Undump {
 public:
  Undump(store::Store& store, const MailboxListOptions& options) : store_(store), options_(options) {}

  Result<int> run() {
    CYR_CHECK(open_list());
    const int first = std::getc(stdin);
    if (first != EOF) {
      std::ungetc(first, stdin);
    }
    CYR_CHECK(!options_.legacy && first == '{' ? read_json() : read_lines());
    CYR_CHECK(write());
    return failed_ ? cli::exit_failed : cli::exit_ok;
  }

 private:
  // An empty list when there is none; of the generation asked for when it has no records.
  Status open_list() {
    const fs::path path = store_.paths().mailboxes_db();
    CYR_TRY(const bool there, store_.io().exists(path));
    if (!there && options_.dry_run) {
      return success();
    }
    CYR_TRY(auto database, store_.open_database(path, conf::Option::mboxlist_db, !there));
    meta::MailboxListOptions list_options;
    list_options.admins = store_.config().words(conf::Option::admins);
    list_options.name_space = store_.name_space();
    CYR_TRY(const auto release, release_of(options_));
    list_options.format_if_empty = meta::list_format_of(release.value_or(store_.config().release()));
    CYR_TRY(auto list, meta::MailboxList::open(std::move(database), std::move(list_options)));
    list_.emplace(std::move(list));
    return success();
  }

  Status read_json() {
    std::uint64_t number = 0;
    return store::read_json_dump(stdin, [&](Result<meta::MailboxEntry> entry) -> Status {
      ++number;
      if (!entry) {
        Error error = entry.error();
        const std::string name = error.path.native();
        error.path.clear();
        refuse(name.empty() ? fmt::format("record {}", number) : name, error);
        return success();
      }
      return take(std::move(*entry));
    });
  }

  Status read_lines() {
    std::string line;
    std::uint64_t number = 0;
    for (int c = std::getc(stdin); c != EOF || !line.empty(); c = std::getc(stdin)) {
      if (c != '\n' && c != EOF) {
        line += static_cast<char>(c);
        if (line.size() > longest_line) {
          return corrupt(fmt::format("line {} is longer than {} bytes", number + 1, longest_line));
        }
        continue;
      }
      ++number;
      if (!line.empty()) {
        CYR_CHECK(take_line(line, number));
      }
      line.clear();
      if (c == EOF) {
        break;
      }
    }
    return success();
  }

  Status take_line(const std::string& line, std::uint64_t number) {
    auto entry = store::parse_dump_line(line);
    if (!entry) {
      refuse(fmt::format("line {}", number), entry.error());
      return success();
    }
    return take(std::move(*entry));
  }

  void refuse(const std::string& what, const Error& error) {
    fmt::print(stderr, "{}: {}\n", printable(what), printable(error.text()));
    failed_ = true;
  }

  Status take(meta::MailboxEntry entry) {
    if (cli::stop_requested()) {
      return make_error(Errc::cancelled, "stopped by a signal");
    }
    if (const Status good = validate(entry); !good) {
      refuse(entry.name, good.error());
      return success();
    }
    if (entry.uniqueid.empty()) {
      CYR_CHECK(find_uniqueid(entry));
    }
    batch_.push_back(std::move(entry));
    return batch_.size() < batch_size ? success() : write();
  }

  Status validate(const meta::MailboxEntry& entry) {
    CYR_TRY(const auto name, names::MailboxName::from_internal(entry.name, store_.name_space()));
    if (entry.type.local() && !store_.partitions().contains(entry.partition)) {
      return make_error(Errc::config,
                        fmt::format("no partition {} in imapd.conf", printable(entry.partition)));
    }
    if (entry.acl) {
      CYR_TRY(const auto acl, acl::Acl::parse_strict(*entry.acl));
    }
    return success();
  }

  // A list of 3.6 needs one. The header at the mailbox's place by name has it, or the list itself.
  Status find_uniqueid(meta::MailboxEntry& entry) {
    if (list_ && list_->format() <= meta::ListFormat::extended_text) {
      return success();
    }
    if (list_) {
      CYR_TRY(const auto known, list_->find(entry.name));
      if (known) {
        entry.uniqueid = known->uniqueid;
        entry.type.legacy_dirs = entry.type.legacy_dirs || known->type.legacy_dirs;
      }
    }
    if (entry.uniqueid.empty() && entry.type.local()) {
      CYR_CHECK(take_from_header(entry));
    }
    if (entry.uniqueid.empty()) {
      entry.uniqueid = check::make_uniqueid();
    }
    return success();
  }

  Status take_from_header(meta::MailboxEntry& entry) {
    CYR_TRY(auto name, names::MailboxName::from_internal(entry.name, store_.name_space()));
    CYR_TRY(const auto files, store_.files(names::MailboxPlace{.partition = entry.partition,
                                                               .name = std::move(name),
                                                               .uniqueid = {},
                                                               .layout = names::Layout::by_name}));
    const auto file = store_.io().read_file(files.header);
    const auto header = file ? mailbox::decode_header(file->bytes()) : file.error();
    if (header) {
      entry.uniqueid = header->uniqueid;
      entry.type.legacy_dirs = !list_ || meta::is_keyed(list_->format());
    }
    return success();
  }

  // Entries of one dump may have different times; each group of equal ones is a transaction.
  Status write() {
    if (options_.dry_run || batch_.empty()) {
      batch_.clear();
      return success();
    }
    const auto now = static_cast<std::int64_t>(std::time(nullptr));
    std::map<std::int64_t, std::vector<meta::MailboxEntry>> by_time;
    for (auto& entry : batch_) {
      by_time[entry.mtime > 0 ? entry.mtime : now].push_back(std::move(entry));
    }
    batch_.clear();
    for (auto& [mtime, entries] : by_time) {
      CYR_CHECK(list_->update(std::move(entries), mtime));
    }
    return success();
  }

  store::Store& store_;
  const MailboxListOptions& options_;
  std::optional<meta::MailboxList> list_;  // none: a dry run without a list
  std::vector<meta::MailboxEntry> batch_;
  bool failed_ = false;
};

}  // namespace

Result<int> undump_list(store::Store& store, const MailboxListOptions& options) {
  Undump undump(store, options);
  return undump.run();
}

}  // namespace cyr::recon
