#include "format/store/mailbox_head.h"

#include <algorithm>

#include "format/base/crc32.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"
#include "format/store/folder_record.h"
#include "format/store/interrupted.h"
#include "format/store/modes.h"
#include "format/store/quota_usage.h"
#include "format/store/status_cache.h"

namespace cyr::store {

namespace {

Error to_be_reconstructed(Error error, const Store& store, const meta::MailboxEntry& entry) {
  return std::move(error).with_hint("repair the mailbox first: reconstruct " +
                                    store.external_name(entry.name));
}

}  // namespace

Status write_mailbox_header(Io& io, const fs::path& path, const mailbox::MailboxHeader& header,
                            mailbox::IndexHeader& index) {
  CYR_TRY(const Buffer bytes, mailbox::encode_header(header, header.form));
  CYR_CHECK(replace_file(io, path, bytes, file_mode));
  if (mailbox::has_record_crc(index.minor_version)) {
    index.header_file_crc = crc32(Bytes(bytes));
  }
  return success();
}

Result<MailboxHead> MailboxHead::open(Administration& admin, const meta::MailboxEntry& entry,
                                      LockFor purpose) {
  CYR_TRY(auto files, admin.store.files(entry));
  MailboxHead head(admin, entry, std::move(files));
  CYR_TRY(head.lock_, MailboxLock::take(admin.io(), head.files_,
                                        admin.io().read_only() ? LockFor::examine : purpose, admin.locks));
  if (!head.lock_.has_index()) {
    return to_be_reconstructed(make_error(Errc::not_found, "no such file").at(head.files_.index), admin.store,
                               entry);
  }
  auto index = mailbox::read_index_header(head.lock_.index());
  if (!index) {
    return to_be_reconstructed(std::move(index).error().at(head.files_.index), admin.store, entry);
  }
  const auto bytes = admin.io().read_file(head.files_.header);
  if (!bytes) {
    return to_be_reconstructed(bytes.error(), admin.store, entry);
  }
  auto header = mailbox::decode_header(bytes->bytes());
  if (!header) {
    return to_be_reconstructed(std::move(header).error().at(head.files_.header), admin.store, entry);
  }
  head.header = std::move(*header);
  head.index = std::move(*index);
  const std::uint32_t header_crc = crc32(bytes->bytes());
  CYR_TRY(const bool outran, header_outran_index(admin.io(), head.files_.header, head.header, header_crc,
                                                 head.index, head.lock_.index(), entry));
  head.index.header_file_crc = outran ? header_crc : head.index.header_file_crc;
  head.as_read_ = head.header;
  head.modseq_as_read_ = head.index.highestmodseq;
  return head;
}

bool MailboxHead::is_deleted() const {
  const auto name = names::MailboxName::from_internal(entry_.name, admin_->store.name_space());
  return name && name->is_deleted();
}

// What happens to a deleted mailbox is no news for its owner: the counters hear of the modseq that it had,
// and of the new one only where its place in the list changes.
Status MailboxHead::touch(ModseqUse use) {
  Store& store = admin_->store;
  if (!is_deleted()) {
    CYR_TRY(index.highestmodseq, next_modseq(store, files_.user, entry_.type.kind, index.highestmodseq, use));
    return success();
  }
  CYR_CHECK(note_modseq(store, files_.user, entry_.type.kind, index.highestmodseq, {}));
  CYR_CHECK(touch_unnoted());
  return use.folder ? note_modseq(store, files_.user, entry_.type.kind, index.highestmodseq, use) : success();
}

Status MailboxHead::touch_unnoted() {
  CYR_TRY(const auto highest, highest_counter(admin_->store, files_.user));
  index.highestmodseq = std::max(highest.value_or(0), index.highestmodseq) + 1;
  return success();
}

Status MailboxHead::set_quota_root(const std::optional<std::string>& root) {
  const std::string before = header.quotaroot.value_or("");
  const std::string after = root.value_or("");
  if (before == after) {
    return success();
  }
  const meta::Usage usage = usage_of(index);
  CYR_CHECK(add_usage(admin_->store, before, entry_.name, negative(usage)));
  CYR_CHECK(add_usage(admin_->store, after, entry_.name, usage));
  header.quotaroot = root && !root->empty() ? root : std::nullopt;
  return success();
}

Status MailboxHead::set_quota_root_of_copy(const std::optional<std::string>& root) {
  const std::string after = root.value_or("");
  meta::Usage folder{};
  folder[static_cast<std::size_t>(meta::Resource::folders)] = 1;
  const meta::Usage usage = usage_of(index);
  CYR_CHECK(add_usage(admin_->store, after, entry_.name, folder));
  CYR_CHECK(add_usage(admin_->store, after, entry_.name, meta::add(usage, negative(folder))));
  CYR_CHECK(add_usage(admin_->store, header.quotaroot.value_or(""), entry_.name, negative(usage)));
  header.quotaroot = root && !root->empty() ? root : std::nullopt;
  return success();
}

Status MailboxHead::commit() {
  if (admin_->io().read_only()) {
    return success();
  }
  if (!(header == as_read_)) {
    CYR_CHECK(write_mailbox_header(admin_->io(), files_.header, header, index));
    as_read_ = header;
  }
  CYR_CHECK(mailbox::write_index_header(lock_.index(), index));
  if (index.highestmodseq != modseq_as_read_ && !is_deleted()) {
    CYR_CHECK(note_folder_modseq(admin_->store, files_.user, header.uniqueid, index.highestmodseq));
    modseq_as_read_ = index.highestmodseq;
  }
  forget_status(admin_->store, entry_.name);
  return success();
}

}  // namespace cyr::store
