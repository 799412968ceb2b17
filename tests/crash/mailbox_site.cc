#include "tests/crash/mailbox_site.h"

#include <fmt/format.h>

#include <boost/filesystem/operations.hpp>
#include <stdexcept>

#include "format/base/digest.h"
#include "format/check/checker.h"
#include "format/store/mailbox_view.h"
#include "format/store/saved_copies.h"

namespace cyr::test {

namespace {

template <typename T>
T need(Result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().text());
  }
  return std::move(*result);
}
void need(const Status& status) {
  if (!status) {
    throw std::runtime_error(status.error().text());
  }
}

class Findings : public check::Reporter {
 public:
  void report(const check::Finding& finding) override { text += check::text_of(finding) + "; "; }
  std::string text;
};

void look_at_message(store::MailboxView& view, std::uint32_t recno, Look& out) {
  namespace flag = mailbox::flag;
  const auto record = view.records().record(recno).value();
  if (record.has(flag::unlinked)) {
    return;  // only its record is left, until the next repack
  }
  const std::string name = fmt::format("{} UID {}", view.entry().name, record.uid);
  const bool expunged = record.has(flag::expunged);
  const auto bytes = view.message(recno);
  if (!bytes || sha1(bytes->bytes()) != record.guid) {
    out.problems += name + (bytes ? ": torn; " : ": gone; ");
    return;
  }
  if (!expunged && !view.cached(recno)) {
    out.problems += name + ": no cache record; ";
  }
  constexpr std::uint32_t seen_by_clients = 0x1F;
  out.lines.insert(fmt::format("{} {:x}{} {}", name, record.system_flags & seen_by_clients,
                               expunged ? " expunged" : "", record.guid.hex()));
}

// Removes the files below `top` that do not lie in one of the directories `keep`, and the directories that
// this empties.
void remove_all_but(const fs::path& top, const std::set<fs::path>& keep) {
  std::vector<fs::path> gone;
  if (!fs::exists(top)) {
    return;
  }
  for (const auto& entry : fs::recursive_directory_iterator(top)) {
    if (fs::is_regular_file(entry.path()) && !keep.contains(entry.path().parent_path())) {
      gone.push_back(entry.path());
    }
  }
  for (const auto& path : gone) {
    fs::remove(path);
    boost::system::error_code full;
    for (fs::path above = path.parent_path(); fs::remove(above, full) && !full; above = above.parent_path()) {
    }
  }
}

}  // namespace

Opened::Opened(Io& io, const std::string& conf) : store(need(store::Store::open(io, conf))) {}

meta::MailboxEntry Opened::entry(std::string_view name) const {
  auto found = need(need(store->mailbox_list())->find(name));
  if (!found) {
    throw std::runtime_error("no mailbox " + std::string(name));
  }
  return *found;
}

Result<std::unique_ptr<store::MailboxEdit>> Opened::edit(std::string_view name) {
  return store::MailboxEdit::open(*store, entry(name), locks, site_now);
}

Site::Site(const std::string& store_name, std::set<std::string> kept)
    : temp_(store_name), kept_(std::move(kept)) {
  trim();
}

// The smaller the store, the more crash states a minute.
void Site::trim() {
  Opened opened(posix_io(), conf());
  meta::MailboxList* const list = need(opened.store->mailbox_list());
  std::set<fs::path> keep;
  std::vector<std::string> others;
  need(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    CYR_TRY(const auto entry, item.entry);
    if (kept_.contains(entry.name)) {
      CYR_TRY(const auto files, opened.store->files(entry));
      for (const auto& directory : files.directories()) {
        keep.insert(directory);
      }
    } else if (entry.name != site_user) {
      others.push_back(entry.name);
    }
    return db::Visit::go_on;
  }));
  for (const auto& name : others) {
    need(list->erase(name));
  }
  need(list->database().repack());
  for (const char* below : {"sieve", "config/deliver.db", "config/caldav_alarm.sqlite3"}) {
    fs::remove_all(root() / below);
  }
  for (const char* partition : {"spool", "archive"}) {
    remove_all_but(root() / partition, keep);
  }
}

std::vector<meta::MailboxEntry> Site::mailboxes(store::Store& store) const {
  std::vector<meta::MailboxEntry> out;
  need(need(store.mailbox_list())->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    CYR_TRY(const auto entry, item.entry);
    if (!entry.type.deleted && !entry.partition.empty() &&
        (entry.name != site_user || kept_.contains(entry.name))) {
      out.push_back(entry);
    }
    return db::Visit::go_on;
  }));
  return out;
}

Look Site::look(Io& io, const std::string& conf) const {
  Look out;
  const Opened opened(io, conf);
  for (const auto& entry : mailboxes(*opened.store)) {
    const auto view = store::MailboxView::open(*opened.store, entry);
    if (!view) {
      out.problems += entry.name + ": " + view.error().text() + "; ";
      continue;
    }
    out.lines.insert(fmt::format("{} version {}", entry.name, (*view)->index().minor_version));
    for (std::uint32_t recno = 1; recno <= (*view)->records().size(); ++recno) {
      look_at_message(**view, recno, out);
    }
  }
  return out;
}

std::string Site::repair(Io& io) {
  Findings findings;
  for (int turn = 1; turn <= 2; ++turn) {
    Opened opened(io, conf());
    findings.text.clear();
    store::SavedCopies saved(io, opened.store->saved_roots(), fmt::format("crash{}", ++runs_), true);
    const check::Options options;
    check::Checker checker(*opened.store, options, saved, opened.locks);
    for (const auto& entry : mailboxes(*opened.store)) {
      const auto summary = checker.mailbox(entry, findings);
      if (!summary) {
        return "reconstruct: " + summary.error().text();
      }
    }
  }
  return findings.text;
}

}  // namespace cyr::test
