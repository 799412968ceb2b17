#include "format/store/rename_mailbox.h"

#include <algorithm>

#include "format/store/annotations.h"
#include "format/store/create_mailbox.h"
#include "format/store/mailbox_acl.h"
#include "format/store/metadata.h"
#include "format/store/quota_limits.h"
#include "format/store/user_data.h"

namespace cyr::store {

namespace {

class Renaming {
 public:
  Renaming(Administration& admin, const RenameRequest& request) : admin_(admin), request_(request) {}

  Status run() {
    CYR_CHECK(need_keyed_list(admin_.store));
    CYR_TRY(const auto users, lock_users(admin_, {request_.from, request_.to}));
    CYR_CHECK(parse());
    CYR_CHECK(check());
    CYR_TRY(const auto children, children_to_move());
    CYR_CHECK(check_children(children));
    CYR_CHECK(report(entry_, request_.to, one(entry_, request_.to)));
    for (const auto& child : children) {
      const std::string to = request_.to + child.name.substr(request_.from.size());
      CYR_CHECK(report(child, to, one(child, to)));
    }
    if (!moves_partition() && !admin_.io().read_only()) {
      CYR_CHECK(create_parents(admin_, request_.to, ParentsFrom::below));
    }
    return finish_user();
  }

 private:
  [[nodiscard]] bool moves_partition() const { return request_.from == request_.to; }

  Status parse() {
    const names::Namespace& ns = admin_.store.name_space();
    auto from = names::MailboxName::from_internal(request_.from, ns);
    auto to = names::MailboxName::from_internal(request_.to, ns);
    if (!from || !to) {
      return refuse(Refusal::bad_name);
    }
    from_ = std::move(*from);
    to_ = std::move(*to);
    return success();
  }

  Status check() {
    auto entry = need_mailbox(admin_.store, request_.from);
    if (!entry) {
      return entry.error();
    }
    entry_ = std::move(*entry);
    const auto mine = acl_rights(admin_.store, admin_.actor, entry_);
    if (!admin_.actor.is_admin && !mine.has('x')) {
      return refuse(rights_of(admin_.store, admin_.actor, entry_).has('l') ? Refusal::permission
                                                                           : Refusal::nonexistent);
    }
    return moves_partition() ? check_partition_move() : check_rename();
  }

  Status check_partition_move() {
    if (!admin_.actor.is_admin) {
      return refuse(Refusal::permission);
    }
    if (!request_.partition) {
      return refuse(Refusal::exists);
    }
    if (!admin_.store.partitions().contains(*request_.partition)) {
      return refuse(Refusal::unknown_partition);
    }
    return *request_.partition == entry_.partition ? Status(refuse(Refusal::exists)) : success();
  }

  Status check_rename() {
    if (request_.partition) {
      return refuse(admin_.actor.is_admin ? Refusal::rename_and_move : Refusal::permission);
    }
    if (!admin_.actor.is_admin) {
      CYR_CHECK(check_protected_rename(admin_, entry_, to_));
    }
    if (from_.is_inbox()) {
      const bool user_move = to_.is_inbox() && !to_.is_deleted();
      if (!user_move || !admin_.config().is_on(conf::Option::allowusermoves)) {
        return refuse(Refusal::not_supported);
      }
      if (!admin_.actor.is_admin) {
        return refuse(Refusal::permission);
      }
    }
    return check_create(admin_, request_.to);
  }

  // Below a name that lies itself above or below the other one nothing else moves, as Cyrus has it.
  Result<std::vector<meta::MailboxEntry>> children_to_move() {
    const auto below = [](const std::string& a, const std::string& b) { return a.starts_with(b + "."); };
    if (below(request_.from, request_.to) || below(request_.to, request_.from)) {
      return std::vector<meta::MailboxEntry>();
    }
    return mailboxes_below(admin_.store, request_.from);
  }

  // All can be seen before anything is done.
  Status check_children(const std::vector<meta::MailboxEntry>& children) {
    for (const auto& child : children) {
      const std::string to = request_.to + child.name.substr(request_.from.size());
      if (moves_partition()) {
        continue;
      }
      if (!admin_.actor.is_admin && !acl_rights(admin_.store, admin_.actor, child).has('x')) {
        return refuse(Refusal::permission);
      }
      if (!names::check_policy(to, admin_.store.name_space())) {
        return refuse(Refusal::bad_name);
      }
      CYR_TRY(const auto there, find_mailbox(admin_.store, to));
      if (there) {
        return refuse(Refusal::exists);
      }
    }
    return success();
  }

  Status one(const meta::MailboxEntry& entry, const std::string& to) {
    if (moves_partition() && entry.partition == *request_.partition) {
      return refuse(Refusal::exists);
    }
    CYR_CHECK(move_mailbox(admin_, entry, to, request_.partition.value_or(entry.partition)));
    if (!renames_user() || admin_.io().read_only()) {
      return success();
    }
    CYR_CHECK(copy_quota_root(entry.name, to));
    CYR_TRY(const auto moved, need_mailbox(admin_.store, to));
    CYR_TRY(const auto old_id, canonical_identifier(admin_.config(), from_.user().text()));
    CYR_TRY(const auto new_id, canonical_identifier(admin_.config(), to_.user().text()));
    return rename_identifier(admin_, moved, old_id, new_id);
  }

  [[nodiscard]] bool renames_user() const { return from_.is_inbox() && !moves_partition(); }

  // A root that a mailbox of the user has for itself becomes one of the new name, with its limits.
  Status copy_quota_root(const std::string& from, const std::string& to) {
    CYR_TRY(meta::Quotas * quotas, admin_.store.quotas());
    CYR_TRY(const auto root, quotas->get(from));
    if (!root) {
      return success();
    }
    std::vector<QuotaLimit> limits;
    for (std::size_t i = 0; i < meta::resource_count; ++i) {
      limits.push_back({static_cast<meta::Resource>(i), root->limit[i].value_or(-1)});
    }
    return set_quota(admin_, to, limits, true);
  }

  Status finish_user() {
    if (!renames_user() || admin_.io().read_only()) {
      return success();
    }
    CYR_TRY(const auto moved, need_mailbox(admin_.store, request_.to));
    CYR_CHECK(rename_user_data(admin_, entry_, moved));
    return erase_quota_roots(admin_, from_.user());
  }

  Status report(const meta::MailboxEntry& entry, const std::string& to, Status result) {
    if (request_.each) {
      request_.each(entry.name, to, result);
    }
    return result;
  }

  Administration& admin_;
  const RenameRequest& request_;
  names::MailboxName from_, to_;
  meta::MailboxEntry entry_;
};

}  // namespace

Status rename_mailbox(Administration& admin, const RenameRequest& request) {
  return Renaming(admin, request).run();
}

}  // namespace cyr::store
