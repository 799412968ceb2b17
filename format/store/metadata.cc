#include "format/store/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "format/base/text.h"
#include "format/mailbox/annotation_record.h"
#include "format/store/counters.h"
#include "format/store/mailbox_head.h"
#include "format/store/metadata_entries.h"
#include "format/store/new_partition.h"
#include "format/store/quota_usage.h"
#include "format/text/imap_date.h"

namespace cyr::store {

namespace {

constexpr std::string_view special_use_entry = "/specialuse";
constexpr std::size_t longest_value = std::size_t{1} << 20U;  // bytes

Result<db::Database*> annotations_of(Store& store) {
  auto database = store.annotations();
  if (!database && database.error().code == Errc::not_found) {
    return static_cast<db::Database*>(nullptr);
  }
  return database;
}

// The database, made when there is none.
Result<db::Database*> writable_annotations(Store& store) {
  CYR_TRY(db::Database * database, annotations_of(store));
  if (database != nullptr) {
    return database;
  }
  CYR_TRY(const auto made,
          store.open_database(store.paths().annotations_db(), conf::Option::annotation_db, true));
  return store.annotations();
}

// As it stands in keys: nobody for a shared value, the owner's token for the owner.
std::string key_user(const Store& store, std::string_view mailbox, bool shared, std::string_view userid) {
  if (shared) {
    return "";
  }
  return !mailbox.empty() && owns(store, userid, mailbox) ? std::string(mailbox::kOwnerToken)
                                                          : std::string(userid);
}

Result<std::optional<std::string>> read_value(db::Database* database, const mailbox::AnnotationKey& key) {
  std::optional<std::string> value;
  if (database == nullptr) {
    return value;
  }
  CYR_TRY(const Buffer encoded, mailbox::encode_annotation_key(key));
  CYR_TRY(const auto stored, database->get(as_text(encoded)));
  if (stored) {
    CYR_TRY(auto decoded, mailbox::decode_annotation_value(as_bytes(*stored)));
    if (!decoded.deleted()) {
      value = std::move(decoded.value);
    }
  }
  return value;
}

Status write_value(Store& store, const mailbox::AnnotationKey& key, const std::optional<std::string>& value) {
  CYR_TRY(db::Database * database, writable_annotations(store));
  const auto encoded_key = mailbox::encode_annotation_key(key);
  if (!encoded_key) {
    return refuse(Refusal::annotation_entry);
  }
  if (!value) {
    return database->erase(as_text(*encoded_key));
  }
  mailbox::AnnotationValue record;
  record.value = *value;
  CYR_TRY(const Buffer encoded, mailbox::encode_annotation_value(record));
  return database->put(as_text(*encoded_key), as_text(encoded));
}

// Ends a change of the mailbox's metadata: the modseq is the list's, too.
Status finish(Administration& admin, MailboxHead& head) {
  CYR_CHECK(head.commit());
  meta::MailboxEntry after = head.entry();
  after.foldermodseq = head.index.highestmodseq;
  after.history.clear();
  return put_entry(admin, head.entry(), after);
}

std::uint64_t size_of(const std::optional<std::string>& value) { return value ? value->size() : 0; }

// A record of annotations.db for a mailbox, with all that counts it.
Status store_annotation(Administration& admin, const meta::MailboxEntry& entry, const std::string& name,
                        const std::string& userid, const std::optional<std::string>& value) {
  const mailbox::AnnotationKey key{entry.uniqueid, name, userid};
  CYR_TRY(db::Database * database, annotations_of(admin.store));
  CYR_TRY(const auto before, read_value(database, key));
  if (before == value || admin.io().read_only()) {
    return success();
  }
  CYR_TRY(auto head, MailboxHead::open(admin, entry));
  const auto change = static_cast<std::int64_t>(size_of(value)) - static_cast<std::int64_t>(size_of(before));
  const std::string root = head.header.quotaroot.value_or("");
  if (!root.empty() && change > 0) {
    CYR_CHECK(check_room(admin.store, root, {-1, -1, change, -1}));
  }
  CYR_CHECK(write_value(admin.store, key, value));
  CYR_CHECK(head.touch({.folder = true, .deleted = false}));
  const auto used = static_cast<std::int64_t>(head.index.quota_annot_used) + change;
  head.index.quota_annot_used = static_cast<std::uint64_t>(std::max<std::int64_t>(used, 0));
  CYR_CHECK(add_usage(admin.store, root, entry.name, {0, 0, change, 0}));
  return finish(admin, head);
}

Status store_option(Administration& admin, const meta::MailboxEntry& entry, const MetadataRow& row,
                    const std::optional<std::string>& value) {
  CYR_TRY(auto head, MailboxHead::open(admin, entry));
  const bool on = value == "true";
  if (((head.index.options & row.option) != 0) == on || admin.io().read_only()) {
    return success();
  }
  head.index.options ^= row.option;
  CYR_CHECK(head.touch({.folder = true, .deleted = false}));
  return finish(admin, head);
}

Status store_date(Administration& admin, const meta::MailboxEntry& entry,
                  const std::optional<std::string>& value) {
  std::int64_t when = 0;
  if (value) {
    const auto parsed = text::parse_imap_date_time(*value);
    if (!parsed || *parsed < 0) {
      return refuse(Refusal::bad_parameters);
    }
    when = *parsed;
  }
  CYR_TRY(auto head, MailboxHead::open(admin, entry));
  if (head.index.pop3_show_after == static_cast<std::uint64_t>(when) || admin.io().read_only()) {
    return success();
  }
  head.index.pop3_show_after = static_cast<std::uint64_t>(when);
  CYR_CHECK(head.touch({.folder = true, .deleted = false}));
  return finish(admin, head);
}

// "/motd" is conf/msg/motd, ".../shutdown" conf/msg/shutdown: one line.
fs::path message_file(const Store& store, std::string_view entry) {
  const std::size_t slash = entry.rfind('/');
  return store.paths().config_directory() / "msg" / std::string(entry.substr(slash + 1));
}

Status store_file(Administration& admin, const MetadataRow& row, const std::optional<std::string>& value) {
  const fs::path path = message_file(admin.store, row.entry);
  if (admin.io().read_only()) {
    return success();
  }
  if (!value) {
    const Status removed = admin.io().unlink(path);
    return removed || removed.error().code == Errc::not_found ? success() : removed;
  }
  CYR_CHECK(admin.io().make_directories(path.parent_path(), 0755));
  return replace_file(admin.io(), path, as_bytes(*value + "\n"), 0644);
}

// Whether anybody may set the row at all, in this way, to this value.
Status check_item(const std::optional<MetadataRow>& row, const MetadataItem& item) {
  if (!row || row->place == MetadataPlace::computed || (item.shared ? !row->shared : !row->priv)) {
    return refuse(Refusal::permission);
  }
  if (size_of(item.value) > longest_value) {
    return refuse(Refusal::annotation_value);
  }
  return item.value ? check_metadata_value(*row, *item.value) : success();
}

Status check_rights(const Administration& admin, const meta::MailboxEntry& entry, bool shared) {
  if (admin.actor.is_admin) {
    return success();
  }
  const auto mine = rights_of(admin.store, admin.actor, entry);
  if (!mine.has('l')) {
    return refuse(Refusal::nonexistent);
  }
  const bool may = !shared || mine.has('w');  // one's own remarks need no more than the lookup
  return may ? success() : Status(refuse(Refusal::permission));
}

// What annotations.db has of one mailbox or of the server, for the eyes of one user.
Result<std::vector<MetadataItem>> stored_items(Administration& admin, const std::string& where,
                                               const std::string& userid) {
  std::vector<MetadataItem> out;
  CYR_TRY(db::Database * database, annotations_of(admin.store));
  if (database == nullptr) {
    return out;
  }
  CYR_CHECK(database->for_each(
      where + '\0', [&](std::string_view key, std::string_view stored) -> Result<db::Visit> {
        auto name = mailbox::decode_annotation_key(as_bytes(key));
        auto value = mailbox::decode_annotation_value(as_bytes(stored));
        const bool mine = name && (name->userid.empty() || name->userid == userid);
        if (mine && value && !value->deleted()) {
          out.push_back({std::move(name->entry), name->userid.empty(), std::move(value->value)});
        }
        return db::Visit::go_on;
      }));
  return out;
}

// Adds what the table has and the database does not.
void add_rows(std::vector<MetadataItem>& items, std::span<const MetadataRow> rows,
              const std::function<std::optional<std::string>(const MetadataRow&)>& value_of) {
  std::set<std::pair<std::string, bool>> there;
  for (const MetadataItem& item : items) {
    there.emplace(item.entry, item.shared);
  }
  for (const MetadataRow& row : rows) {
    for (const bool shared : {false, true}) {
      const bool shown = row.place == MetadataPlace::database || (shared ? row.shared : row.priv);
      if (shown && !there.contains({std::string(row.entry), shared})) {
        items.push_back({std::string(row.entry), shared, value_of(row)});
      }
    }
  }
}

std::optional<std::string> date_or_nothing(std::uint64_t seconds) {
  return seconds == 0 ? std::nullopt
                      : std::optional(text::print_imap_date_time(static_cast<std::int64_t>(seconds)));
}

std::string as_word(bool on) { return on ? "true" : "false"; }

// What an entry that is not in the database says.
std::optional<std::string> head_value(const MailboxHead& head, const FileInfo& index_file,
                                      const MetadataRow& row) {
  const mailbox::IndexHeader& index = head.index;
  if (row.place == MetadataPlace::option) {
    return as_word((index.options & row.option) != 0);
  }
  if (row.place == MetadataPlace::date) {
    return date_or_nothing(index.pop3_show_after);
  }
  if (row.place != MetadataPlace::computed) {
    return {};
  }
  const std::string_view name = row.entry.substr(mailbox::kVendorPrefix.size());
  if (name == "uniqueid") {
    return head.entry().uniqueid;
  }
  if (name == "synccrcs") {
    return fmt::format("{} {}", index.sync_crc_basic, index.sync_crc_annot);
  }
  if (name == "size") {
    return std::to_string(index.quota_mailbox_used);
  }
  if (name == "annotsize") {
    return std::to_string(index.quota_annot_used);
  }
  if (name == "partition") {
    return head.entry().partition;
  }
  if (name == "lastupdate") {
    return text::print_imap_date_time(index_file.mtime);
  }
  if (name == "foldermodseq") {
    return std::to_string(head.entry().foldermodseq);
  }
  if (name == "hasalarms") {
    return as_word((index.options & mailbox::option::imap_has_alarms) != 0);
  }
  return name == "lastpop" ? date_or_nothing(index.pop3_last_login) : std::nullopt;
}

// All of a user's counters, as 3.6 lists them.
Result<std::string> counters_text(Administration& admin) {
  const auto user = names::UserId::parse(admin.actor.userid, admin.store.name_space());
  CYR_TRY(const meta::Counters all, read_counters(admin.store, user));
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {}", all.version, all.highestmodseq, all.mailmodseq,
                     all.caldavmodseq, all.carddavmodseq, all.notesmodseq, all.mailfoldersmodseq,
                     all.caldavfoldersmodseq, all.carddavfoldersmodseq, all.notesfoldersmodseq,
                     all.quotamodseq, all.raclmodseq, all.uidvalidity);
}

Result<std::string> modseq_text(Administration& admin) {
  const auto user = names::UserId::parse(admin.actor.userid, admin.store.name_space());
  CYR_TRY(const meta::Counters all, read_counters(admin.store, user));
  return std::to_string(all.highestmodseq);
}

Result<std::optional<std::string>> computed_server_value(Administration& admin, std::string_view name) {
  std::optional<std::string> out;
  if (name == "usercounters") {
    CYR_TRY(out, counters_text(admin));
  } else if (name == "usermodseq") {
    CYR_TRY(out, modseq_text(admin));
  } else {
    const DiskSpace space = disk_space(admin);
    out = name == "freespace"         ? std::to_string(space.all_free)
          : name == "freespace/total" ? fmt::format("{};{}", space.all_free, space.all_size)
                                      : fmt::format("{};{}", space.most_free, space.most_size);
  }
  return out;
}

Result<std::optional<std::string>> server_value(Administration& admin, const MetadataRow& row) {
  if (row.place == MetadataPlace::computed) {
    return computed_server_value(admin, row.entry.substr(mailbox::kVendorPrefix.size()));
  }
  std::optional<std::string> out;
  if (row.place == MetadataPlace::file) {
    if (const auto bytes = admin.io().read_file(message_file(admin.store, row.entry))) {
      out = std::string(split(bytes->text(), '\n').front());
    }
  }
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) {
      out.emplace_back(word);
    }
  }
  return out;
}

bool share_a_word(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&b](const std::string& word) {
    return std::any_of(b.begin(), b.end(),
                       [&](const std::string& other) { return equal_ignoring_case(word, other); });
  });
}

// RFC 6154 and 8457, and what Cyrus added.
constexpr std::array<std::string_view, 8> known_uses = {"\\Archive",   "\\Drafts", "\\Important", "\\Junk",
                                                        "\\Scheduled", "\\Sent",   "\\Snoozed",   "\\Trash"};

bool is_known_use(const conf::Config& config, const std::string& use) {
  const auto extra = config.words(conf::Option::specialuse_extra);
  return std::any_of(known_uses.begin(), known_uses.end(),
                     [&use](std::string_view known) { return equal_ignoring_case(known, use); }) ||
         share_a_word({use}, extra);
}

}  // namespace

namespace {

std::optional<MetadataRow> row_of(const Administration& admin, bool of_server, const MetadataItem& item) {
  const bool undefined = admin.config().is_on(conf::Option::annotation_allow_undefined);
  return metadata_row(of_server ? server_metadata_rows() : mailbox_metadata_rows(), item.entry, undefined);
}

// What stands against setting the entry of that mailbox, which is there.
Status check_mailbox_item(Administration& admin, const meta::MailboxEntry& entry, const MetadataItem& item) {
  CYR_CHECK(check_rights(admin, entry, item.shared));
  const auto row = row_of(admin, false, item);
  CYR_CHECK(check_item(row, item));
  return row->type == MetadataType::special_use && item.value
             ? check_special_use(admin, entry.name, words_of(*item.value))
             : success();
}

Status check_server_item(const Administration& admin, const MetadataItem& item) {
  if (item.shared && !admin.actor.is_admin) {
    return refuse(Refusal::permission);
  }
  return check_item(row_of(admin, true, item), item);
}

}  // namespace

Status check_metadata(Administration& admin, const std::string& mailbox, const MetadataItem& item) {
  if (mailbox.empty()) {
    return check_server_item(admin, item);
  }
  CYR_TRY(const auto entry, need_mailbox(admin.store, mailbox));
  return check_mailbox_item(admin, entry, item);
}

Status set_metadata(Administration& admin, const std::string& mailbox, const MetadataItem& item) {
  CYR_CHECK(need_keyed_list(admin.store));
  CYR_TRY(const auto users, lock_users(admin, {mailbox}));
  CYR_TRY(const auto entry, need_mailbox(admin.store, mailbox));
  CYR_CHECK(check_mailbox_item(admin, entry, item));
  const auto row = row_of(admin, false, item);
  if (row->place == MetadataPlace::option) {
    return store_option(admin, entry, *row, item.value);
  }
  if (row->place == MetadataPlace::date) {
    return store_date(admin, entry, item.value);
  }
  return store_annotation(admin, entry, item.entry,
                          key_user(admin.store, mailbox, item.shared, admin.actor.userid), item.value);
}

Status set_server_metadata(Administration& admin, const MetadataItem& item) {
  CYR_CHECK(need_keyed_list(admin.store));
  CYR_CHECK(check_server_item(admin, item));
  const auto row = row_of(admin, true, item);
  if (row->place == MetadataPlace::file) {
    return store_file(admin, *row, item.value);
  }
  if (admin.io().read_only()) {
    return success();
  }
  return write_value(
      admin.store, {"", item.entry, key_user(admin.store, "", item.shared, admin.actor.userid)}, item.value);
}

Result<std::vector<MetadataItem>> get_metadata(Administration& admin, const std::string& mailbox) {
  CYR_CHECK(need_keyed_list(admin.store));
  CYR_TRY(const auto entry, need_mailbox(admin.store, mailbox));
  if (!rights_of(admin.store, admin.actor, entry).has('l')) {
    return refuse(Refusal::nonexistent);
  }
  CYR_TRY(const auto head, MailboxHead::open(admin, entry, LockFor::examine));
  CYR_TRY(const FileInfo index, admin.io().stat(head.files().index));
  CYR_TRY(auto items,
          stored_items(admin, entry.uniqueid, key_user(admin.store, mailbox, false, admin.actor.userid)));
  add_rows(items, mailbox_metadata_rows(),
           [&](const MetadataRow& row) { return head_value(head, index, row); });
  return items;
}

Result<std::vector<MetadataItem>> get_server_metadata(Administration& admin) {
  CYR_CHECK(need_keyed_list(admin.store));
  CYR_TRY(auto items, stored_items(admin, "", admin.actor.userid));
  Status status = success();
  add_rows(items, server_metadata_rows(), [&](const MetadataRow& row) {
    auto value = server_value(admin, row);
    if (!value) {
      status = value.error();
    }
    return value.value_or(std::nullopt);
  });
  CYR_CHECK(status);
  return items;
}

Result<std::vector<std::string>> special_uses(Store& store, const meta::MailboxEntry& entry) {
  return SpecialUses(store).of(entry);
}

Result<std::vector<std::string>> SpecialUses::of(const meta::MailboxEntry& entry) {
  const auto name = names::MailboxName::from_internal(entry.name, store_.name_space());
  if (!name || !name->is_user() || name->is_deleted()) {
    return std::vector<std::string>();
  }
  if (!database_) {
    database_ = annotations_of(store_);
  }
  CYR_TRY(db::Database* const database, *database_);
  CYR_TRY(const auto value, read_value(database, {entry.uniqueid, std::string(special_use_entry),
                                                  std::string(mailbox::kOwnerToken)}));
  return words_of(value.value_or(""));
}

Status check_special_use(Administration& admin, std::string_view mailbox,
                         const std::vector<std::string>& uses) {
  for (const std::string& use : uses) {
    if (!is_known_use(admin.config(), use)) {
      return refuse(Refusal::annotation_entry);
    }
  }
  const names::UserId owner = admin.owner_of(mailbox);
  if (uses.empty() || owner.empty()) {
    return success();
  }
  const std::string inbox = names::MailboxName::inbox_of(owner).to_internal(admin.store.name_space());
  CYR_TRY(auto others, mailboxes_below(admin.store, inbox));
  CYR_TRY(const auto first, find_mailbox(admin.store, inbox));
  if (first) {
    others.push_back(*first);
  }
  for (const auto& other : others) {
    CYR_TRY(const auto taken, special_uses(admin.store, other));
    if (other.name != mailbox && share_a_word(taken, uses)) {
      return refuse(Refusal::special_use);
    }
  }
  return success();
}

Status set_special_use(Administration& admin, const meta::MailboxEntry& entry,
                       const std::vector<std::string>& uses) {
  const std::string userid = admin.owner_of(entry.name).empty() ? "" : std::string(mailbox::kOwnerToken);
  const auto value = uses.empty() ? std::nullopt : std::optional(join(uses, " "));
  return store_annotation(admin, entry, std::string(special_use_entry), userid, value);
}

Status check_protected(Administration& admin, const meta::MailboxEntry& entry) {
  CYR_TRY(const auto uses, special_uses(admin.store, entry));
  const bool is_protected = share_a_word(uses, admin.config().words(conf::Option::specialuse_protect));
  return is_protected ? Status(refuse(Refusal::special_use)) : success();
}

Status check_protected_rename(Administration& admin, const meta::MailboxEntry& entry,
                              const names::MailboxName& to) {
  const bool stays = to.is_user() && !to.is_deleted() && to.boxes.size() == 1;
  return stays ? success() : check_protected(admin, entry);
}

Result<std::size_t> count_mailbox_annotations(Store& store, const meta::MailboxEntry& entry) {
  std::size_t count = 0;
  CYR_TRY(db::Database * database, annotations_of(store));
  if (database != nullptr && !entry.uniqueid.empty()) {
    CYR_CHECK(database->for_each(entry.uniqueid + '\0',
                                 [&count](std::string_view, std::string_view) -> Result<db::Visit> {
                                   ++count;
                                   return db::Visit::go_on;
                                 }));
  }
  return count;
}

}  // namespace cyr::store
