// The keys of SEARCH, SORT and THREAD as a tree (RFC 3501 6.4.4, 5032 WITHIN, 7162 MODSEQ, 8474, 8514),
// parsed, and its evaluation against one message. What a message says for itself comes from a SearchTarget,
// so that the cache is asked before the message file, and the file only when nothing else can tell.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "format/mailbox/cache_file.h"
#include "format/mailbox/index.h"
#include "server-min/imapd/parser.h"

namespace cyr::imapd {

enum class SearchOp : std::uint8_t {
  all,
  conjunction,  // every child
  disjunction,  // any child
  negation,     // the one child
  sequence,     // message numbers
  uids,
  system_flag,  // number: bit of mailbox::flag
  seen,
  recent,
  keyword,
  internaldate,  // number <= value < limit
  sentdate,
  savedate,
  larger,   // size > number
  smaller,  // size < number
  modseq,   // >= number
  emailid,
  threadid,
  cached_text,  // item: FROM, TO, CC, BCC or SUBJECT of the cache
  header,       // field `name` contains text; empty text: it is there
  body,
  text,
};

struct SearchKey {
  SearchOp op = SearchOp::all;
  std::vector<SearchKey> children = {};
  std::vector<SequenceRange> ranges = {};
  bool saved_result = false;  // of sequence and uids: "$"
  std::uint64_t number = 0;
  std::int64_t from = INT64_MIN;  // dates: first second
  std::int64_t until = INT64_MAX;
  mailbox::CacheItem item = mailbox::CacheItem::subject;
  std::string name = {};  // of a field or keyword
  std::string text = {};  // in search form
};

struct SearchProgram {
  SearchKey root;
  bool uses_modseq = false;
};

// `now`: seconds, for OLDER and YOUNGER.
struct SearchParseOptions {
  std::int64_t now = 0;
  std::string charset = "US-ASCII";
};
// One or more keys to the end of the line. BAD "Invalid Search criteria", "Unrecognized character set".
Result<SearchProgram> parse_search(CommandParser& parser, const SearchParseOptions& options);

// The search form of a text that is UTF-8 already: no case, no diacritics, runs of blanks as one.
[[nodiscard]] std::string search_form(std::string_view utf8);

// One message, as far as it is asked.
class SearchTarget {
 public:
  SearchTarget() = default;
  SearchTarget(const SearchTarget&) = delete;
  SearchTarget& operator=(const SearchTarget&) = delete;
  virtual ~SearchTarget() = default;

  virtual std::uint32_t msgno() = 0;
  virtual std::uint32_t uid() = 0;
  virtual std::uint32_t system_flags() = 0;
  virtual std::uint64_t modseq() = 0;
  // The rest of the record, for keys that want it.
  virtual const mailbox::IndexRecord& record() = 0;
  virtual bool seen() = 0;
  virtual bool recent() = 0;
  virtual bool has_keyword(std::string_view name) = 0;
  // True when the text in search form holds `needle`.
  virtual bool cached_text_has(mailbox::CacheItem item, std::string_view needle) = 0;
  // The values of the fields of this name, decoded, in search form; nothing when the message has none.
  virtual std::optional<std::string> header_text(std::string_view name) = 0;
  virtual bool body_has(std::string_view needle) = 0;
  virtual bool text_has(std::string_view needle) = 0;
  // The numbers that a key's set means in this mailbox; the same object for the same key.
  virtual const text::SequenceSet& resolved(const SearchKey& key) = 0;
};

// For matches(), whatever order the client chose; parse_search() has done it.
void put_cheap_keys_first(SearchKey& key);
[[nodiscard]] bool matches(const SearchKey& key, SearchTarget& target);

// True when a key below this one needs more than the index (cache or message file).
[[nodiscard]] bool needs_content(const SearchKey& key);

}  // namespace cyr::imapd
