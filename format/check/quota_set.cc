#include "format/check/quota_set.h"

#include "format/base/text.h"
#include "format/check/quota_check.h"
#include "format/check/quota_files.h"
#include "format/store/counters.h"
#include "format/store/quota_limits.h"

namespace cyr::check {

namespace {

constexpr std::string_view limit_reason = "quota-limit";

// The list's generation is the store's.
Result<meta::QuotaForm> form_of_store(store::Store& store) {
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  return QuotaChecker::form_of(list->format());
}

Status keep(store::Store& store, meta::Quotas& quotas, const std::string& root, bool there,
            store::SavedCopies& saved) {
  if (quotas.database().kind() != db::Kind::quotalegacy) {
    return saved.before_change(store.paths().quotas_db(), {root, limit_reason});
  }
  CYR_TRY(const fs::path file, store.paths().quota_file(root));
  CYR_CHECK(saved.make_directories(file.parent_path(), 0755, {root, limit_reason}));
  return there ? saved.before_replace(file, {root, limit_reason})
               : saved.before_create(file, {root, limit_reason});
}

// In a database the record alone is what can be taken back.
Status note_record(store::Store& store, meta::Quotas& quotas, const std::optional<meta::QuotaRoot>& before,
                   const meta::QuotaRoot& after, store::SavedCopies& saved) {
  if (quotas.database().kind() == db::Kind::quotalegacy) {
    return success();
  }
  store::SavedItem item;
  item.action = store::SavedAction::record;
  item.mailbox = item.key = after.name;
  item.reason = limit_reason;
  if (before) {
    item.old_value = meta::encode_quota(*before);
  }
  item.new_value = meta::encode_quota(after);
  return saved.before_record(store.paths().quotas_db(), std::move(item));
}

}  // namespace

Result<QuotaSettingDone> set_quota_limit(store::Store& store, const QuotaSetting& setting,
                                         store::SavedCopies& saved) {
  CYR_TRY(const auto form, form_of_store(store));
  if (form == meta::QuotaForm::text && setting.resource != meta::Resource::storage) {
    return make_error(Errc::unsupported, "quota records of Cyrus 2.4 and older hold STORAGE only");
  }
  CYR_TRY([[maybe_unused]] const fs::path valid, store.paths().quota_file(setting.root));
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  CYR_TRY(const auto present, quotas->get(setting.root));
  const auto resource = static_cast<std::size_t>(setting.resource);
  QuotaSettingDone done{.created = !present, .before = present ? present->limit.at(resource) : std::nullopt};
  if (!present) {
    CYR_TRY(const bool used, store::covers_mailboxes(store, setting.root));
    if (!used) {
      return make_error(Errc::not_found, "no quota root and no mailbox '" +
                                             printable(store.external_name(setting.root)) + "'");
    }
  }
  if (store.io().read_only()) {
    return done;
  }
  CYR_TRY(const File lock, store::lock_quota_change(store));
  CYR_CHECK(keep(store, *quotas, setting.root, present.has_value(), saved));
  const auto change = [&](std::optional<meta::QuotaRoot>& record) -> Result<bool> {
    const std::optional<meta::QuotaRoot> before = record;
    if (!record) {
      record.emplace();
      record->name = setting.root;
      record->form = form;
    }
    record->form = std::max(record->form, form);
    record->limit.at(resource) = setting.limit;
    if (record->form == meta::QuotaForm::dlist_modseq) {
      CYR_TRY(record->modseq, store::next_quota_modseq(store, setting.root, record->modseq, &saved));
    }
    CYR_CHECK(note_record(store, *quotas, before, *record, saved));
    return true;
  };
  CYR_CHECK(quotas->change(setting.root, change));
  CYR_CHECK(saved.settle(setting.root));
  return done;
}

namespace {

// Before every record of the one file of a database changes: it is replaced by a copy, so that an undo brings
// back the whole file. Records alone would not do: usage that the new form cannot hold would be counted
// twice.
Status replace_by_copy(store::Store& store, store::SavedCopies& saved) {
  Io& io = store.io();
  const fs::path path = store.paths().quotas_db();
  const fs::path temporary = path.native() + ".NEW";
  CYR_TRY(const auto info, io.stat(path));
  CYR_TRY(const bool left_over, io.exists(temporary));
  if (left_over) {
    CYR_CHECK(saved.before_remove(temporary, {"", limit_reason}));
    CYR_CHECK(io.unlink(temporary));
  }
  store.close_databases();
  CYR_CHECK(store::copy_kept_file(io, path, temporary, info));
  CYR_CHECK(saved.before_replace(path, {"", limit_reason}));
  CYR_CHECK(io.rename(temporary, path));
  return io.sync_directory(path.parent_path());
}

}  // namespace

Result<QuotaForms> write_quota_forms(store::Store& store, meta::QuotaForm form, store::SavedCopies& saved) {
  QuotaForms out;
  std::vector<meta::QuotaRoot> roots;
  std::optional<Error> unreadable;
  const auto visited = visit_quota_roots(store, [&](std::string_view name, std::string_view,
                                                    const Result<meta::QuotaRoot>& root) {
    if (root && root->form > form) {
      roots.push_back(*root);
    } else if (!root && root.error().code == Errc::corrupt) {
      out.lost.push_back(std::string(name) + ": its record is damaged and stays as it is; quota -f mends it");
    } else if (!root) {
      unreadable = root.error();
    }
  });
  if (!visited) {
    return visited.error().code == Errc::not_found ? Result<QuotaForms>(std::move(out)) : visited.error();
  }
  if (unreadable) {
    return *unreadable;
  }
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  const bool one_file = quotas->database().kind() != db::Kind::quotalegacy;
  if (one_file && !roots.empty() && !store.io().read_only()) {
    CYR_CHECK(replace_by_copy(store, saved));
    CYR_TRY(quotas, store.quotas());
  }
  for (const auto& root : roots) {
    std::string lost;
    for (std::size_t i = 1; form == meta::QuotaForm::text && i < meta::resource_count; ++i) {
      lost += root.limit.at(i) ? " " + std::string(meta::resources[i].name) : "";
    }
    if (!lost.empty()) {
      out.lost.push_back(root.name + ": the limits of" + lost + " have no place in this release");
    }
    ++out.written;
    if (store.io().read_only()) {
      continue;
    }
    if (!one_file) {
      CYR_CHECK(keep(store, *quotas, root.name, true, saved));
    }
    const auto change = [&](std::optional<meta::QuotaRoot>& record) -> Result<bool> {
      if (!record) {
        return false;
      }
      record->form = form;
      record->scan.reset();
      return true;
    };
    CYR_CHECK(quotas->change(root.name, change));
  }
  CYR_CHECK(saved.settle(""));
  return out;
}

Result<std::string> outermost_root(store::Store& store, const std::string& root) {
  CYR_TRY(meta::Quotas * quotas, store.quotas());
  std::string out = root;
  for (const auto& candidate : meta::quota_root_candidates(root)) {  // the longest first
    const auto there = quotas->get(candidate);
    if (there && *there) {
      out = candidate;
    }
  }
  return out;
}

}  // namespace cyr::check
