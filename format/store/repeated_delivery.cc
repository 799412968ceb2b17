#include "format/store/repeated_delivery.h"

namespace cyr::store {

namespace {

constexpr std::int64_t kKept = std::int64_t{3} * 24 * 3600;  // seconds
constexpr std::uint64_t kTraceVaries = 128;  // bytes, by dates, process ids and the client's name
constexpr std::string_view kTraceStart = "Return-Path: ";

bool about_as_large(std::uint64_t one, std::uint64_t other) {
  return (one > other ? one - other : other - one) <= kTraceVaries;
}

}  // namespace

Result<std::optional<std::uint32_t>> delivered_before(Store& store, MailboxEdit& edit,
                                                      const StagedMessage& message, std::size_t trace_size,
                                                      std::int64_t now) {
  CYR_TRY(const auto newest, edit.newest());
  std::optional<FileBytes> mine;
  for (const auto& at : newest) {
    const auto& record = at.record;
    if (!about_as_large(record.size, message.size()) || record.has(mailbox::flag::unlinked) ||
        static_cast<std::int64_t>(record.internaldate) < now - kKept) {
      continue;
    }
    const auto file = edit.message(record);
    if (!file) {
      continue;  // gone, or not to be read: then it is delivered once more
    }
    if (!mine) {
      CYR_TRY(mine, message.bytes());
    }
    const std::string_view text = mine->text().substr(std::min(trace_size, mine->text().size()));
    if (file->text().starts_with(kTraceStart) && file->text().ends_with(text)) {
      // Its stage file would make reconstruct's business look like a delivery that nobody was told of.
      CYR_TRY(const FileInfo info, store.io().lstat(edit.message_path(record)));
      CYR_CHECK(forget_stage_of(store, edit.files().place.partition, info));
      return std::optional(record.uid);
    }
  }
  return std::optional<std::uint32_t>();
}

}  // namespace cyr::store
