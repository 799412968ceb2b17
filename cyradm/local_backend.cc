// `cyradm --local`: the commands on the store's own files, through format/, with the locks of a server.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "cyradm/backend.h"
#include "cyradm/local_list.h"
#include "cyradm/local_repair.h"
#include "cyradm/session.h"
#include "format/base/text.h"
#include "format/cli/common.h"
#include "format/store/mailbox_admin.h"

namespace cyr::cyradm {

namespace {

constexpr std::string_view ident = "imap";  // whose options hold: the server's

// Every absolute path in a configuration put below `root`.
std::string below_root(std::string_view text, const std::string& root) {
  std::string out;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':');
    const std::size_t value =
        colon == std::string_view::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    const bool path = value != std::string_view::npos && line[value] == '/' && !line.starts_with('#');
    out += path ? std::string(line.substr(0, value)) + root + std::string(line.substr(value))
                : std::string(line);
    out += '\n';
  }
  return out;
}

Result<conf::Config> load(const LocalOptions& options) {
  const conf::LoadRequest request{
      .ident = std::string(ident), .release = conf::v3_6, .prefix = conf::prefix_from_environment()};
  if (options.root.empty()) {
    return conf::Config::load(posix_io(), options.config_file, request);
  }
  std::string root = options.root;
  while (root.size() > 1 && root.ends_with('/')) {
    root.pop_back();
  }
  const fs::path file = fs::path(root) / options.config_file;
  CYR_TRY(const auto bytes, posix_io().read_file(file));
  return conf::Config::parse(posix_io(), below_root(bytes.text(), root), file, request);
}

// "/shared/comment" in its two parts; in the server's words when it is neither shared nor private.
Result<store::MetadataItem> split_entry(std::string_view name) {
  for (const std::string_view scope : {"/shared", "/private"}) {
    if (name.starts_with(scope) && name.substr(scope.size()).starts_with('/')) {
      return store::MetadataItem{
          .entry = std::string(name.substr(scope.size())), .shared = scope == "/shared", .value = {}};
    }
  }
  return make_error(Errc::invalid, "entry must begin with /shared or /private");
}

class LocalBackend : public Backend {
 public:
  LocalBackend(std::unique_ptr<store::Store> store, std::string name, std::string_view user)
      : store_(std::move(store)),
        name_(std::move(name)),
        admin_{*store_, locks_, store::offline_admin(store_->config()), 0} {
    if (!user.empty()) {
      admin_.actor.userid = user;
    }
  }

  [[nodiscard]] std::string name() const override { return name_; }
  Result<char> separator() override { return store_->name_space().separator(); }

  Status list(const ListQuery& query, const std::function<Status(MailboxRow)>& visit) override {
    return list_mailboxes(begin(), query, visit);
  }

  Status create(const std::string& mailbox, const CreateOptions& options) override {
    store::CreateRequest request;
    CYR_TRY(request.name, internal(mailbox));
    request.partition = options.partition;
    for (const std::string_view use : split(options.special_use.value_or(""), ' ')) {
      if (!use.empty()) {
        request.special_use.emplace_back(use);
      }
    }
    CYR_TRY([[maybe_unused]] const auto made, store::create_mailbox(begin(), request));
    return success();
  }
  Status remove(const std::string& mailbox) override {
    CYR_TRY(std::string name, internal(mailbox));
    return store::delete_mailbox(begin(), {.name = std::move(name)});
  }
  Status rename(const std::string& from, const std::string& to,
                const std::optional<std::string>& partition) override {
    store::RenameRequest request;
    CYR_TRY(request.from, internal(from));
    CYR_TRY(request.to, internal(to));
    request.partition = partition;
    return store::rename_mailbox(begin(), request);
  }

  Result<std::vector<AclEntry>> acl(const std::string& mailbox) override {
    CYR_TRY(const auto entry, entry_of(mailbox));
    std::vector<AclEntry> out;
    const acl::Acl parsed = acl::Acl::parse(entry.acl.value_or(""));
    for (const acl::Entry& item : parsed.entries()) {
      out.push_back({item.id, item.rights});
    }
    return out;
  }
  Status set_acl(const std::string& mailbox, const std::string& id, const std::string& rights) override {
    CYR_TRY(const std::string name, internal(mailbox));
    return store::set_acl(begin(), name, id, rights);
  }
  Status delete_acl(const std::string& mailbox, const std::string& id) override {
    return set_acl(mailbox, id, "");
  }

  Result<QuotaRoot> quota(const std::string& root) override {
    CYR_TRY(const std::string name, internal(root));
    CYR_TRY(const auto found, store::get_quota(begin().store, name));
    return shown(found);
  }
  Result<std::vector<QuotaRoot>> quota_roots(const std::string& mailbox) override {
    CYR_TRY(const auto entry, entry_of(mailbox));
    CYR_TRY(const auto root, store::quota_root_of(begin().store, entry));
    return root ? std::vector<QuotaRoot>{shown(*root)} : std::vector<QuotaRoot>();
  }
  Status set_quota(const std::string& root, const std::vector<QuotaLimit>& limits) override {
    CYR_TRY(const std::string name, internal(root));
    std::vector<store::QuotaLimit> wanted;
    for (const QuotaLimit& limit : limits) {
      CYR_TRY(const auto resource, store::resource_of(limit.resource));
      wanted.push_back(
          {resource, static_cast<std::int64_t>(std::min<std::uint64_t>(limit.limit, INT64_MAX))});
    }
    return store::set_quota(begin(), name, wanted);
  }

  Result<std::vector<MetadataEntry>> metadata(const std::string& mailbox,
                                              const std::string& pattern) override {
    CYR_TRY([[maybe_unused]] const auto scope, split_entry(pattern));
    CYR_TRY(const auto items, items_of(mailbox));
    std::vector<MetadataEntry> out;
    const std::string_view start = std::string_view(pattern).substr(0, pattern.size() - 1);
    for (const store::MetadataItem& item : items) {
      std::string entry = (item.shared ? "/shared" : "/private") + item.entry;
      if (entry == pattern || (pattern.ends_with("/*") && entry.starts_with(start))) {
        out.push_back({std::move(entry), item.value});
      }
    }
    if (out.empty() && !pattern.ends_with("/*")) {
      out.push_back({pattern, {}});
    }
    return out;
  }
  Status set_metadata(const std::string& mailbox, const std::string& entry,
                      const std::optional<std::string>& value) override {
    CYR_TRY(auto item, split_entry(entry));
    item.value = value;
    if (mailbox.empty()) {
      return store::set_server_metadata(begin(), item);
    }
    CYR_TRY(const std::string name, internal(mailbox));
    return store::set_metadata(begin(), name, item);
  }

  Status subscribe(const std::string& mailbox) override {
    CYR_TRY(const std::string name, internal(mailbox));
    Status done = store::subscribe(begin(), user(), name);
    return done || !store::refusal_of(done.error()) ? done : prefixed(std::move(done).error(), "Subscribe");
  }
  Status unsubscribe(const std::string& mailbox) override {
    CYR_TRY(const std::string name, internal(mailbox));
    return store::unsubscribe(begin(), user(), name);
  }

  Status reconstruct(const std::string& mailbox, bool recursive, const ReportLine& report) override {
    CYR_TRY(const auto entry, entry_of(mailbox));
    return repair_mailboxes(begin_repair(), entry, recursive, report);
  }
  Status fix_quota(const std::string& root, const ReportLine& report) override {
    std::string name;
    if (!root.empty()) {
      CYR_TRY(name, internal(root));
    }
    return repair_quotas(begin_repair(), name, report);
  }
  Status transfer(const std::string&, const std::string&, const std::optional<std::string>&) override {
    return make_error(Errc::unsupported, "a mailbox can only be transferred by a running server");
  }

  Result<std::vector<IdField>> identify() override {
    return std::vector<IdField>{{"name", "cyrkit"}, {"store", name_}};
  }
  std::vector<std::string> partitions() override { return store_->partitions().names(); }

 private:
  // Each command sees the store as it is now, whoever changed it meanwhile.
  store::Administration& begin() {
    admin_.now = static_cast<std::int64_t>(std::time(nullptr));
    store_->may_lack_quotas(true);
    return admin_;
  }
  // Where the quota database is gone the headers say which root was whose.
  store::Administration& begin_repair() {
    begin();
    store_->may_lack_quotas(false);
    return admin_;
  }
  [[nodiscard]] names::UserId user() const {
    return names::UserId::parse(admin_.actor.userid, store_->name_space());
  }
  [[nodiscard]] Result<std::string> internal(const std::string& mailbox) const {
    const auto name = names::MailboxName::from_admin(mailbox, store_->name_space(), user().domain);
    return name ? Result<std::string>(name->to_internal(store_->name_space()))
                : store::refuse(store::Refusal::bad_name);
  }
  Result<meta::MailboxEntry> entry_of(const std::string& mailbox) {
    CYR_TRY(const std::string name, internal(mailbox));
    return store::need_mailbox(*store_, name);
  }
  Result<std::vector<store::MetadataItem>> items_of(const std::string& mailbox) {
    if (mailbox.empty()) {
      return store::get_server_metadata(begin());
    }
    CYR_TRY(const std::string name, internal(mailbox));
    return store::get_metadata(begin(), name);
  }
  [[nodiscard]] QuotaRoot shown(const meta::QuotaRoot& root) const {
    QuotaRoot out{store_->external_name(root.name), {}};
    for (std::size_t i = 0; i < meta::resource_count; ++i) {
      if (root.limit[i]) {
        const std::int64_t used = std::max<std::int64_t>(root.used[i], 0) / meta::resources[i].unit;
        out.resources.push_back({std::string(meta::resources[i].name), static_cast<std::uint64_t>(used),
                                 static_cast<std::uint64_t>(*root.limit[i])});
      }
    }
    return out;
  }

  std::unique_ptr<store::Store> store_;
  std::string name_;
  store::UserLocks locks_;
  store::Administration admin_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_local_backend(const LocalOptions& options) {
  CYR_TRY(auto loaded, load(options));
  CYR_CHECK(cli::become_store_user(loaded));
  CYR_CHECK(cli::set_umask(loaded));
  const auto config = std::make_shared<const conf::Config>(std::move(loaded));
  cli::open_log(*config, "cyradm");
  CYR_TRY(auto store, store::Store::open(options.read_only ? read_only_io() : posix_io(), config));
  CYR_TRY([[maybe_unused]] const auto* list, store->mailbox_list());
  return std::unique_ptr<Backend>(
      std::make_unique<LocalBackend>(std::move(store), config->file().string(), options.user));
}

}  // namespace cyr::cyradm
