// ctl_mboxlist -d.
#include <fmt/format.h>

#include "format/base/text.h"
#include "format/cli/common.h"
#include "recon/ctl_mboxlist_run.h"

namespace cyr::recon {

namespace {

constexpr std::size_t buffer_size = std::size_t{1} << 16;  // bytes of output held back

class Dump {
 public:
  Dump(meta::MailboxList& list, const MailboxListOptions& options, store::DumpForm form)
      : list_(list), options_(options), form_(form) {}

  Result<int> run() {
    out_ = form_ == store::DumpForm::json ? "{" : "";
    CYR_CHECK(list_.for_each("", [this](const meta::ListItem& item) { return visit(item); }));
    out_ += form_ == store::DumpForm::json ? (count_ == 0 ? "\n\n}\n" : "\n}\n") : "";
    CYR_CHECK(flush());
    if (options_.remove && !options_.dry_run) {
      for (const auto& name : dumped_) {
        CYR_CHECK(list_.erase(name));
      }
    }
    return failed_ ? cli::exit_failed : cli::exit_ok;
  }

 private:
  Result<db::Visit> visit(const meta::ListItem& item) {
    if (cli::stop_requested()) {
      return make_error(Errc::cancelled, "stopped by a signal");
    }
    if (!item.entry) {
      fail(item.name, item.entry.error());
      return db::Visit::go_on;
    }
    const meta::MailboxEntry& entry = *item.entry;
    if ((entry.type.intermediate && !options_.intermediates) ||
        (!options_.partition.empty() && entry.partition != options_.partition)) {
      return db::Visit::go_on;
    }
    auto text = options_.full_history
                    ? store::dump_entry(with_history(entry), form_, store::DumpHistory::full)
                    : store::dump_entry(entry, form_, store::DumpHistory::empty);
    if (!text) {
      fail(entry.name, text.error());
      return db::Visit::go_on;
    }
    return put(*text, entry.name);
  }

  meta::MailboxEntry with_history(meta::MailboxEntry entry) {
    if (!entry.uniqueid.empty() && meta::is_keyed(list_.format())) {
      const auto by_id = list_.find_by_uniqueid(entry.uniqueid);
      // The record by id of a tombstone may be that of the mailbox's present name.
      if (by_id && *by_id && (*by_id)->name == entry.name) {
        entry.history = (*by_id)->history;
      }
    }
    return entry;
  }

  Result<db::Visit> put(std::string_view text, const std::string& name) {
    if (form_ == store::DumpForm::json) {
      out_ += count_ == 0 ? "\n" : ",\n";
      out_ += text;
    } else {
      out_ += text;
      out_ += '\n';
    }
    ++count_;
    if (options_.remove) {
      dumped_.push_back(name);
    }
    if (out_.size() >= buffer_size) {
      CYR_CHECK(flush());
    }
    return db::Visit::go_on;
  }

  // What is erased afterwards must have reached its reader.
  Status flush() {
    if (std::fwrite(out_.data(), 1, out_.size(), stdout) != out_.size() || std::fflush(stdout) != 0) {
      return system_error(errno, "cannot write to standard output");
    }
    out_.clear();
    return success();
  }

  void fail(std::string_view name, const Error& error) {
    fmt::print(stderr, "ctl_mboxlist: {}: {}\n", printable(name), printable(error.text()));
    failed_ = true;
  }

  meta::MailboxList& list_;
  const MailboxListOptions& options_;
  store::DumpForm form_;
  std::string out_;
  std::vector<std::string> dumped_;
  std::uint64_t count_ = 0;
  bool failed_ = false;
};

}  // namespace

Result<std::optional<conf::Release>> release_of(const MailboxListOptions& options) {
  if (options.release.empty()) {
    return std::optional<conf::Release>();
  }
  const auto release = conf::Release::parse(options.release);
  if (!release) {
    return make_error(Errc::invalid, fmt::format("{} is no release", printable(options.release)))
        .with_hint("--release 2.1 ... 3.12");
  }
  return std::optional(*release);
}

Result<int> dump_list(store::Store& store, const MailboxListOptions& options) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  store::DumpForm form = store::dump_form(list->format());
  CYR_TRY(const auto release, release_of(options));
  if (release) {
    form = store::dump_form(*release);
  }
  Dump dump(*list, options, form);
  return dump.run();
}

}  // namespace cyr::recon
