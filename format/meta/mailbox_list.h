// mailboxes.db as a typed list over db::Database (store.md 3). In every release the list is the first truth
// about which mailboxes exist; a record that cannot be read is reported for itself and never hides the
// others.
//
// Invariants kept by the writers here (store.md 3.9): in generation K each name record has its I record,
// written in the same transaction with the same mtime; the I record keeps the history; reverse-ACL and
// reverse-id records, where the list has them, are exactly those of the entries.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/conf/release.h"
#include "format/db/database.h"
#include "format/meta/mailbox_entry.h"
#include "format/meta/reverse_records.h"
#include "format/names/namespace.h"

namespace cyr::meta {

// One item of a walk: a name record, or what could not be read of one.
struct ListItem {
  std::string_view name;   // internal form
  std::string_view key;    // as in the database
  std::string_view value;  // likewise
  const Result<MailboxEntry>& entry;
};
using ListVisitor = std::function<Result<db::Visit>(const ListItem& item)>;

// A name record of which nothing but the type was decoded; decode_entry(name, value) gives the rest.
struct TypedItem {
  std::string_view name;  // internal form
  std::string_view value;
  MailboxType type;
};
using TypeVisitor = std::function<Result<db::Visit>(const TypedItem& item)>;

struct MailboxListOptions {
  // What to write into an empty list; one with records keeps the format found in it.
  ListFormat format_if_empty = ListFormat::keyed_36;
  // imapd.conf's `admins`, who get no reverse-ACL records, and the rules by which a name tells its owner.
  std::vector<std::string> admins;
  names::Namespace name_space;
};

// What the content says (store.md 3.1; values are tested as well as first letters, so that a shared mailbox
// `News` does not mislead). Nothing for a list without a deciding record.
Result<std::optional<ListFormat>> detect_list_format(db::Database& database);
// The same from one record; nothing when it says nothing.
[[nodiscard]] std::optional<ListFormat> format_of_record(std::string_view key, std::string_view value);
// What a release writes.
[[nodiscard]] ListFormat list_format_of(conf::Release release);

// One record of the database, as octets, that a change of `mailbox` touches.
struct RecordChange {
  std::string mailbox;
  std::string key;
  std::optional<std::string> before, after;  // nothing: no record
};
using ChangeNoter = std::function<Status(RecordChange change)>;

class MailboxList {
 public:
  static Result<MailboxList> open(std::unique_ptr<db::Database> database, MailboxListOptions options = {});
  MailboxList(MailboxList&&) noexcept = default;
  MailboxList& operator=(MailboxList&&) noexcept = default;

  [[nodiscard]] ListFormat format() const { return format_; }
  [[nodiscard]] db::Database& database() { return *database_; }

  // Which derived records the list has, and for whom.
  Result<ReverseRules> reverse_rules();

  // The entry of `name` (internal form), tombstones and intermediates included: look at its type.
  Result<std::optional<MailboxEntry>> find(std::string_view name);
  // The entry that a unique id belongs to now; in generation K with the name history. Generations T to D are
  // walked.
  Result<std::optional<MailboxEntry>> find_by_uniqueid(std::string_view uniqueid);

  // Every name record whose internal name starts with `prefix` (a domain in it must be complete), in the
  // database's order, all kinds, unreadable ones too.
  Status for_each(std::string_view prefix, const ListVisitor& visit);
  // The same for those who need few of the entries (LIST); a record whose type cannot be read is left out.
  Status for_each_type(std::string_view prefix, const TypeVisitor& visit);
  // `name` itself and everything below it; "" is everything, "dom!" everything of a domain.
  Status for_each_under(std::string_view name, const ListVisitor& visit);
  // K: every I record, in order. `item.name` is the unique id.
  Status for_each_uniqueid(const ListVisitor& visit);

  // Inserts or replaces the entry of entry.name, mtime set to `now` (seconds since 1970). In generation K an
  // empty entry.uniqueid is Errc::invalid; the I record is written too and keeps the history that it has,
  // unless entry.history gives one. Use rename() when the id had another active name.
  Status update(MailboxEntry entry, std::int64_t now);
  // Several, in one transaction: all or none.
  Status update(std::vector<MailboxEntry> entries, std::int64_t now);
  // Removes `gone` and inserts or replaces `entries`, in one transaction. Before it is committed `note` gets
  // every record that will change, by id and reverse ones too, once; an error of it changes nothing.
  Status replace(const std::vector<std::string>& gone, const std::vector<MailboxEntry>& entries,
                 std::int64_t now, const ChangeNoter& note);
  // Gives `from` (Errc::not_found when absent) the name and fields of `to`; from 2.5 on the old name stays as
  // a tombstone, in generation K it enters the history.
  Status rename(std::string_view from, MailboxEntry to, std::int64_t now);
  // Makes the entry a tombstone, as Cyrus does on deletion; generations T and X remove the record.
  Status entomb(std::string_view name, std::int64_t now);
  // Removes the name record, its reverse records and, if it names this name, the I record.
  Status erase(std::string_view name);

 private:
  MailboxList(std::unique_ptr<db::Database> database, ListFormat format, MailboxListOptions options)
      : database_(std::move(database)), format_(format), options_(std::move(options)) {}

  using NameVisitor =
      std::function<Result<db::Visit>(std::string_view name, std::string_view key, std::string_view value)>;
  Status for_each_name(std::string_view prefix, const NameVisitor& visit);

  std::unique_ptr<db::Database> database_;
  ListFormat format_;
  MailboxListOptions options_;
};

}  // namespace cyr::meta
