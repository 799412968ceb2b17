// A store in memory that writes down what it is asked to do.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cyradm/backend.h"

namespace cyr::test {

class FakeBackend : public cyradm::Backend {
 public:
  std::vector<std::string> mailboxes;
  std::map<std::string, std::vector<cyradm::AclEntry>> acls;
  std::map<std::string, cyradm::QuotaRoot> quotas;
  std::vector<std::string> done;  // one line per change
  std::string refuse;             // the mailbox that every change of fails
  [[nodiscard]] std::string name() const override { return "fake"; }
  Result<char> separator() override { return '/'; }
  Status list(const cyradm::ListQuery& query,
              const std::function<Status(cyradm::MailboxRow)>& visit) override {
    for (const auto& mailbox : mailboxes) {
      if (matches(query.pattern, mailbox)) {
        CYR_CHECK(visit({mailbox, {"\\HasNoChildren"}, ""}));
      }
    }
    return success();
  }
  Status create(const std::string& mailbox, const cyradm::CreateOptions& options) override {
    return change(mailbox, "create " + mailbox + " " + options.partition.value_or("-") + " " +
                               options.special_use.value_or("-"));
  }
  Status remove(const std::string& mailbox) override { return change(mailbox, "delete " + mailbox); }
  Status rename(const std::string& from, const std::string& to,
                const std::optional<std::string>& partition) override {
    return change(from, "rename " + from + " " + to + " " + partition.value_or("-"));
  }
  Result<std::vector<cyradm::AclEntry>> acl(const std::string& mailbox) override {
    const auto found = acls.find(mailbox);
    if (found == acls.end()) {
      return make_error(Errc::not_found, "Mailbox does not exist");
    }
    return found->second;
  }
  Status set_acl(const std::string& mailbox, const std::string& id, const std::string& rights) override {
    if (rights.find('z') != std::string::npos) {
      return make_error(Errc::invalid, "The z right is not supported");
    }
    return change(mailbox, "setacl " + mailbox + " " + id + " \"" + rights + "\"");
  }
  Status delete_acl(const std::string& mailbox, const std::string& id) override {
    return change(mailbox, "deleteacl " + mailbox + " " + id);
  }
  Result<cyradm::QuotaRoot> quota(const std::string& root) override {
    const auto found = quotas.find(root);
    if (found == quotas.end()) {
      return make_error(Errc::not_found, "Quota root does not exist");
    }
    return found->second;
  }
  Result<std::vector<cyradm::QuotaRoot>> quota_roots(const std::string& mailbox) override {
    CYR_TRY(auto root, quota(mailbox));
    return std::vector<cyradm::QuotaRoot>{root};
  }
  Status set_quota(const std::string& root, const std::vector<cyradm::QuotaLimit>& limits) override {
    std::string text = "setquota " + root;
    for (const auto& limit : limits) {
      text += " " + limit.resource + " " + std::to_string(limit.limit);
    }
    return change(root, text);
  }
  Result<std::vector<cyradm::MetadataEntry>> metadata(const std::string& mailbox,
                                                      const std::string& pattern) override {
    (void)mailbox;
    if (pattern == "/private/*") {
      return std::vector<cyradm::MetadataEntry>{{"/private/sort", {}}, {"/private/comment", "mine"}};
    }
    return std::vector<cyradm::MetadataEntry>{{"/shared/vendor/cmu/cyrus-imapd/size", "0"},
                                              {"/shared/comment", {}}};
  }
  Status set_metadata(const std::string& mailbox, const std::string& entry,
                      const std::optional<std::string>& value) override {
    return change(mailbox, "metadata " + mailbox + " " + entry + " " + value.value_or("NIL"));
  }
  Status subscribe(const std::string& mailbox) override { return change(mailbox, "subscribe " + mailbox); }
  Status unsubscribe(const std::string& mailbox) override {
    return change(mailbox, "unsubscribe " + mailbox);
  }
  Status reconstruct(const std::string& mailbox, bool recursive, const ReportLine& report) override {
    (void)report;
    return change(mailbox, "reconstruct " + mailbox + (recursive ? " -r" : ""));
  }
  Status fix_quota(const std::string& root, const ReportLine& report) override {
    (void)report;
    return change(root, "fixquota " + root);
  }
  Status transfer(const std::string& mailbox, const std::string& server,
                  const std::optional<std::string>& partition) override {
    return change(mailbox, "xfer " + mailbox + " " + server + " " + partition.value_or("-"));
  }
  Result<std::vector<cyradm::IdField>> identify() override {
    return std::vector<cyradm::IdField>{{"name", "Cyrus IMAPD"}, {"environment", "a; b"}};
  }
  std::vector<std::string> partitions() override { return {"default", "fast"}; }

 private:
  // `*` and `%` at the end only.
  static bool matches(const std::string& pattern, const std::string& name) {
    const char last = pattern.empty() ? '\0' : pattern.back();
    if (last != '*' && last != '%') {
      return pattern == name;
    }
    const std::string prefix = pattern.substr(0, pattern.size() - 1);
    return name.starts_with(prefix) && (last == '*' || name.find('/', prefix.size()) == std::string::npos);
  }
  Status change(const std::string& mailbox, const std::string& what) {
    if (!refuse.empty() && mailbox == refuse) {
      return make_error(Errc::permission, "Permission denied");
    }
    done.push_back(what);
    return success();
  }
};

}  // namespace cyr::test
