// One message of the selected mailbox for FETCH and SEARCH: each source is opened when it is first needed -
// the index record, then the cache record, then the message file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/mime/section.h"
#include "format/store/mailbox_view.h"

namespace cyr::imapd {

class MessageReader {
 public:
  MessageReader(store::MailboxView& view, std::uint32_t recno) : view_(view), recno_(recno) {}

  // What every search and list asks for, without the record.
  [[nodiscard]] std::uint32_t uid() const { return view_.records().uid(recno_); }
  [[nodiscard]] std::uint32_t system_flags() const { return view_.records().system_flags(recno_); }
  [[nodiscard]] std::uint64_t modseq() const { return view_.records().modseq(recno_); }
  Result<const mailbox::IndexRecord*> record();
  // An item of the cache record, valid as long as the reader.
  Result<std::string_view> item(mailbox::CacheItem which);
  Result<std::string_view> message();
  Result<const mime::SectionNode*> sections();
  // The message's own header block. With `names`, from the cache when it holds all fields of these names.
  Result<std::string_view> header();
  Result<std::string_view> header_with(const std::vector<std::string>& names);

 private:
  Result<unsigned> cache_version();
  store::MailboxView& view_;
  std::uint32_t recno_;
  std::optional<mailbox::IndexRecord> record_;
  std::optional<store::CachedMessage> cached_;
  std::optional<FileBytes> bytes_;
  std::optional<FileBytes> header_;  // when the whole is not needed
  std::optional<mime::SectionNode> sections_;
};

}  // namespace cyr::imapd
