#include "format/check/quota_files.h"

#include "format/base/file.h"

namespace cyr::check {
namespace {

constexpr std::string_view new_suffix =
    ".NEW";  // what a writer that died left; Cyrus removes it at the next write

class DamagedFiles {
 public:
  DamagedFiles(store::Store& store, const QuotaVisitor& visit)
      : io_(store.io()), store_(store), visit_(visit) {}

  void run() {
    const fs::path& conf = store_.paths().config_directory();
    look_through(store_.paths().quota_directory(), "");
    if (store_.name_space().virtdomains == names::VirtualDomains::off) {
      return;
    }
    for (const auto& letter : directories(conf / "domain")) {
      for (const auto& domain : directories(conf / "domain" / letter)) {
        const fs::path quota = conf / "domain" / letter / domain / "quota";
        look_through(quota, domain + "!");
        check(domain + "!", quota / "root");
      }
    }
  }

 private:
  [[nodiscard]] std::vector<std::string> directories(const fs::path& path) const {
    std::vector<std::string> out;
    if (const auto entries = io_.list(path)) {
      for (const auto& entry : *entries) {
        if (entry.kind == FileKind::directory) {
          out.push_back(entry.name);
        }
      }
    }
    return out;
  }

  void look_through(const fs::path& quota, const std::string& domain) {
    for (const auto& letter : directories(quota)) {
      const auto entries = io_.list(quota / letter);
      if (letter.size() != 1 || !entries) {
        continue;
      }
      for (const auto& entry : *entries) {
        if (entry.kind == FileKind::regular && !entry.name.ends_with(new_suffix)) {
          check(domain + entry.name, quota / letter / entry.name);
        }
      }
    }
  }

  // Sound files have been visited as records.
  void check(const std::string& name, const fs::path& path) {
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
    }
  }

  Io& io_;
  store::Store& store_;
  const QuotaVisitor& visit_;
};

}  // namespace

Status visit_quota_roots(store::Store& store, const QuotaVisitor& visit) {
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  auto walked = quotas->for_each(
      "", [&](std::string_view name, std::string_view value, const auto& root) -> Result<db::Visit> {
        visit(name, value, root);
        return db::Visit::go_on;
      });
  if (quotas->database().kind() != db::Kind::quotalegacy) {
    return walked;
  }
  // The backend has visited all sound files before it says that some are not.
  DamagedFiles(store, visit).run();
  return success();
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
