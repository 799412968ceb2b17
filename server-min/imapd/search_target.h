// A message of the selected mailbox as SEARCH asks it. Text is compared in search form; message files are
// only opened for BODY, TEXT and header fields that the cache does not hold.
#pragma once

#include <map>
#include <optional>

#include "server-min/imapd/message_reader.h"
#include "server-min/imapd/search_program.h"
#include "server-min/imapd/selected.h"

namespace cyr::imapd {

class SelectedTarget : public SearchTarget {
 public:
  // `saved`: the UIDs that "$" means.
  SelectedTarget(Selected& selected, const text::SequenceSet& saved) : selected_(selected), saved_(saved) {}
  // The message that is asked from now on; its row must have a record.
  void set_message(std::uint32_t msgno);

  std::uint32_t msgno() override { return msgno_; }
  std::uint32_t uid() override { return reader_->uid(); }
  std::uint32_t system_flags() override { return reader_->system_flags(); }
  std::uint64_t modseq() override { return reader_->modseq(); }
  const mailbox::IndexRecord& record() override;
  bool seen() override { return selected_.seen(selected_.row(msgno_)); }
  bool recent() override { return selected_.row(msgno_).recent; }
  bool has_keyword(std::string_view name) override {
    return selected_.has_keyword(selected_.row(msgno_), name);
  }
  bool cached_text_has(mailbox::CacheItem item, std::string_view needle) override;
  std::optional<std::string> header_text(std::string_view name) override;
  bool body_has(std::string_view needle) override;
  bool text_has(std::string_view needle) override;
  const text::SequenceSet& resolved(const SearchKey& key) override;

 private:
  void complain(const Error& error) const;
  const std::string& body_text();
  Selected& selected_;
  const text::SequenceSet& saved_;
  std::uint32_t msgno_ = 0;
  std::optional<MessageReader> reader_;
  std::optional<std::string> body_;                         // of text parts, in search form
  std::map<const SearchKey*, text::SequenceSet> resolved_;  // message numbers or UIDs
};

// The message numbers that match, ascending.
[[nodiscard]] std::vector<std::uint32_t> search(Selected& selected, const SearchProgram& program,
                                                const text::SequenceSet& saved);

// Values of header fields decoded (RFC 2047), as UTF-8.
[[nodiscard]] std::string decoded_header(std::string_view value);

}  // namespace cyr::imapd
