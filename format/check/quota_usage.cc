#include "format/check/quota_usage.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/mailbox/header.h"
#include "format/mailbox/index.h"
#include "format/mailbox/index_file.h"
#include "format/mailbox/index_layout.h"

namespace cyr::check {
namespace {

meta::Usage usage_of(mailbox::IndexHeader header) {
  mailbox::apply_read_defaults(header);
  return {static_cast<std::int64_t>(header.quota_mailbox_used), static_cast<std::int64_t>(header.exists),
          static_cast<std::int64_t>(header.quota_annot_used), 1};
}

// STORAGE and MESSAGE from the records, which must all be there and sound; the first of them that is not is
// the error.
Result<meta::Usage> count_records(const File& index, const mailbox::SalvagedIndexHeader& salvaged) {
  if (salvaged.layout == 0) {
    return corrupt("no index version fits the file", 0).at(index.path());
  }
  CYR_TRY(auto reader, mailbox::IndexReader::open(index, salvaged.header));
  meta::Usage used{0, 0, static_cast<std::int64_t>(salvaged.header.quota_annot_used), 1};
  mailbox::IndexEntry entry;
  for (;;) {
    CYR_TRY(const bool more, reader.next(entry));
    if (!more) {
      return used;
    }
    if (!entry.crc_ok) {
      return corrupt(fmt::format("record {} has a wrong CRC", entry.recno), entry.offset).at(index.path());
    }
    if (!mailbox::has_record_crc(salvaged.layout) || !entry.record.has(mailbox::flag::expunged)) {
      used = meta::add(used, {static_cast<std::int64_t>(entry.record.size), 1, 0, 0});
    }
  }
}

// The index header is refused. Without a CRC per record there is nothing to tell sound records from others.
Status count_damaged(const File& index, const Error& problem, MailboxUsage& out) {
  CYR_TRY(const auto bytes, index.map());
  const auto salvaged = mailbox::salvage_index_header(bytes.bytes());
  const auto& doubtful = salvaged.doubtful_fields;
  const bool counts_known = std::find(doubtful.begin(), doubtful.end(), "num_records") == doubtful.end() &&
                            std::find(doubtful.begin(), doubtful.end(), "quota_annot_used") == doubtful.end();
  if (!mailbox::has_record_crc(salvaged.layout) || !counts_known ||
      salvaged.whole_records != salvaged.header.num_records) {
    return Error(problem).at(index.path());
  }
  CYR_TRY(out.used, count_records(index, salvaged));
  out.counted_because = problem.text();
  return success();
}

Status read_index(Io& io, const store::MailboxFiles& files, MailboxUsage& out, bool salvage) {
  CYR_TRY(const File index, File::open(io, files.index));
  auto header = mailbox::read_index_header(index);
  if (header) {
    out.used = usage_of(std::move(*header));
    return success();
  }
  if (!salvage || header.error().code != Errc::corrupt) {
    return std::move(header).error().at(files.index);
  }
  return count_damaged(index, header.error(), out);
}

void read_header(Io& io, const store::MailboxFiles& files, MailboxUsage& out) {
  const auto bytes = io.read_file(files.header);
  if (!bytes) {
    out.header_problem = Error(bytes.error()).at(files.header);
    return;
  }
  auto header = mailbox::decode_header(bytes->bytes());
  if (!header) {
    out.header_problem = std::move(header).error().at(files.header);
    return;
  }
  out.quotaroot = std::move(header->quotaroot);
}

Result<MailboxUsage> read_once(Io& io, const store::MailboxFiles& files, bool salvage) {
  MailboxUsage out;
  CYR_CHECK(read_index(io, files, out, salvage));
  read_header(io, files, out);
  return out;
}

}  // namespace

Result<MailboxUsage> read_mailbox_usage(Io& io, const store::MailboxFiles& files, store::UserLocks& locks,
                                        ReadHow how) {
  if (how == ReadHow::locked) {
    return read_once(io, files, true);
  }
  // A header that is being written can look damaged, and a mailbox that is being renamed missing.
  auto quick = read_once(io, files, false);
  if (quick && !quick->header_problem) {
    return quick;
  }
  CYR_TRY(const auto lock, store::MailboxLock::take(io, files, store::LockFor::examine, locks));
  return read_once(io, files, true);
}

}  // namespace cyr::check
