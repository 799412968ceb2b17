// Making a mailbox. What a crash leaves: before the list has the mailbox, a directory that nobody knows (by
// name: used again by the next create, by id: found by chk_cyrus) and a folder more in the quota.
#include "format/store/create_mailbox.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/sync_crc.h"
#include "format/store/folder_record.h"
#include "format/store/mailbox_head.h"
#include "format/store/metadata.h"
#include "format/store/modes.h"
#include "format/store/new_partition.h"
#include "format/store/quota_usage.h"
#include "format/store/status_cache.h"
#include "format/store/unique_id.h"

namespace cyr::store {

namespace {

constexpr unsigned index_version = 17;  // what 3.6 writes; later releases raise it themselves

// Things of a name that is taken or was: a tombstone's uidvalidity is never given again, a name that has only
// children becomes the mailbox with its id.
struct Predecessor {
  std::uint32_t uidvalidity = 0;
  std::string uniqueid;
  std::uint64_t createdmodseq = 0;
  std::optional<meta::MailboxEntry> entry;
};

Result<Predecessor> predecessor_of(Store& store, std::string_view name) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  Predecessor out;
  CYR_TRY(out.entry, list->find(name));
  if (out.entry && out.entry->type.deleted) {
    out.uidvalidity = out.entry->uidvalidity + 1;
  } else if (out.entry && out.entry->type.intermediate) {
    out.uniqueid = out.entry->uniqueid;
    out.createdmodseq = out.entry->createdmodseq;
  }
  return out;
}

// The directories of header, index and cache, and what is above the messages' own, which comes with the first
// message.
Status make_mailbox_directories(Io& io, const MailboxFiles& files) {
  for (const fs::path& path : {files.data, files.header, files.index, files.cache}) {
    CYR_CHECK(io.make_directories(path.parent_path(), directory_mode));
  }
  return success();
}

mailbox::IndexHeader new_index(const meta::MailboxEntry& entry, const conf::Config& config,
                               std::int64_t now) {
  mailbox::IndexHeader index;
  mailbox::set_index_version(index, index_version);
  index.uidvalidity = entry.uidvalidity;
  index.highestmodseq = entry.foldermodseq;
  index.createdmodseq = entry.createdmodseq;
  index.changes_epoch = static_cast<std::uint64_t>(now);
  index.options = static_cast<std::uint32_t>(config.integer(conf::Option::mailbox_default_options)) |
                  mailbox::option::pop3_new_uidl;
  index.sync_crc_annot = mailbox::SyncCrcAnnotStyle{}.initial;
  return index;
}

class Creation {
 public:
  Creation(Administration& admin, const CreateRequest& request) : admin_(admin), request_(request) {}

  Result<meta::MailboxEntry> run() {
    CYR_CHECK(describe());
    if (admin_.io().read_only()) {
      return entry_;
    }
    CYR_CHECK(number());
    CYR_CHECK(write_files());
    CYR_CHECK(put_entry(admin_, predecessor_.entry, entry_));
    CYR_CHECK(note_folder_modseq(admin_.store, owner_, entry_.uniqueid, entry_.foldermodseq));
    forget_status(admin_.store, entry_.name);
    if (admin_.config().is_on(conf::Option::auditlog)) {
      log(LogLevel::notice, "auditlog: create sessionid=<> mailbox=<{}> uniqueid=<{}> mboxid=<{}>",
          entry_.name, entry_.uniqueid, entry_.uniqueid);
    }
    return entry_;
  }

 private:
  // All but the numbers.
  Status describe() {
    CYR_TRY(predecessor_, predecessor_of(admin_.store, request_.name));
    CYR_TRY(const auto name, names::MailboxName::from_internal(request_.name, admin_.store.name_space()));
    owner_ = name.user();
    inbox_ = name.is_inbox();
    entry_.name = request_.name;
    entry_.type.kind = request_.kind;
    CYR_TRY(entry_.partition, partition_for(admin_, request_.name, request_.partition));
    CYR_TRY(const auto layout, layout_for(admin_, request_.name));
    entry_.type.legacy_dirs = layout == names::Layout::by_name;
    if (request_.acl) {
      entry_.acl = request_.acl;
    } else {
      CYR_TRY(entry_.acl, initial_acl(admin_, request_.name));
    }
    entry_.uniqueid = predecessor_.uniqueid.empty() ? make_uniqueid() : predecessor_.uniqueid;
    entry_.uidvalidity = predecessor_.uidvalidity;
    return success();
  }

  // A user's counters lie where his INBOX is: a new INBOX is announced first, as Cyrus does.
  Status announce() {
    if (!inbox_ || entry_.type.legacy_dirs || !predecessor_.uniqueid.empty()) {
      return success();
    }
    meta::MailboxEntry coming;
    coming.name = entry_.name;
    coming.type.intermediate = true;
    coming.uniqueid = entry_.uniqueid;
    CYR_TRY(meta::MailboxList * list, admin_.store.mailbox_list());
    return list->update(coming, admin_.now);
  }

  Status number() {
    CYR_CHECK(announce());
    if (entry_.uidvalidity == 0) {
      CYR_TRY(entry_.uidvalidity, next_uidvalidity(admin_.store, owner_, admin_.now));
    } else {
      CYR_CHECK(note_uidvalidity(admin_.store, owner_, entry_.uidvalidity));
    }
    CYR_TRY(entry_.foldermodseq,
            next_modseq(admin_.store, owner_, entry_.type.kind, 0, {.folder = true, .deleted = false}));
    entry_.createdmodseq = predecessor_.createdmodseq == 0 ? entry_.foldermodseq : predecessor_.createdmodseq;
    return success();
  }

  Status write_files() {
    CYR_TRY(const auto files, admin_.store.files(entry_));
    CYR_TRY(const auto lock, MailboxLock::take(admin_.io(), files, LockFor::replace, admin_.locks));
    CYR_CHECK(make_mailbox_directories(admin_.io(), files));
    mailbox::MailboxHeader header;
    header.type = meta::encode_type_letters_36(entry_.type);
    header.name = entry_.name;
    header.uniqueid = entry_.uniqueid;
    header.acl = entry_.acl;
    CYR_TRY(meta::Quotas * quotas, admin_.store.quotas());
    CYR_TRY(header.quotaroot, quotas->find_root(entry_.name));
    mailbox::IndexHeader index = new_index(entry_, admin_.config(), admin_.now);
    CYR_CHECK(write_mailbox_header(admin_.io(), files.header, header, index));
    CYR_TRY(const Buffer bytes, mailbox::encode_index_header(index));
    CYR_CHECK(replace_file(admin_.io(), files.index, bytes));
    return add_usage(admin_.store, header.quotaroot.value_or(""), entry_.name, usage_of(index));
  }

  Administration& admin_;
  const CreateRequest& request_;
  Predecessor predecessor_;
  names::UserId owner_;
  bool inbox_ = false;
  meta::MailboxEntry entry_;
};

// Those above `name`, from the top, that are neither there nor the user.
Result<std::vector<std::string>> missing_parents(Store& store, std::string_view name) {
  const names::Namespace& ns = store.name_space();
  CYR_TRY(auto at, names::MailboxName::from_internal(name, ns));
  std::vector<std::string> missing;
  while (!at.boxes.empty() && !at.is_deleted()) {
    at.boxes.pop_back();
    const bool magic_inbox = at.is_user() && at.boxes == std::vector<std::string>{"INBOX"};
    if (at.boxes.empty() || magic_inbox) {
      break;
    }
    const std::string parent = at.to_internal(ns);
    CYR_TRY(const auto entry, find_mailbox(store, parent));
    if (entry) {
      break;
    }
    missing.insert(missing.begin(), parent);
  }
  return missing;
}

}  // namespace

Result<std::string> initial_acl(Administration& admin, std::string_view name) {
  CYR_TRY(const auto parent, find_parent(admin.store, name));
  if (parent) {
    return parent->acl.value_or("");
  }
  const auto dialect = acl_dialect(admin.config());
  acl::Acl list;
  if (const names::UserId owner = admin.owner_of(name); !owner.empty()) {
    CYR_TRY(const std::string id, canonical_identifier(admin.config(), owner.text()));
    list.set(id, acl::Rights::all(dialect), dialect);
    return list.print();
  }
  const auto words = admin.config().words(conf::Option::defaultacl);
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const auto id = canonical_identifier(admin.config(), words[i]);
    if (id) {
      list.set(*id, acl::Rights::parse(words[i + 1], dialect), dialect);
    }
  }
  return list.print();
}

Status check_create(Administration& admin, std::string_view name, bool notwithstanding_rights) {
  if (!names::check_policy(name, admin.store.name_space())) {
    return refuse(Refusal::bad_name);
  }
  const bool owner = owns(admin.store, admin.actor.userid, name);
  const bool master =
      notwithstanding_rights || admin.actor.is_admin || (owner && owner_rights(admin.config()).has('a'));
  CYR_TRY(const auto there, find_mailbox(admin.store, name));
  if (there) {
    const bool visible = master || acl_rights(admin.store, admin.actor, *there).has('l');
    return refuse(visible ? Refusal::exists : Refusal::permission);
  }
  CYR_TRY(const auto parent, find_parent(admin.store, name));
  if (parent) {
    if (!master && !acl_rights(admin.store, admin.actor, *parent).has('k')) {
      return refuse(Refusal::permission);
    }
    CYR_TRY(meta::Quotas * quotas, admin.store.quotas());
    CYR_TRY(const auto root, quotas->find_root(name));
    return root ? check_room(admin.store, *root, {-1, -1, -1, 1}) : success();
  }
  CYR_TRY(const auto parsed, names::MailboxName::from_internal(name, admin.store.name_space()));
  const bool orphan = parsed.is_user() && !parsed.boxes.empty() && !parsed.is_deleted();
  return master && !orphan ? success() : Status(refuse(Refusal::permission));
}

Status create_parents(Administration& admin, std::string_view name, ParentsFrom order) {
  CYR_TRY(auto missing, missing_parents(admin.store, name));
  if (order == ParentsFrom::below) {
    std::reverse(missing.begin(), missing.end());
  }
  for (const std::string& parent : missing) {
    CreateRequest request;
    request.name = parent;
    CYR_TRY([[maybe_unused]] const auto made, Creation(admin, request).run());
  }
  return success();
}

Result<meta::MailboxEntry> create_mailbox(Administration& admin, const CreateRequest& request) {
  CYR_CHECK(need_keyed_list(admin.store));
  CYR_TRY(const auto users, lock_users(admin, {request.name}));
  if (request.partition && !admin.actor.is_admin) {
    return refuse(Refusal::permission);
  }
  CYR_CHECK(check_create(admin, request.name, request.notwithstanding_rights));
  CYR_CHECK(check_special_use(admin, request.name, request.special_use));
  CYR_TRY([[maybe_unused]] const auto partition, partition_for(admin, request.name, request.partition));
  if (!admin.io().read_only()) {
    CYR_CHECK(create_parents(admin, request.name, ParentsFrom::top));
  }
  CYR_TRY(auto entry, Creation(admin, request).run());
  if (request.special_use.empty() || admin.io().read_only()) {
    return entry;
  }
  CYR_CHECK(set_special_use(admin, entry, request.special_use));
  return need_mailbox(admin.store, request.name);
}

}  // namespace cyr::store
