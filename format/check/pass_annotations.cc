// Pass 5: cyrus.annotations, the annotations of the messages, and the size of the mailbox's own in
// annotations.db. Checks: the database can be read; every annotation belongs to a message; fields that the
// index has do not stand there too; the snoozed flag agrees. Annotations of a message that got another UID
// move with it.
#include <fmt/format.h>

#include <algorithm>

#include "format/base/text.h"
#include "format/check/context.h"
#include "format/db/salvage.h"
#include "format/mailbox/annotation_record.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {

namespace {

constexpr std::string_view kSnoozed = "/vendor/cmu/cyrus-imapd/snoozed";

// Entries that carry a field of the record in index versions without it (mailbox.md 11).
bool is_carried(std::string_view entry, unsigned layout) {
  if (!entry.starts_with(mailbox::kVendorPrefix)) {
    return false;
  }
  const std::string_view name = entry.substr(mailbox::kVendorPrefix.size());
  return (name == "thrid" && mailbox::has_cid(layout)) ||
         (name == "savedate" && mailbox::has_savedate(layout)) ||
         (name == "createdmodseq" && mailbox::has_createdmodseq(layout));
}

// Puts the value of a carried entry into the field of its name: seconds and modseqs in decimal, a
// conversation id in hexadecimal. False, and nothing done, for a value that cannot be right.
bool take_field(const MessageAnnotation& one, std::uint64_t now, mailbox::IndexRecord& record) {
  constexpr std::uint64_t day = 86400;
  const std::string_view name = std::string_view(one.entry).substr(mailbox::kVendorPrefix.size());
  const auto value = parse_number<std::uint64_t>(one.value, name == "thrid" ? 16 : 10);
  if (!value || *value == 0) {
    return false;
  }
  if (name == "thrid") {
    record.cid = *value;
  } else if (name == "savedate" && *value <= now + day) {
    record.savedate = *value;
  } else if (name == "createdmodseq" && *value <= record.modseq) {
    record.createdmodseq = *value;
  } else {
    return false;
  }
  return true;
}

class AnnotationPass {
 public:
  explicit AnnotationPass(Context& context) : context_(context), state_(context.state) {}

  Status run() {
    CYR_CHECK(load());
    move_renumbered();
    CYR_CHECK(find_stale());
    CYR_CHECK(check_snoozed());
    load_own();
    return success();
  }

 private:
  Status load() {
    const auto database = context_.store.open_database(state_.files.annotations, conf::Option::annotation_db);
    if (!database) {
      return database.error().code == Errc::not_found ? success() : unreadable(database.error());
    }
    const auto read =
        (*database)->for_each("", [this](std::string_view key, std::string_view value) -> Result<db::Visit> {
          add(key, value);
          return db::Visit::go_on;
        });
    if (!read) {
      return unreadable(read.error());
    }
    tell_unread();
    sort();
    return success();
  }

  // Every record whose own octets are whole.
  Status salvage() {
    state_.annotations.clear();
    db::SalvageOptions options;
    options.kind = db::kind_from_name(context_.store.config().text(conf::Option::annotation_db));
    CYR_TRY(const auto report, db::salvage(context_.store.io(), state_.files.annotations, options));
    for (const auto& record : report.records) {
      take(record.key, record.value);
    }
    return success();
  }

  void sort() {
    std::stable_sort(state_.annotations.begin(), state_.annotations.end(),
                     [](const auto& a, const auto& b) { return a.uid < b.uid; });
  }

  // What can be saved is written to a new database; the damaged file is kept aside.
  Status unreadable(const Error& error) {
    if (error.code == Errc::io || error.code == Errc::permission) {
      return error;
    }
    CYR_CHECK(salvage());
    context_.fix(with(context_.of(Problem::annotations_unreadable),
                      {.expected = std::to_string(state_.annotations.size()), .detail = error.what}));
    state_.annotations_set_aside = true;
    for (const auto& one : state_.annotations) {
      state_.annotation_puts.emplace_back(one.key, one.stored);
    }
    sort();
    return success();
  }

  void add(std::string_view key, std::string_view value) {
    if (const auto wrong = take(key, value)) {
      unread_.emplace_back(key, *wrong);
    }
  }

  // What is wrong with a record, if it cannot be used.
  std::optional<std::string> take(std::string_view key, std::string_view value) {
    const auto decoded_key = mailbox::decode_annotation_key(as_bytes(key));
    const auto decoded = mailbox::decode_annotation_value(as_bytes(value));
    const auto uid = decoded_key ? mailbox::annotation_uid(*decoded_key) : std::nullopt;
    if (!uid || !decoded) {
      return decoded ? "key" : decoded.error().what;
    }
    state_.annotations.push_back({.uid = *uid,
                                  .key = std::string(key),
                                  .entry = decoded_key->entry,
                                  .userid = decoded_key->userid,
                                  .value = decoded->value,
                                  .stored = std::string(value),
                                  .deleted = decoded->deleted()});
    return {};
  }

  // One by one, in a database that can be read to its end.
  void tell_unread() {
    for (const auto& [key, wrong] : unread_) {
      context_.fix(
          with(context_.of(Problem::annotation_unreadable), {.found = key.substr(0, 200), .detail = wrong}));
      state_.annotation_keys.push_back(key);
    }
  }

  void move_renumbered() {
    for (auto& one : state_.annotations) {
      const auto moved = std::find_if(state_.renumbered.begin(), state_.renumbered.end(),
                                      [&one](const auto& pair) { return pair.first == one.uid; });
      if (moved == state_.renumbered.end() || has_record(one.uid)) {
        continue;
      }
      auto key = mailbox::encode_annotation_key({std::to_string(moved->second), one.entry, one.userid});
      if (key) {
        state_.annotation_keys.push_back(one.key);
        one.uid = moved->second;
        one.key = std::string(as_text(*key));
        state_.annotation_puts.emplace_back(one.key, one.stored);
      }
    }
    sort();
  }

  [[nodiscard]] std::optional<std::size_t> find_record(std::uint32_t uid) const {
    std::size_t low = 0;
    std::size_t high = state_.records.size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (state_.records.uid(middle) < uid) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < state_.records.size() && state_.records.uid(low) == uid ? std::optional(low) : std::nullopt;
  }
  [[nodiscard]] bool has_record(std::uint32_t uid) const { return find_record(uid).has_value(); }

  // A record that was made anew knows less than the annotation that an older index version kept beside it:
  // its field is taken from there. True if it was. A sound record is the newer truth, as for Cyrus, and
  // stays.
  Result<bool> carry_over(const MessageAnnotation& one) {
    const auto at = find_record(one.uid);
    if (!state_.index_lost || one.deleted || !at) {
      return false;
    }
    auto record = state_.records.get(*at);
    if (!take_field(one, static_cast<std::uint64_t>(context_.now), record)) {
      return false;
    }
    CYR_CHECK(state_.records.set(*at, record));
    return true;
  }

  Status find_stale() {
    const unsigned layout = state_.records.layout();
    std::uint32_t reported = 0;
    std::vector<MessageAnnotation> kept;
    for (auto& one : state_.annotations) {
      const bool known = has_record(one.uid) ||
                         std::binary_search(state_.expunge_uids.begin(), state_.expunge_uids.end(), one.uid);
      if (known && !is_carried(one.entry, layout)) {
        kept.push_back(std::move(one));
        continue;
      }
      if (known) {
        CYR_TRY(const bool carried, carry_over(one));
        context_.fix(with(context_.of(Problem::annotation_carried, one.uid),
                          {.found = one.entry, .detail = carried ? ", carried into the record" : ""}));
      } else if (reported != one.uid) {
        context_.fix(context_.of(Problem::annotation_stale, one.uid));
        reported = one.uid;
      }
      state_.annotation_keys.push_back(one.key);
    }
    state_.annotations = std::move(kept);
    return success();
  }

  Status check_snoozed() {
    if (state_.records.layout() < 16) {
      return success();
    }
    std::vector<std::uint32_t> snoozed;
    for (const auto& one : state_.annotations) {
      if (!one.deleted && one.entry == kSnoozed) {
        snoozed.push_back(one.uid);
      }
    }
    for (std::size_t i = 0; i < state_.records.size(); ++i) {
      auto record = state_.records.get(i);
      const bool should = std::binary_search(snoozed.begin(), snoozed.end(), record.uid);
      if (record.has(mailbox::flag::expunged) || record.has(mailbox::flag::snoozed) == should) {
        continue;
      }
      context_.fix(context_.of(Problem::snoozed, record.uid));
      record.system_flags ^= mailbox::flag::snoozed;
      state_.write_index = true;
      CYR_CHECK(state_.records.set(i, record));
    }
    return success();
  }

  // Sizes only. An annotations.db that cannot be read says nothing about this mailbox.
  void load_own() {
    const bool keyed = context_.store.has_keyed_list().value_or(true);
    const std::string prefix = (keyed ? state_.entry.uniqueid : state_.entry.name) + '\0';
    const auto database = context_.store.annotations();
    if (!database) {
      state_.own_annotations_known = database.error().code == Errc::not_found;
      return;
    }
    const auto read =
        (*database)->for_each(prefix, [this](std::string_view, std::string_view value) -> Result<db::Visit> {
          CYR_TRY(const auto decoded, mailbox::decode_annotation_value(as_bytes(value)));
          state_.own_annotation_bytes += decoded.deleted() ? 0 : decoded.value.size();
          return db::Visit::go_on;
        });
    state_.own_annotations_known = read.has_value();
  }

  Context& context_;
  State& state_;
  std::vector<std::pair<std::string, std::string>> unread_;  // key, and what is wrong
};

}  // namespace

Status pass_annotations(Context& context) {
  AnnotationPass pass(context);
  return pass.run();
}

}  // namespace cyr::check
