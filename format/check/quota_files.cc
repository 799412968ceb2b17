#include "format/check/quota_files.h"

#include <set>

#include "format/base/file.h"
#include "format/base/list_if_there.h"

namespace cyr::check {
namespace {

constexpr std::string_view new_suffix =
    ".NEW";  // what a writer that died left; Cyrus removes it at the next write

class DamagedFiles {
 public:
  // `seen`: the roots that were visited as records.
  DamagedFiles(store::Store& store, const QuotaVisitor& visit, const std::set<std::string>& seen)
      : io_(store.io()), store_(store), visit_(visit), seen_(seen) {}

  // A sound file was not among them: the walk ended before it.
  [[nodiscard]] bool missed() const { return missed_; }

  Status run() {
    const fs::path& conf = store_.paths().config_directory();
    CYR_CHECK(look_through(store_.paths().quota_directory(), ""));
    if (store_.name_space().virtdomains == names::VirtualDomains::off) {
      return success();
    }
    CYR_TRY(const auto letters, directories(conf / "domain"));
    for (const auto& letter : letters) {
      CYR_TRY(const auto domains, directories(conf / "domain" / letter));
      for (const auto& domain : domains) {
        const fs::path quota = conf / "domain" / letter / domain / "quota";
        CYR_CHECK(look_through(quota, domain + "!"));
        check(domain + "!", quota / "root");
      }
    }
    return success();
  }

 private:
  [[nodiscard]] Result<std::vector<std::string>> directories(const fs::path& path) const {
    std::vector<std::string> out;
    CYR_TRY(const auto entries, list_if_there(io_, path));
    for (const auto& entry : entries) {
      if (entry.kind == FileKind::directory) {
        out.push_back(entry.name);
      }
    }
    return out;
  }

  Status look_through(const fs::path& quota, const std::string& domain) {
    CYR_TRY(const auto letters, directories(quota));
    for (const auto& letter : letters) {
      if (letter.size() != 1) {
        continue;
      }
      CYR_TRY(const auto entries, list_if_there(io_, quota / letter));
      for (const auto& entry : entries) {
        if (entry.kind == FileKind::regular && !entry.name.ends_with(new_suffix)) {
          check(domain + entry.name, quota / letter / entry.name);
        }
      }
    }
    return success();
  }

  // Sound files have been visited as records, and are not read again.
  void check(const std::string& name, const fs::path& path) {
    if (seen_.contains(name)) {
      return;
    }
    const auto content = io_.read_file(path);
    if (!content) {
      if (content.error().code != Errc::not_found) {
        visit_(name, "", Result<meta::QuotaRoot>(content.error()));
      }
    } else if (content->text().empty()) {
      visit_(name, "", Result<meta::QuotaRoot>(corrupt("the file is empty").at(path)));
    } else if (!content->text().ends_with('\n')) {
      visit_(name, content->text(),
             Result<meta::QuotaRoot>(corrupt("no line feed at the end, so Cyrus stops here").at(path)));
    } else {
      missed_ = true;
    }
  }

  Io& io_;
  store::Store& store_;
  const QuotaVisitor& visit_;
  const std::set<std::string>& seen_;
  bool missed_ = false;
};

}  // namespace

Status visit_quota_roots(store::Store& store, const QuotaVisitor& visit) {
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  std::set<std::string> seen;
  auto walked = quotas->for_each(
      "", [&](std::string_view name, std::string_view value, const auto& root) -> Result<db::Visit> {
        visit(name, value, root);
        seen.emplace(name);
        return db::Visit::go_on;
      });
  if (quotas->database().kind() != db::Kind::quotalegacy) {
    return walked;
  }
  // The backend has visited all sound files before it says that some are not.
  DamagedFiles damaged(store, visit, seen);
  CYR_CHECK(damaged.run());
  // An error that passed, of the disk or a signal: who takes these roots for all would lose one.
  return damaged.missed() && !walked && walked.error().code != Errc::corrupt ? walked : success();
}

Status overwrite_quota_root(store::Store& store, const meta::QuotaRoot& root) {
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  const std::string value = meta::encode_quota(root);
  if (quotas->database().kind() != db::Kind::quotalegacy) {
    return quotas->database().put(root.name, value);
  }
  CYR_TRY(const fs::path path, store.paths().quota_file(root.name));
  CYR_TRY(const File lock,
          open_locked(store.io(), path, LockMode::exclusive, LockWait::block, {.write = true}));
  std::string content = value + "\n";
  if (root.form == meta::QuotaForm::text) {
    content[content.find(' ')] = '\n';  // the old form has a line for each number
  }
  return replace_file(store.io(), path, as_bytes(content));
}

Status erase_quota_root(store::Store& store, const std::string& name) {
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  return quotas->database().erase(name);
}

}  // namespace cyr::check
