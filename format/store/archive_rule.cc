#include "format/store/archive_rule.h"

namespace cyr::store {

using conf::Option;

bool belongs_in_archive(const conf::Config& config, const mailbox::IndexRecord& record, bool deleted_mailbox,
                        std::int64_t cutoff) {
  if (static_cast<std::int64_t>(record.size) >= config.byte_count(Option::archive_maxsize) ||
      deleted_mailbox) {
    return true;
  }
  const bool kept = config.is_on(Option::archive_keepflagged) && record.has(mailbox::flag::flagged);
  return !kept && static_cast<std::int64_t>(record.internaldate) < cutoff;
}

bool appends_to_archive(const conf::Config& config, const MailboxFiles& files,
                        const mailbox::IndexRecord& record, std::int64_t now) {
  return files.has_archive() && config.is_on(Option::archive_enabled) &&
         belongs_in_archive(config, record, files.place.name.is_deleted(),
                            now - config.seconds(Option::archive_after));
}

}  // namespace cyr::store
