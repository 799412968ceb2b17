// --dry-run: a backend that passes questions on and says of every change what it would do.
#pragma once

#include "cyradm/backend.h"

namespace cyr::cyradm {

class DryRunBackend : public Backend {
 public:
  using Say = std::function<void(const std::string& line)>;  // without line feed
  DryRunBackend(std::unique_ptr<Backend> inner, Say say) : inner_(std::move(inner)), say_(std::move(say)) {}

  [[nodiscard]] std::string name() const override { return inner_->name(); }
  Result<char> separator() override { return inner_->separator(); }
  Status list(const ListQuery& query, const std::function<Status(MailboxRow)>& visit) override {
    return inner_->list(query, visit);
  }
  Status create(const std::string& mailbox, const CreateOptions& options) override;
  Status remove(const std::string& mailbox) override;
  Status rename(const std::string& from, const std::string& to,
                const std::optional<std::string>& partition) override;
  Result<std::vector<AclEntry>> acl(const std::string& mailbox) override { return inner_->acl(mailbox); }
  Status set_acl(const std::string& mailbox, const std::string& id, const std::string& rights) override;
  Status delete_acl(const std::string& mailbox, const std::string& id) override;
  Result<QuotaRoot> quota(const std::string& root) override { return inner_->quota(root); }
  Result<std::vector<QuotaRoot>> quota_roots(const std::string& mailbox) override {
    return inner_->quota_roots(mailbox);
  }
  Status set_quota(const std::string& root, const std::vector<QuotaLimit>& limits) override;
  Result<std::vector<MetadataEntry>> metadata(const std::string& mailbox,
                                              const std::string& pattern) override {
    return inner_->metadata(mailbox, pattern);
  }
  Status set_metadata(const std::string& mailbox, const std::string& entry,
                      const std::optional<std::string>& value) override;
  Status subscribe(const std::string& mailbox) override;
  Status unsubscribe(const std::string& mailbox) override;
  Status reconstruct(const std::string& mailbox, bool recursive, const ReportLine& report) override;
  Status fix_quota(const std::string& root, const ReportLine& report) override;
  Status transfer(const std::string& mailbox, const std::string& server,
                  const std::optional<std::string>& partition) override;
  Result<std::vector<IdField>> identify() override { return inner_->identify(); }
  std::vector<std::string> partitions() override { return inner_->partitions(); }
  Status authenticate(const LoginOptions& options) override { return inner_->authenticate(options); }

 private:
  Status would(const std::string& what);
  std::unique_ptr<Backend> inner_;
  Say say_;
};

}  // namespace cyr::cyradm
