// The list over a database. Writers go through Editor, which holds one transaction and keeps derived records
// in step.
#include "format/meta/mailbox_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "format/base/text.h"
#include "format/meta/reverse_records.h"
#include "format/text/dlist.h"

namespace cyr::meta {
namespace {

// How many records may be looked at before the writer's release is settled; the deciding ones are nearly
// always first.
constexpr int detection_limit = 2000;

// FormerName of an entry that is being left: its tombstone, which has no partition.
FormerName former_name_of(const MailboxEntry& tombstone) {
  return {tombstone.name,         tombstone.mtime, tombstone.uidvalidity, tombstone.createdmodseq,
          tombstone.foldermodseq, tombstone.type,  tombstone.partition};
}

MailboxEntry tombstone_of(MailboxEntry entry, std::int64_t now) {
  entry.type.deleted = true;
  entry.type.moving = entry.type.remote = entry.type.reserved = entry.type.intermediate = false;
  entry.partition.clear();
  entry.server.clear();
  entry.acl.reset();
  entry.mtime = now;
  return entry;
}

// `records` is the database or a transaction on it.
template <class Records>
Result<ReverseRules> rules_of(Records& records, ListFormat format, const MailboxListOptions& options) {
  ReverseRules rules{ReverseAclForm::none, false, options.admins, options.name_space};
  if (is_keyed(format)) {
    CYR_TRY(const auto mark, records.get(reverse_acl_mark_keyed));
    rules.acl = mark ? ReverseAclForm::keyed : ReverseAclForm::none;
    return rules;
  }
  CYR_TRY(const auto mark, records.get(reverse_acl_mark));
  if (mark) {
    rules.acl = *mark == "3" ? ReverseAclForm::dollar : ReverseAclForm::lookup_only;
  }
  CYR_TRY(const auto ids, records.get(reverse_id_mark));
  rules.ids = ids.has_value();
  return rules;
}

// One transaction on the list.
class Editor {
 public:
  static Result<Editor> begin(db::Database& database, ListFormat format, const MailboxListOptions& options) {
    CYR_TRY(auto transaction, database.begin());
    CYR_TRY(auto rules, rules_of(*transaction, format, options));
    return Editor(std::move(transaction), format, std::move(rules));
  }
  Status commit() { return transaction_->commit(); }

  Result<std::optional<MailboxEntry>> find(std::string_view name) {
    CYR_TRY(const auto value, transaction_->get(name_key(name, format_)));
    if (!value) {
      return std::optional<MailboxEntry>();
    }
    CYR_TRY(auto entry, decode_entry(name, *value));
    return std::optional<MailboxEntry>(std::move(entry));
  }
  // An unreadable I record counts as none: it is about to be replaced by what the N record says.
  Result<std::optional<MailboxEntry>> find_by_uniqueid(std::string_view uniqueid) {
    CYR_TRY(const auto value, transaction_->get(uniqueid_key(uniqueid)));
    if (value) {
      if (auto entry = decode_uniqueid_record(uniqueid, *value)) {
        return std::optional<MailboxEntry>(std::move(*entry));
      }
    }
    return std::optional<MailboxEntry>();
  }

  // The name record and its reverse records.
  Status put_name(const MailboxEntry& entry) {
    CYR_CHECK(replace_reverse(entry.name, reverse_keys(entry, rules_)));
    return put(name_key(entry.name, format_), encode_entry(entry, format_));
  }
  Status put_uniqueid(const MailboxEntry& entry) {
    return put(uniqueid_key(entry.uniqueid), encode_uniqueid_record(entry, format_));
  }
  Status erase_name(std::string_view name) {
    CYR_CHECK(replace_reverse(name, {}));
    return erase(name_key(name, format_));
  }
  Status erase_uniqueid(std::string_view uniqueid) { return erase(uniqueid_key(uniqueid)); }

  // From here on every record that changes is kept in changes(), as one of `mailbox`.
  void log_as(std::string mailbox) {
    logging_ = true;
    mailbox_ = std::move(mailbox);
  }
  [[nodiscard]] std::vector<RecordChange> changes() && { return std::move(changes_); }

  [[nodiscard]] ListFormat format() const { return format_; }

 private:
  Editor(std::unique_ptr<db::Transaction> transaction, ListFormat format, ReverseRules rules)
      : transaction_(std::move(transaction)), format_(format), rules_(std::move(rules)) {}

  Status replace_reverse(std::string_view name, const std::vector<std::string>& keys) {
    if (rules_.acl == ReverseAclForm::none && !rules_.ids) {
      return success();
    }
    std::vector<std::string> old_keys;
    // An unreadable old record leaves stale reverse records behind; they are derived data that a rebuild
    // corrects.
    CYR_TRY(const auto value, transaction_->get(name_key(name, format_)));
    if (value) {
      if (const auto old = decode_entry(name, *value)) {
        old_keys = reverse_keys(*old, rules_);
      }
    }
    for (const auto& key : old_keys) {
      if (!std::binary_search(keys.begin(), keys.end(), key)) {
        CYR_CHECK(erase(key));
      }
    }
    for (const auto& key : keys) {
      CYR_CHECK(put(key, ""));
    }
    return success();
  }
  Status put(const std::string& key, std::string_view value) {
    CYR_CHECK(log(key, std::string(value)));
    return transaction_->put(key, value);
  }
  Status erase(const std::string& key) {
    CYR_CHECK(log(key, {}));
    return transaction_->erase(key);
  }
  Status log(const std::string& key, std::optional<std::string> after) {
    if (!logging_) {
      return success();
    }
    const auto [at, is_new] = logged_.emplace(key, changes_.size());
    if (is_new) {
      CYR_TRY(auto before, transaction_->get(key));
      changes_.push_back({mailbox_, key, std::move(before), {}});
    }
    changes_[at->second].after = std::move(after);
    return success();
  }

  std::unique_ptr<db::Transaction> transaction_;
  ListFormat format_;
  ReverseRules rules_;
  bool logging_ = false;
  std::string mailbox_;
  std::vector<RecordChange> changes_;
  std::unordered_map<std::string, std::size_t> logged_;  // key: place in changes_
};

// The history that the I record of `entry` is to have: what it has, and the name it had if that was another.
void keep_history(MailboxEntry& entry, const std::optional<MailboxEntry>& record, std::int64_t now) {
  if (!record || !entry.history.empty()) {
    return;
  }
  entry.history = record->history;
  if (record->name != entry.name) {
    const MailboxEntry left = record->type.deleted ? *record : tombstone_of(*record, now);
    entry.history.insert(entry.history.begin(), former_name_of(left));
  }
}

Status put_keyed(Editor& editor, MailboxEntry entry, std::int64_t now) {
  if (entry.uniqueid.empty()) {
    return make_error(Errc::invalid, fmt::format("mailbox {} has no unique id", printable(entry.name)));
  }
  // The name may have belonged to another id. Its I record stays only if it has moved on.
  auto previous = editor.find(entry.name);
  if (previous && *previous && (*previous)->uniqueid != entry.uniqueid) {
    CYR_TRY(const auto record, editor.find_by_uniqueid((*previous)->uniqueid));
    if (record && record->name == entry.name) {
      CYR_CHECK(editor.erase_uniqueid((*previous)->uniqueid));
    }
  }
  CYR_TRY(const auto record, editor.find_by_uniqueid(entry.uniqueid));
  if (record && entry.type.deleted && record->name != entry.name) {
    return editor.put_name(entry);  // a name that the mailbox left: its id is that of the present name
  }
  keep_history(entry, record, now);
  CYR_CHECK(editor.put_uniqueid(entry));
  return editor.put_name(entry);
}

Status put_entry(Editor& editor, MailboxEntry entry, std::int64_t now) {
  entry.mtime = now;
  return is_keyed(editor.format()) ? put_keyed(editor, std::move(entry), now) : editor.put_name(entry);
}

// `has(letter)`: the map has this field.
template <class Has>
std::optional<ListFormat> format_of_map(std::string_view key, std::size_t fields, std::string_view first,
                                        bool us_is_atom, const Has& has) {
  // Only 3.6+ writes T before I, P and S; its I records alone have N.
  const bool type_first = fields > 1 && first == "T" && (has('I') || has('P') || has('S') || has('N'));
  if (type_first && key.starts_with('N')) {
    return ListFormat::keyed_36;
  }
  if (type_first && key.starts_with('I') && has('N')) {
    return us_is_atom ? ListFormat::keyed_36 : ListFormat::keyed_312;
  }
  if (has('C')) {
    return ListFormat::dlist_32;
  }
  return has('F') ? ListFormat::dlist_30 : ListFormat::dlist_25;
}

}  // namespace

std::optional<ListFormat> format_of_record(std::string_view key, std::string_view value) {
  if (key.starts_with('$') || value.empty()) {
    return {};
  }
  if (value.starts_with('(')) {
    return ListFormat::extended_text;
  }
  if (is_digit(value[0])) {
    return ListFormat::text;
  }
  if (const auto plain = text::PlainMap::read(value)) {
    return format_of_map(key, plain->size(), plain->first_key(), true,
                         [&](char letter) { return plain->find(letter) != nullptr; });
  }
  const auto map = text::parse_dlist(value);
  if (!map || !map->is_map()) {
    return {};
  }
  return format_of_map(key, map->items.size(), map->items.empty() ? "" : map->items.front().key,
                       text::style_of(*map).us_is_atom, [&](char letter) {
                         return map->find({&letter, 1}) != nullptr;
                       });
}

Result<std::optional<ListFormat>> detect_list_format(db::Database& database) {
  std::optional<ListFormat> found;
  int looked_at = 0;
  CYR_CHECK(database.for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    const auto said = format_of_record(key, value);
    looked_at += said ? 1 : 0;
    // Within a generation the newest writer seen is right: older records lack what it adds. Across
    // generations the keyed form wins, because nothing but 3.6+ writes it.
    if (said && (!found || *said > *found)) {
      found = said;
    }
    return looked_at < detection_limit ? db::Visit::go_on : db::Visit::stop;
  }));
  return found;
}

ListFormat list_format_of(conf::Release release) {
  struct Row {
    conf::Release before;
    ListFormat format;
  };
  constexpr Row rows[] = {{{2, 5, 0}, ListFormat::text},
                          {{3, 0, 0}, ListFormat::dlist_25},
                          {{3, 2, 0}, ListFormat::dlist_30},
                          {{3, 6, 0}, ListFormat::dlist_32},
                          {{3, 12, 0}, ListFormat::keyed_36}};
  for (const auto& row : rows) {
    if (release < row.before) {
      return row.format;
    }
  }
  return ListFormat::keyed_312;
}

Result<MailboxList> MailboxList::open(std::unique_ptr<db::Database> database, MailboxListOptions options) {
  CYR_TRY(const auto format, detect_list_format(*database));
  const ListFormat use = format.value_or(options.format_if_empty);
  return MailboxList(std::move(database), use, std::move(options));
}

Result<ReverseRules> MailboxList::reverse_rules() { return rules_of(*database_, format_, options_); }

Result<std::optional<MailboxEntry>> MailboxList::find(std::string_view name) {
  CYR_TRY(const auto value, database_->get(name_key(name, format_)));
  if (!value) {
    return std::optional<MailboxEntry>();
  }
  CYR_TRY(auto entry, decode_entry(name, *value));
  return std::optional<MailboxEntry>(std::move(entry));
}

Result<std::optional<MailboxEntry>> MailboxList::find_by_uniqueid(std::string_view uniqueid) {
  std::optional<MailboxEntry> found;
  if (is_keyed(format_)) {
    CYR_TRY(const auto value, database_->get(uniqueid_key(uniqueid)));
    if (value) {
      CYR_TRY(found, decode_uniqueid_record(uniqueid, *value));
    }
    return found;
  }
  CYR_CHECK(for_each("", [&](const ListItem& item) -> Result<db::Visit> {
    if (!item.entry || item.entry->uniqueid != uniqueid) {
      return db::Visit::go_on;
    }
    found = *item.entry;
    // A tombstone shares its id with the mailbox that was renamed: go on for that one.
    return found->type.deleted ? db::Visit::go_on : db::Visit::stop;
  }));
  return found;
}

Status MailboxList::for_each_name(std::string_view prefix, const NameVisitor& visit) {
  return database_->for_each(
      name_key(prefix, format_), [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
        const ListKey parsed = parse_list_key(key, format_);
        return parsed.kind == KeyKind::mailbox ? visit(parsed.name, key, value) : db::Visit::go_on;
      });
}

Status MailboxList::for_each(std::string_view prefix, const ListVisitor& visit) {
  return for_each_name(prefix, [&](std::string_view name, std::string_view key, std::string_view value) {
    const auto entry = decode_entry(name, value);
    return visit({name, key, value, entry});
  });
}

Status MailboxList::for_each_type(std::string_view prefix, const TypeVisitor& visit) {
  return for_each_name(prefix, [&](std::string_view name, std::string_view, std::string_view value) {
    const auto type = decode_entry_type(value);
    return type ? visit({name, value, *type}) : Result<db::Visit>(db::Visit::go_on);
  });
}

Status MailboxList::for_each_under(std::string_view name, const ListVisitor& visit) {
  if (name.empty() || name.ends_with('!')) {
    return for_each(name, visit);
  }
  const std::string key = name_key(name, format_);
  CYR_TRY(const auto value, database_->get(key));
  if (value) {
    const auto entry = decode_entry(name, *value);
    CYR_TRY(const auto next, visit({name, key, *value, entry}));
    if (next == db::Visit::stop) {
      return success();
    }
  }
  return for_each(std::string(name) + ".", visit);
}

Status MailboxList::for_each_uniqueid(const ListVisitor& visit) {
  if (!is_keyed(format_)) {
    return success();
  }
  return database_->for_each("I", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    const std::string_view uniqueid = key.substr(1);
    const auto entry = decode_uniqueid_record(uniqueid, value);
    return visit({uniqueid, key, value, entry});
  });
}

Status MailboxList::update(MailboxEntry entry, std::int64_t now) {
  std::vector<MailboxEntry> entries;
  entries.push_back(std::move(entry));
  return update(std::move(entries), now);
}

Status MailboxList::update(std::vector<MailboxEntry> entries, std::int64_t now) {
  CYR_TRY(Editor editor, Editor::begin(*database_, format_, options_));
  for (auto& entry : entries) {
    CYR_CHECK(put_entry(editor, std::move(entry), now));
  }
  return editor.commit();
}

Status MailboxList::rename(std::string_view from, MailboxEntry to, std::int64_t now) {
  CYR_TRY(Editor editor, Editor::begin(*database_, format_, options_));
  CYR_TRY(auto old, editor.find(from));
  if (!old) {
    return make_error(Errc::not_found, fmt::format("no mailbox {} in the list", printable(from)));
  }
  if (format_ <= ListFormat::extended_text) {
    CYR_CHECK(editor.erase_name(from));
    CYR_CHECK(put_entry(editor, std::move(to), now));
    return editor.commit();
  }
  MailboxEntry tombstone = tombstone_of(*old, now);
  tombstone.foldermodseq =
      std::max(tombstone.foldermodseq, to.foldermodseq);  // the rename is its last change
  CYR_CHECK(editor.put_name(tombstone));
  if (is_keyed(format_)) {
    CYR_TRY(const auto record, editor.find_by_uniqueid(tombstone.uniqueid));
    to.history = record ? record->history : std::vector<FormerName>();
    to.history.insert(to.history.begin(), former_name_of(tombstone));
  }
  CYR_CHECK(put_entry(editor, std::move(to), now));
  return editor.commit();
}

Status MailboxList::entomb(std::string_view name, std::int64_t now) {
  CYR_TRY(Editor editor, Editor::begin(*database_, format_, options_));
  CYR_TRY(auto entry, editor.find(name));
  if (!entry) {
    return make_error(Errc::not_found, fmt::format("no mailbox {} in the list", printable(name)));
  }
  if (format_ <= ListFormat::extended_text) {
    CYR_CHECK(editor.erase_name(name));
  } else {
    CYR_CHECK(put_entry(editor, tombstone_of(std::move(*entry), now), now));
  }
  return editor.commit();
}

namespace {

Status erase_entry(Editor& editor, std::string_view name) {
  // A record that cannot be read has no id to follow; the name record alone goes.
  if (const auto entry = editor.find(name);
      entry && *entry && is_keyed(editor.format()) && !(*entry)->uniqueid.empty()) {
    CYR_TRY(const auto record, editor.find_by_uniqueid((*entry)->uniqueid));
    if (record && record->name == name) {
      CYR_CHECK(editor.erase_uniqueid((*entry)->uniqueid));
    }
  }
  return editor.erase_name(name);
}

}  // namespace

Status MailboxList::erase(std::string_view name) {
  CYR_TRY(Editor editor, Editor::begin(*database_, format_, options_));
  CYR_CHECK(erase_entry(editor, name));
  return editor.commit();
}

Status MailboxList::replace(const std::vector<std::string>& gone, const std::vector<MailboxEntry>& entries,
                            std::int64_t now, const ChangeNoter& note) {
  CYR_TRY(Editor editor, Editor::begin(*database_, format_, options_));
  for (const auto& name : gone) {
    editor.log_as(name);
    CYR_CHECK(erase_entry(editor, name));
  }
  for (const auto& entry : entries) {
    editor.log_as(entry.name);
    CYR_CHECK(put_entry(editor, entry, now));
  }
  for (auto& change : std::move(editor).changes()) {
    if (change.before != change.after) {
      CYR_CHECK(note(std::move(change)));
    }
  }
  return editor.commit();
}

}  // namespace cyr::meta
