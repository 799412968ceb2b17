#include "format/check/user_records.h"

#include <algorithm>

#include "format/db/salvage.h"
#include "format/meta/seen.h"

namespace cyr::check {

namespace {

using meta::SubscriptionVersion;
using Raw = std::map<std::string, std::string>;

constexpr std::string_view user_files_reason = "user-files";

// Keys and values as they stand. True when the file is sound.
Result<bool> read_raw(store::Store& store, const fs::path& path, UserData what, UserRecords& out, Raw& raw) {
  const auto option = what == UserData::seen ? conf::Option::seenstate_db : conf::Option::subscription_db;
  auto database = store.open_database(path, option);
  Status status = database ? (*database)->consistent() : Status(database.error());
  if (status) {
    out.kind = (*database)->kind();
    status =
        (*database)->for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
          raw.emplace(key, value);
          return db::Visit::go_on;
        });
  }
  if (status) {
    return true;
  }
  if (status.error().code != Errc::corrupt && status.error().code != Errc::not_found) {
    return status.error();  // permissions or a failing disk
  }
  out.damage = status.error().what;
  raw.clear();
  db::SalvageOptions options;
  options.kind = db::kind_from_name(store.config().text(option));
  CYR_TRY(const auto salvaged, db::salvage(store.io(), path, options));
  out.kind = salvaged.kind;
  for (const auto& record : salvaged.records) {
    raw.emplace(record.key, record.value);
  }
  return false;
}

// A name that a mailbox could have: what damage leaves in a key mostly is none.
bool is_name(const store::Store& store, const std::string& name) {
  const bool odd = name.empty() || std::any_of(name.begin(), name.end(), [](char c) {
                     return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
                   });
  return !odd && names::MailboxName::from_internal(name, store.name_space()).has_value();
}

SubscriptionVersion version_of(const Raw& raw) {
  const auto found = raw.find(std::string(meta::subscription_version_key));
  if (found != raw.end()) {
    return found->second == "3" ? SubscriptionVersion::v3 : SubscriptionVersion::v2;
  }
  // The record with the version may be what was lost; no internal name has a separator of dbnames.
  const bool keyed = std::any_of(raw.begin(), raw.end(), [](const auto& record) {
    return record.first.starts_with('N') && record.first.find('\x1f') != std::string::npos;
  });
  return keyed ? SubscriptionVersion::v2 : SubscriptionVersion::v0;
}

void take_subscriptions(const store::Store& store, const Raw& raw, const std::string& inbox,
                        UserRecords& out) {
  out.version = version_of(raw);
  for (const auto& [key, value] : raw) {
    if (key == meta::subscription_version_key) {
      continue;
    }
    auto name = meta::decode_subscription_key(key, out.version, inbox);
    if (name && is_name(store, *name)) {
      out.records.emplace(std::move(*name), "");
    } else {
      out.odd.push_back(key);
    }
  }
}

void take_seen(const Raw& raw, UserRecords& out) {
  for (const auto& [key, value] : raw) {
    if (!key.empty() && meta::decode_seen(value)) {
      out.records.emplace(key, value);
    } else {
      out.odd.push_back(key);
    }
  }
}

// Two states of one mailbox as one; `mine` as it stands when that adds nothing, or when it cannot be done.
std::string united_state(const std::string& mine, const std::string& other) {
  const auto a = meta::decode_seen(mine);
  const auto b = meta::decode_seen(other);
  if (!a || !b) {
    return a ? mine : other;
  }
  const auto united = meta::merge_seen(*a, *b);
  return united && !(*united == *a) ? meta::encode_seen(*united) : mine;
}

}  // namespace

std::string_view suffix_of(UserData what) { return what == UserData::seen ? "seen" : "sub"; }

std::optional<UserData> user_data_of(std::string_view suffix) {
  return suffix == "sub"    ? std::optional(UserData::subscriptions)
         : suffix == "seen" ? std::optional(UserData::seen)
                            : std::nullopt;
}

Result<UserRecords> read_user_records(store::Store& store, const fs::path& path, UserData what,
                                      const std::string& inbox) {
  UserRecords out;
  const auto info = store.io().stat(path);
  if (!info) {
    return info.error().code == Errc::not_found ? Result<UserRecords>(std::move(out)) : info.error();
  }
  out.there = true;
  if (info->size == 0) {
    return out;
  }
  Raw raw;
  CYR_TRY([[maybe_unused]] const bool sound, read_raw(store, path, what, out, raw));
  if (what == UserData::seen) {
    take_seen(raw, out);
  } else {
    take_subscriptions(store, raw, inbox, out);
  }
  return out;
}

Result<UserRecords> read_user_records(store::Store& store, db::Transaction& transaction, db::Kind kind,
                                      UserData what, const std::string& inbox) {
  UserRecords out;
  out.there = true;
  out.kind = kind;
  Raw raw;
  CYR_CHECK(transaction.for_each("", [&](std::string_view key, std::string_view value) -> Result<db::Visit> {
    raw.emplace(key, value);
    return db::Visit::go_on;
  }));
  if (what == UserData::seen) {
    take_seen(raw, out);
  } else {
    take_subscriptions(store, raw, inbox, out);
  }
  return out;
}

std::uint64_t merge_user_records(UserRecords& into, const UserRecords& from, UserData what) {
  std::uint64_t changed = 0;
  for (const auto& [key, value] : from.records) {
    const auto [at, fresh] = into.records.emplace(key, value);
    changed += fresh ? 1 : 0;
    if (!fresh && what == UserData::seen) {
      std::string both = united_state(at->second, value);
      changed += both == at->second ? 0 : 1;
      at->second = std::move(both);
    }
  }
  return changed;
}

Status write_user_records(store::Store& store, const store::DatabaseFile& file, const UserRecords& records,
                          UserData what, const std::string& inbox, store::SavedCopies& saved,
                          std::string_view reason) {
  Io& io = store.io();
  const fs::path& path = file.path;
  const fs::path temporary = path.native() + ".NEW";
  CYR_CHECK(saved.make_directories(path.parent_path(), 0755, {"", reason}));
  CYR_TRY(const bool left_over, io.exists(temporary));
  if (left_over) {
    CYR_CHECK(saved.before_remove(temporary, {"", reason}));
    CYR_CHECK(io.unlink(temporary));
  }
  {
    db::OpenOptions options = file.open;
    options.create = true;
    CYR_TRY(auto database, db::open(io, temporary, *file.wanted_kind, options));
    CYR_TRY(const auto transaction, database->begin());
    if (what == UserData::subscriptions && records.version != SubscriptionVersion::v0) {
      CYR_CHECK(transaction->put(meta::subscription_version_key,
                                 std::to_string(static_cast<int>(records.version))));
    }
    for (const auto& [key, value] : records.records) {
      CYR_CHECK(transaction->put(
          what == UserData::seen ? key : meta::encode_subscription_key(key, records.version, inbox), value));
    }
    CYR_CHECK(transaction->commit());
  }
  CYR_TRY(const bool there, io.exists(path));
  CYR_CHECK(there ? saved.before_replace(path, {"", reason}) : saved.before_create(path, {"", reason}));
  CYR_CHECK(io.rename(temporary, path));
  return io.sync_directory(path.parent_path());
}

meta::SubscriptionVersion subscription_version_of(meta::ListFormat format) {
  return format == meta::ListFormat::keyed_312  ? SubscriptionVersion::v3
         : format == meta::ListFormat::keyed_36 ? SubscriptionVersion::v2
                                                : SubscriptionVersion::v0;
}

namespace {

// One file; in one transaction, under the lock of the database.
Result<std::uint64_t> move_in(store::Store& store, const fs::path& path, const std::vector<SeenMove>& moves,
                              store::SavedCopies& saved) {
  CYR_TRY(auto database, store.open_database(path, conf::Option::seenstate_db));
  std::vector<std::pair<const SeenMove*, std::string>> wanted;
  for (const auto& move : moves) {
    CYR_TRY(auto state, database->get(move.from));
    if (state && meta::decode_seen(*state)) {
      wanted.emplace_back(&move, std::move(*state));
    }
  }
  if (wanted.empty() || store.io().read_only()) {
    return wanted.size();
  }
  CYR_CHECK(saved.before_change(path, {"", user_files_reason}));
  CYR_TRY(const auto transaction, database->begin());
  for (const auto& [move, state] : wanted) {
    CYR_TRY(const auto present, transaction->get(move->to));
    CYR_CHECK(transaction->put(move->to, present ? united_state(*present, state) : state));
    if (!move->keep) {
      CYR_CHECK(transaction->erase(move->from));
    }
  }
  CYR_CHECK(transaction->commit());
  return wanted.size();
}

}  // namespace

Result<std::uint64_t> move_seen_states(store::Store& store, const std::vector<SeenMove>& moves,
                                       store::SavedCopies& saved, std::vector<std::string>& left) {
  std::uint64_t moved = 0;
  if (moves.empty()) {
    return moved;
  }
  std::vector<fs::path> files;
  CYR_CHECK(store::each_database(store, store::DatabaseScope::users, [&](const store::DatabaseFile& file) {
    if (file.role == "seen state" && !file.empty) {
      files.push_back(file.path);
    }
    return success();
  }));
  for (const auto& path : files) {
    const auto done = move_in(store, path, moves, saved);
    if (done) {
      moved += *done;
    } else {
      left.push_back(done.error().text());
    }
  }
  CYR_CHECK(saved.settle(""));
  return moved;
}

}  // namespace cyr::check
