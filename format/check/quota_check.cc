// The first pass: roots, mailboxes, and what each mailbox adds to which root. The changes are in
// quota_apply.cc.
#include "format/check/quota_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "format/base/text.h"
#include "format/check/quota_files.h"

namespace cyr::check {
namespace {

// Mailboxes that are read between two looks at the stop flag; bounds what the readers hold.
constexpr std::size_t chunk_size = 4096;

// Words as real Cyrus prints them for a mailbox that cannot be opened.
std::string reason_of(const Error& error) {
  if (error.sys_errno != 0) {
    return fmt::format("System I/O error: {}", error.text());
  }
  return fmt::format("Mailbox has an invalid format: {}", error.text());
}

// The partition seems to be there: a missing directory on it is really missing, not on a disk that is not
// mounted.
bool partition_is_there(store::Store& store, const std::string& partition) {
  for (const auto& root : store.partitions().all_roots(partition)) {
    const auto entries = store.io().list(root);
    if (!entries || entries->empty()) {
      return false;
    }
  }
  return true;
}

}  // namespace

struct QuotaChecker::Reading {
  std::optional<MailboxUsage> usage;
  std::optional<Error> problem;
  bool directory_missing = false;
  fs::path directory;
};

struct QuotaChecker::Worker {
  store::Store& store;
  store::UserLocks& locks;

  Reading read(const Mailbox& mailbox) const {
    Reading out;
    const auto files = store.files(mailbox.entry);
    if (!files) {
      out.problem = files.error();
      return out;
    }
    auto usage = read_mailbox_usage(store.io(), *files, locks, ReadHow::quick);
    if (usage) {
      out.usage = std::move(*usage);
      return out;
    }
    out.problem = usage.error();
    out.directory = files->index.parent_path();
    if (out.problem->code == Errc::not_found) {
      const auto there = store.io().exists(out.directory);
      out.directory_missing = there && !*there && partition_is_there(store, mailbox.entry.partition);
    }
    return out;
  }
};

Status QuotaChecker::check_stop() const {
  if (options_.stop != nullptr && options_.stop->load()) {
    return make_error(Errc::cancelled, "stopped; every root is as it was or counted to the end");
  }
  return success();
}

void QuotaChecker::report(Problem problem, const std::string& name, std::string found, std::string expected,
                          std::string detail) {
  Finding finding;
  finding.problem = problem;
  finding.mailbox = name;
  finding.found = std::move(found);
  finding.expected = std::move(expected);
  finding.detail = std::move(detail);
  const ProblemRow& row = row_of(problem);
  const bool repaired = row.policy == Policy::safe;
  finding.outcome = !repaired ? Outcome::remains : dry_run() ? Outcome::found : Outcome::fixed;
  if (!repaired && row.severity != Severity::info) {
    ++summary_.problems;
  }
  reporter_.report(finding);
}

bool QuotaChecker::selected(std::string_view name) const {
  const QuotaSelection& selection = options_.selection;
  if (selection.domain && !meta::in_domain(name, *selection.domain)) {
    return false;
  }
  if (selection.names.empty() && selection.patterns.empty()) {
    return true;
  }
  const std::string external = selection.patterns.empty() ? std::string() : store_.external_name(name);
  return std::any_of(selection.names.begin(), selection.names.end(),
                     [&](const std::string& one) { return meta::covers(one, name); }) ||
         std::any_of(selection.patterns.begin(), selection.patterns.end(), [&](const std::string& one) {
           return names::matches(one, external, store_.name_space().separator());
         });
}

Status QuotaChecker::load_roots() {
  const auto opened = store_.quotas();
  if (!opened && opened.error().code == Errc::not_found) {
    return success();  // no root was ever made, or the database is lost: see correct_headers()
  }
  CYR_TRY(quotas_, opened);
  return visit_quota_roots(
      store_, [&](std::string_view name, std::string_view value, const Result<meta::QuotaRoot>& root) {
        finder_.add(std::string(name));
        RootTally tally;
        tally.name = name;
        tally.value = value;
        if (root) {
          tally.record = *root;
        } else {
          tally.problem = root.error();
        }
        roots_.insert_or_assign(std::string(name), std::move(tally));
      });
}

// The form of the release that wrote the mailbox list: a 2.x server reads no other.
meta::QuotaForm QuotaChecker::form_of(meta::ListFormat format) {
  if (format <= meta::ListFormat::extended_text) {
    return meta::QuotaForm::text;
  }
  return format < meta::ListFormat::dlist_32 ? meta::QuotaForm::dlist : meta::QuotaForm::dlist_modseq;
}

Status QuotaChecker::load_mailboxes() {
  CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
  form_ = form_of(list->format());
  keyed_list_ = meta::is_keyed(list->format());
  CYR_TRY(list_seen_, store_.io().stat(store_.paths().mailboxes_db()));
  std::vector<std::pair<std::string, Error>> unreadable;
  CYR_CHECK(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (!item.entry) {
      unreadable.emplace_back(item.name, item.entry.error());
    } else if (item.entry->type.local()) {
      Mailbox mailbox{*item.entry, std::string(finder_.find(item.name))};
      mailbox.entry.acl.reset();
      mailboxes_.push_back(std::move(mailbox));
    }
    return db::Visit::go_on;
  }));
  if (mailboxes_.empty() && unreadable.empty() && !roots_.empty()) {
    return make_error(Errc::corrupt, "no mailbox in the list, but there are quota roots")
        .at(store_.paths().mailboxes_db())
        .with_hint("rebuild the list first: without it every quota root would seem unused");
  }
  // A server adds its changes to the scan sums of mailboxes that sort, bytewise, up to the one counted last.
  std::sort(mailboxes_.begin(), mailboxes_.end(),
            [](const Mailbox& a, const Mailbox& b) { return a.entry.name < b.entry.name; });

  // The roots that the run looks at: those selected, and those of selected mailboxes.
  std::set<std::string, std::less<>> wanted;
  for (const auto& [name, tally] : roots_) {
    if (selected(name)) {
      wanted.insert(name);
    }
  }
  for (const auto& mailbox : mailboxes_) {
    if (!mailbox.root.empty() && selected(mailbox.entry.name)) {
      wanted.insert(mailbox.root);
    }
  }
  std::erase_if(roots_, [&](const auto& item) { return !wanted.contains(item.first); });
  std::erase_if(mailboxes_, [&](const Mailbox& mailbox) {
    return !wanted.contains(mailbox.root) && !selected(mailbox.entry.name);
  });
  for (const auto& [name, error] : unreadable) {
    const std::string root(finder_.find(name));
    if (selected(name) || wanted.contains(root)) {
      skip_mailbox(name, root, error);
    }
  }
  return success();
}

void QuotaChecker::skip_mailbox(const std::string& mailbox, const std::string& root, const Error& error) {
  report(Problem::quota_mailbox_unreadable, mailbox, {}, {}, reason_of(error));
  if (const auto found = roots_.find(root); found != roots_.end()) {
    found->second.complete = false;
  }
}

// What a record of the store's form can hold of it.
meta::Usage QuotaChecker::counted(const meta::Usage& used) const {
  return form_ == meta::QuotaForm::text ? meta::Usage{used[0], 0, 0, 0} : used;
}

void QuotaChecker::tally(const Mailbox& mailbox, const Reading& reading) {
  const auto root = roots_.find(mailbox.root);
  meta::Usage used{0, 0, 0, 1};
  if (reading.usage) {
    used = reading.usage->used;
    ++summary_.mailboxes;
    if (!reading.usage->counted_because.empty()) {
      report(Problem::quota_counted, mailbox.entry.name, {}, {}, reading.usage->counted_because);
    }
    if (reading.usage->header_problem) {
      report(Problem::quota_header_unreadable, mailbox.entry.name, {}, {},
             reading.usage->header_problem->text());
    } else if (reading.usage->quotaroot.value_or("") != mailbox.root) {
      wrong_headers_.push_back(static_cast<std::size_t>(&mailbox - mailboxes_.data()));
    }
  } else if (reading.directory_missing) {
    Finding finding;
    finding.problem = Problem::quota_mailbox_missing;
    finding.mailbox = mailbox.entry.name;
    finding.path = reading.directory;
    finding.outcome = Outcome::remains;
    ++summary_.problems;
    reporter_.report(finding);
  } else {
    skip_mailbox(mailbox.entry.name, mailbox.root, *reading.problem);
    return;
  }
  if (root != roots_.end()) {
    root->second.mailboxes.push_back(static_cast<std::size_t>(&mailbox - mailboxes_.data()));
    root->second.used = meta::add(root->second.used, counted(used));
  }
}

Status QuotaChecker::read_chunk(std::size_t from, std::size_t to, std::vector<Reading>& readings,
                                std::vector<std::unique_ptr<store::Store>>& stores) {
  std::atomic<std::size_t> next{from};
  const auto work = [&](store::Store& store) {
    const Worker worker{store, locks_};
    for (std::size_t i = next++; i < to; i = next++) {
      readings[i - from] = worker.read(mailboxes_[i]);
    }
  };
  std::vector<std::jthread> threads;
  for (auto& store : stores) {
    threads.emplace_back(work, std::ref(*store));
  }
  work(store_);
  threads.clear();  // joins
  for (std::size_t i = from; i < to; ++i) {
    tally(mailboxes_[i], readings[i - from]);
  }
  return success();
}

Status QuotaChecker::read_mailboxes() {
  std::vector<std::unique_ptr<store::Store>> stores;
  const std::size_t useful = std::min<std::size_t>(options_.threads, mailboxes_.size() / 64 + 1);
  while (stores.size() + 1 < useful) {
    CYR_TRY(auto store, store_.again());
    stores.push_back(std::move(store));
  }
  for (std::size_t from = 0; from < mailboxes_.size(); from += chunk_size) {
    CYR_CHECK(check_stop());
    const std::size_t to = std::min(from + chunk_size, mailboxes_.size());
    std::vector<Reading> readings(to - from);
    CYR_CHECK(read_chunk(from, to, readings, stores));
  }
  return success();
}

Result<QuotaSummary> QuotaChecker::run() {
  if (store_.config().is_on(conf::Option::quota_use_conversations)) {
    return make_error(Errc::unsupported,
                      "quota_use_conversations is on: usage comes from the conversations databases")
        .at(store_.config().file());
  }
  // Excludes a `quota -f` of Cyrus and of ours, and SETQUOTA.
  File lock;
  CYR_TRY(const fs::path lock_path, store_.paths().quota_change_lock());
  if (!dry_run()) {
    CYR_CHECK(store_.io().make_directories(lock_path.parent_path(), 0755));
    CYR_TRY(lock, open_locked(store_.io(), lock_path, LockMode::exclusive, LockWait::block,
                              {.write = true, .create = true}));
  }
  CYR_CHECK(load_roots());
  CYR_CHECK(load_mailboxes());
  CYR_CHECK(read_mailboxes());
  CYR_CHECK(correct_headers());
  for (auto& [name, root] : roots_) {
    CYR_CHECK(check_stop());
    ++summary_.roots;
    // One root that cannot be written must not keep the others from being right.
    if (auto settled = settle_root(root); !settled) {
      if (settled.error().code == Errc::cancelled) {
        return std::move(settled).error();
      }
      report(Problem::quota_root_failed, name, {}, {}, settled.error().text());
    }
    CYR_CHECK(saved_.settle(name));
  }
  CYR_CHECK(saved_.settle(""));
  return summary_;
}

}  // namespace cyr::check
