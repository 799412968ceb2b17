#include "format/db/quotalegacy.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "format/base/file.h"
#include "format/base/forward_io.h"
#include "format/base/log.h"
#include "format/db/order.h"

namespace cyr::db::quotalegacy {

namespace {

constexpr std::string_view new_suffix = ".NEW";
// From so many roots in a transaction on, they are synced together: that waits for others' files, too.
constexpr std::size_t many_changes = 8;

struct Root {
  std::string key;
  fs::path path;       // where it was found
  bool proper = true;  // where Cyrus looks for it
};

// All quota root files of a tree.
class Listing {
 public:
  Listing(Io& io, const Layout& layout) : io_(io), layout_(layout) {}

  Result<std::vector<Root>> run(const KeyOrder& order) {
    CYR_CHECK(tree(layout_.base / "quota", ""));
    if (layout_.virtual_domains) {
      CYR_CHECK(domains(
          [this](const fs::path& quota, const std::string& domain) { return tree(quota, domain + "!"); }));
    }
    std::sort(roots_.begin(), roots_.end(), [&](const Root& a, const Root& b) {
      const int difference = order.compare(a.key, b.key);
      return difference != 0 ? difference < 0 : a.proper && !b.proper;
    });
    const auto same = [](const Root& a, const Root& b) { return a.key == b.key; };
    roots_.erase(std::unique(roots_.begin(), roots_.end(), same), roots_.end());
    return std::move(roots_);
  }

  Result<std::vector<fs::path>> directories() {
    std::vector<fs::path> out;
    const auto add_if_there = [&](const fs::path& quota, const std::string& /*domain*/) -> Status {
      CYR_TRY(const bool there, io_.exists(quota));
      if (there) {
        out.push_back(quota);
      }
      return success();
    };
    CYR_CHECK(add_if_there(layout_.base / "quota", {}));
    CYR_CHECK(layout_.virtual_domains ? domains(add_if_there) : success());
    return out;
  }

 private:
  // Entries of a directory; none when it is not there.
  Result<std::vector<DirEntry>> entries(const fs::path& directory) {
    auto list = io_.list(directory);
    if (!list && list.error().code == Errc::not_found) {
      return std::vector<DirEntry>();
    }
    return list;
  }
  [[nodiscard]] bool is_hash_directory(const DirEntry& entry) const {
    const char low = layout_.full_dir_hash ? 'A' : 'a';
    return entry.kind == FileKind::directory && entry.name.size() == 1 && entry.name[0] >= low &&
           entry.name[0] <= low + 25;
  }
  static bool may_be_root(const DirEntry& entry) {
    return entry.kind == FileKind::regular || entry.kind == FileKind::symlink;
  }

  Status tree(const fs::path& quota, const std::string& domain) {
    CYR_TRY(const auto letters, entries(quota));
    for (const DirEntry& letter : letters) {
      if (!domain.empty() && may_be_root(letter) && letter.name == "root") {
        add(domain, quota / letter.name);
      }
      if (!is_hash_directory(letter)) {
        continue;
      }
      CYR_TRY(const auto files, entries(quota / letter.name));
      for (const DirEntry& file : files) {
        if (may_be_root(file)) {
          add(domain + file.name, quota / letter.name / file.name);
        }
      }
    }
    return success();
  }

  // Calls `each(directory, domain)` for the directory "quota" of every domain.
  template <class Each>
  Status domains(const Each& each) {
    CYR_TRY(const auto letters, entries(layout_.base / "domain"));
    for (const DirEntry& letter : letters) {
      if (!is_hash_directory(letter)) {
        continue;
      }
      CYR_TRY(const auto names, entries(layout_.base / "domain" / letter.name));
      for (const DirEntry& domain : names) {
        if (domain.kind == FileKind::directory) {
          CYR_CHECK(each(layout_.base / "domain" / letter.name / domain.name / "quota", domain.name));
        }
      }
    }
    return success();
  }

  void add(std::string key, fs::path path) {
    const auto expected = path_of(layout_, key);
    const bool proper =
        expected && expected->native() == path.native();  // paths compare part by part, which takes long
    roots_.push_back({std::move(key), path, proper});
  }

  Io& io_;
  const Layout& layout_;
  std::vector<Root> roots_;
};

// The value in a file; nothing when it is absent or empty.
Result<std::optional<std::string>> read_value(Io& io, const fs::path& path) {
  const auto content = io.read_file(path);
  if (!content) {
    return content.error().code == Errc::not_found ? Result<std::optional<std::string>>(std::nullopt)
                                                   : content.error();
  }
  if (content->text().empty()) {
    return std::optional<std::string>();
  }
  auto value = decode_value(content->text());
  if (!value) {
    return std::move(value.error()).at(path);
  }
  return std::optional(std::move(*value));
}

class QuotaDatabase final : public Database {
 public:
  QuotaDatabase(Io& io, Layout layout, const OpenOptions& options)
      : io_(io), layout_(std::move(layout)), options_(options), order_(options.order.value_or(Order::raw)) {}

  [[nodiscard]] Kind kind() const override { return Kind::quotalegacy; }
  Result<std::optional<std::string>> get(std::string_view key) override;
  Result<std::optional<std::pair<std::string, std::string>>> next(std::string_view key) override;
  Status for_each(std::string_view prefix, const Visitor& visit) override;
  Result<bool> sorted_by(const KeyOrder& order) override;
  Result<std::unique_ptr<Transaction>> begin() override;
  Status consistent() override;
  Status repack() override { return success(); }
  Result<Order> order() override { return order_.order(); }

  [[nodiscard]] Result<std::vector<Root>> roots() { return Listing(io_, layout_).run(order_); }

 private:
  friend class QuotaTransaction;
  Io& io_;
  Layout layout_;
  OpenOptions options_;
  KeyOrder order_;
  class QuotaTransaction* active_ = nullptr;
};

// Files are locked one by one, at first touch, and replaced one by one: the tree as a whole has no commit.
class QuotaTransaction final : public Transaction {
 public:
  explicit QuotaTransaction(QuotaDatabase& database)
      : database_(database),
        changes_([&database](const auto& a, const auto& b) { return database.order_.less(a, b); }) {
    database_.active_ = this;
  }
  QuotaTransaction(const QuotaTransaction&) = delete;
  QuotaTransaction& operator=(const QuotaTransaction&) = delete;
  ~QuotaTransaction() override { finish(); }

  Result<std::optional<std::string>> get(std::string_view key) override {
    CYR_CHECK(usable());
    if (const auto change = changes_.find(std::string(key)); change != changes_.end()) {
      return change->second;
    }
    return locked_value(std::string(key), true);
  }

  Status for_each(std::string_view prefix, const Visitor& visit) override {
    CYR_CHECK(usable());
    std::map<std::string, fs::path, Less> all(changes_.key_comp());
    CYR_TRY(const auto roots, database_.roots());
    for (const Root& root : roots) {
      all.emplace(root.key, root.path);
    }
    for (const auto& [key, value] : changes_) {
      all.emplace(key, fs::path());
    }
    for (const auto& [key, path] : all) {
      if (!key.starts_with(prefix)) {
        continue;
      }
      const auto change = changes_.find(key);
      CYR_TRY(const auto value, change != changes_.end() ? Result<std::optional<std::string>>(change->second)
                                                         : read_value(database_.io_, path));
      if (!value) {
        continue;
      }
      CYR_TRY(const Visit go, visit(key, *value));
      if (go == Visit::stop) {
        break;
      }
    }
    return success();
  }

  Result<std::optional<std::pair<std::string, std::string>>> next(std::string_view key) {
    std::optional<std::pair<std::string, std::string>> out;
    CYR_CHECK(for_each("", [&](std::string_view at, std::string_view value) -> Result<Visit> {
      if (!key.empty() && database_.order_.compare(at, key) <= 0) {
        return Visit::go_on;
      }
      out.emplace(at, value);
      return Visit::stop;
    }));
    return out;
  }

  Status put(std::string_view key, std::string_view value) override {
    CYR_CHECK(encode_value(value));
    CYR_CHECK(usable());
    const auto change = changes_.find(std::string(key));
    CYR_TRY(const auto old, change != changes_.end() ? Result<std::optional<std::string>>(change->second)
                                                     : locked_value(std::string(key), false));
    if (old != std::optional<std::string>(value)) {
      changes_.insert_or_assign(std::string(key), std::string(value));
    }
    return success();
  }

  Status erase(std::string_view key) override {
    CYR_CHECK(usable());
    CYR_TRY(const fs::path path, path_of(database_.layout_, key));
    CYR_CHECK(lock(std::string(key), path, false));
    changes_.insert_or_assign(std::string(key), std::nullopt);
    return success();
  }

  Status commit() override {
    CYR_CHECK(usable());
    std::size_t done = 0;
    Status written = changes_.size() < many_changes ? write_each(done) : write_together(done);
    finish();
    if (!written && done > 0) {
      written.error().hint = fmt::format("{} of {} quota roots were written before", done, changes_.size());
    }
    return written;
  }

  Status abort() override {
    finish();
    return success();
  }

 private:
  using Less = std::function<bool(const std::string&, const std::string&)>;

  [[nodiscard]] Status usable() const {
    return over_ ? Status(make_error(Errc::invalid, "transaction is over").at(database_.layout_.base))
                 : success();
  }

  // The value before this transaction. Without `make` one that is not there is not locked, which is enough
  // for those that do not look at it: place() notices when another program was faster.
  Result<std::optional<std::string>> locked_value(const std::string& key, bool make) {
    if (const auto known = values_.find(key); known != values_.end()) {
      return known->second;
    }
    CYR_TRY(const fs::path path, path_of(database_.layout_, key));
    CYR_CHECK(lock(key, path, make));
    if (!locks_.contains(key) || made_.contains(key)) {
      return std::optional<std::string>();
    }
    CYR_TRY(auto value, read_value(database_.io_, path));
    values_.emplace(key, value);
    return value;
  }

  // With `make`, an absent file is made, empty (that is no quota root), so that two programs do not both find
  // nothing and lose the value of one; abort() and a commit that does not fill it remove it.
  Status lock(const std::string& key, const fs::path& path, bool make) {
    if (locks_.contains(key)) {
      return success();
    }
    Io& io = database_.io_;
    const ::mode_t mode = database_.options_.mode;
    bool made = false;
    auto file = open_locked(io, path, LockMode::exclusive, LockWait::block, {.write = true}, mode);
    if (!file && file.error().code == Errc::not_found) {
      if (!make) {
        return success();
      }
      CYR_CHECK(have_directory(path.parent_path()));
      file =
          open_locked(io, path, LockMode::exclusive, LockWait::block, {.write = true, .create = true}, mode);
      made = true;
    }
    if (!file) {
      return file.error();
    }
    CYR_TRY(const FileInfo info, file->info());
    if (made && info.size == 0) {  // else another program was faster and has filled it meanwhile
      made_.insert(key);
    }
    locks_.emplace(key, std::move(*file));
    return success();
  }

  Status have_directory(const fs::path& path) {
    if (directories_.contains(path.native())) {
      return success();
    }
    CYR_CHECK(database_.io_.make_directories(path, 0755));
    directories_.insert(path.native());
    return success();
  }

  // `done`: how many roots have their new value.
  Status write_each(std::size_t& done) {
    for (const auto& [key, value] : changes_) {
      if (value) {
        CYR_TRY(AtomicFile file, new_content(database_.io_, key, *value));
        CYR_CHECK(place(key, file));
      } else {
        CYR_TRY(const fs::path path, path_of(database_.layout_, key));
        CYR_TRY(const bool gone, remove(path));
        CYR_CHECK(gone ? database_.io_.sync_directory(path.parent_path()) : success());
      }
      ++done;
    }
    return success();
  }

  // The same with two syncs for all of them: every content is on disk before the first gets its name.
  Status write_together(std::size_t& done) {
    UnsyncedIo unsynced(database_.io_);
    std::vector<std::pair<const std::string*, AtomicFile>> files;
    for (const auto& [key, value] : changes_) {
      if (value) {
        CYR_TRY(AtomicFile file, new_content(unsynced, key, *value));
        CYR_CHECK(file.sync());
        files.emplace_back(&key, std::move(file));
      }
    }
    CYR_CHECK(database_.io_.sync_file_system(database_.layout_.base));
    for (auto& [key, file] : files) {
      CYR_CHECK(place(*key, file));
      ++done;
    }
    for (const auto& [key, value] : changes_) {
      if (!value) {
        CYR_TRY(const fs::path path, path_of(database_.layout_, key));
        CYR_TRY(const bool gone, remove(path));
        (void)gone;
        ++done;
      }
    }
    return database_.io_.sync_file_system(database_.layout_.base);
  }

  // After a commit_new() that failed: another program was faster, or the file system has no hard links.
  bool can_be_placed_still(Errc code, const fs::path& path) {
    if (code == Errc::exists) {
      return true;
    }
    const auto there = database_.io_.exists(path);
    return (code == Errc::permission || code == Errc::unsupported) && there && !*there;
  }

  // A root that was not there gets its name without a file to lock before: made and deleted for each of many
  // roots, those cost a file system more than all the rest.
  Status place(const std::string& key, AtomicFile& file) {
    if (!locks_.contains(key)) {
      const Status placed = file.commit_new();
      CYR_TRY(const fs::path path, path_of(database_.layout_, key));
      if (placed || !can_be_placed_still(placed.error().code, path)) {
        return placed;
      }
      CYR_CHECK(lock(key, path, true));
    }
    CYR_CHECK(file.commit());
    made_.erase(key);
    return success();
  }

  // Whether there was something to remove.
  Result<bool> remove(const fs::path& path) {
    const Status gone = database_.io_.unlink(path);
    if (!gone && gone.error().code != Errc::not_found) {
      return gone.error();
    }
    return gone.has_value();
  }

  Result<AtomicFile> new_content(Io& io, const std::string& key, const std::string& value) {
    CYR_TRY(const fs::path path, path_of(database_.layout_, key));
    CYR_TRY(const std::string content, encode_value(value));
    CYR_CHECK(have_directory(path.parent_path()));
    CYR_CHECK(lock(key, path, false));
    // Cyrus takes every file of this directory for a quota root, so the new content waits in the one above.
    fs::path temporary = path.parent_path().parent_path() / path.filename();
    temporary += std::string(new_suffix);
    CYR_TRY(AtomicFile file, AtomicFile::create(io, path, temporary, database_.options_.mode));
    CYR_CHECK(file.write(content));
    return file;
  }

  // Removes the files that lock() made and nothing was written to.
  void remove_empty() {
    for (const std::string& key : made_) {
      const auto held = locks_.find(key);
      if (held == locks_.end()) {
        continue;
      }
      const auto ours = held->second.info();
      const auto named = database_.io_.stat(held->second.path());
      if (ours && named && ours->same_file(*named) && ours->size == 0) {
        (void)database_.io_.unlink(held->second.path());
      }
    }
    made_.clear();
  }

  void finish() {
    remove_empty();
    locks_.clear();
    over_ = true;
    if (database_.active_ == this) {
      database_.active_ = nullptr;
    }
  }

  QuotaDatabase& database_;
  std::map<std::string, std::optional<std::string>, Less> changes_;
  std::map<std::string, File> locks_;
  std::map<std::string, std::optional<std::string>> values_;  // of locked keys, before this transaction
  std::set<std::string> made_;         // keys whose file lock() made, without content so far
  std::set<std::string> directories_;  // that are there
  bool over_ = false;
};

Result<std::optional<std::string>> QuotaDatabase::get(std::string_view key) {
  if (active_ != nullptr) {
    return active_->get(key);
  }
  CYR_TRY(const fs::path path, path_of(layout_, key));
  return read_value(io_, path);
}

Result<std::optional<std::pair<std::string, std::string>>> QuotaDatabase::next(std::string_view key) {
  if (active_ != nullptr) {
    return active_->next(key);
  }
  CYR_TRY(const auto all, roots());
  for (const Root& root : all) {
    if (!key.empty() && order_.compare(root.key, key) <= 0) {
      continue;
    }
    CYR_TRY(auto value, read_value(io_, root.path));
    if (value) {
      return std::optional(std::pair(root.key, std::move(*value)));
    }
  }
  return std::optional<std::pair<std::string, std::string>>();
}

Status QuotaDatabase::for_each(std::string_view prefix, const Visitor& visit) {
  if (active_ != nullptr) {
    return active_->for_each(prefix, visit);
  }
  CYR_TRY(const auto all, roots());
  std::optional<Error> damage;  // one bad file does not hide the roots after it
  for (const Root& root : all) {
    if (!root.key.starts_with(prefix)) {
      continue;
    }
    auto value = read_value(io_, root.path);
    if (!value) {
      damage = damage ? damage : std::optional(std::move(value.error()));
      continue;
    }
    if (!*value) {
      continue;
    }
    CYR_TRY(const Visit go, visit(root.key, **value));
    if (go == Visit::stop) {
      return success();
    }
  }
  return damage ? Status(std::move(*damage)) : success();
}

Result<bool> QuotaDatabase::sorted_by(const KeyOrder& order) {
  CYR_TRY(const auto all, roots());
  const auto not_before = [&order](const Root& a, const Root& b) { return !order.less(a.key, b.key); };
  return std::adjacent_find(all.begin(), all.end(), not_before) == all.end();
}

Result<std::unique_ptr<Transaction>> QuotaDatabase::begin() {
  if (io_.read_only()) {
    return make_error(Errc::permission, "not changed: this is a dry run").at(layout_.base / "quota");
  }
  if (active_ != nullptr) {
    return make_error(Errc::locked, "a transaction is open already").at(layout_.base / "quota");
  }
  return std::unique_ptr<Transaction>(std::make_unique<QuotaTransaction>(*this));
}

Status QuotaDatabase::consistent() {
  CYR_TRY(const auto all, roots());
  for (const Root& root : all) {
    CYR_TRY(const auto value, read_value(io_, root.path));
    if (!root.proper) {
      return corrupt("is in the wrong directory, so Cyrus does not find this quota root")
          .at(root.path)
          .with_hint("was fulldirhash or virtdomains changed in imapd.conf?");
    }
    // An empty file is no quota root to Cyrus, but one with this name is what its writers leave when they
    // die.
    if (!value && std::string_view(root.key).ends_with(new_suffix)) {
      return corrupt("empty file that a dying writer left").at(root.path);
    }
  }
  return success();
}

}  // namespace

Result<Layout> layout_of(Io& io, const fs::path& path, const OpenOptions& options) {
  const auto quota = io.stat(path / "quota");
  Layout layout{base_of(path, quota && quota->kind == FileKind::directory), options.full_dir_hash,
                options.virtual_domains};
  if (layout.base.empty()) {
    layout.base = ".";
  }
  return layout;
}

Result<std::vector<fs::path>> directories_of(Io& io, const Layout& layout) {
  return Listing(io, layout).directories();
}

Result<std::unique_ptr<Database>> open_tree(Io& io, const fs::path& path, const OpenOptions& options) {
  CYR_TRY(Layout layout, layout_of(io, path, options));
  const fs::path quota = layout.base / "quota";
  const auto info = io.stat(quota);
  if (!info && (info.error().code != Errc::not_found || !options.create || io.read_only())) {
    return info.error();
  }
  if (info && info->kind != FileKind::directory) {
    return corrupt("is no directory, so there is no quotalegacy tree here").at(quota);
  }
  if (!info) {
    CYR_CHECK(io.make_directories(quota, 0755));
  }
  return std::unique_ptr<Database>(std::make_unique<QuotaDatabase>(io, std::move(layout), options));
}

Result<std::unique_ptr<Database>> open_tree_to_be(Io& io, const fs::path& path, const OpenOptions& options) {
  CYR_TRY(Layout layout, layout_of(io, path, options));
  return std::unique_ptr<Database>(std::make_unique<QuotaDatabase>(io, std::move(layout), options));
}

}  // namespace cyr::db::quotalegacy
