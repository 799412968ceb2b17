// The parser: one row per key. See search_program.h; evaluation is in search_match.cc.
#include "server-min/imapd/search_program.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"
#include "format/text/charset.h"
#include "format/text/search_form.h"
#include "server-min/imapd/dates.h"

namespace cyr::imapd {

namespace {

constexpr unsigned kMaxKeyDepth = 100;
constexpr std::size_t kMaxKeys = 10'000;
namespace flag = mailbox::flag;

class SearchReader;
using ReadKey = Result<SearchKey> (SearchReader::*)(const struct KeyRow& row);

// How a key's arguments are read, and what the row says of them.
struct KeyRow {
  std::string_view name;
  ReadKey read;
  SearchOp op = SearchOp::all;
  std::uint64_t number = 0;  // flag bit, cache item, or which side of a date
  bool negated = false;
};

// Sides of a date key.
constexpr std::uint64_t kDayBefore = 0, kDayOf = 1, kDaySince = 2;

SearchKey negate(SearchKey key) {
  SearchKey out;
  out.op = SearchOp::negation;
  out.children.push_back(std::move(key));
  return out;
}

class SearchReader {
 public:
  SearchReader(CommandParser& parser, const SearchParseOptions& options, text::CharsetDecoder decoder)
      : parser_(parser), options_(options), decoder_(std::move(decoder)) {}

  Result<SearchProgram> run() {
    SearchProgram program;
    program.root.op = SearchOp::conjunction;
    do {
      CYR_TRY(SearchKey key, key());
      program.root.children.push_back(std::move(key));
    } while (parser_.accept(' '));
    CYR_CHECK(parser_.end());
    program.uses_modseq = uses_modseq_;
    put_cheap_keys_first(program.root);
    return program;
  }

  Result<SearchKey> simple(const KeyRow& row) {
    SearchKey key;
    key.op = row.op;
    key.number = row.number;
    return key;
  }
  Result<SearchKey> new_messages(const KeyRow&) {
    SearchKey key;
    key.op = SearchOp::conjunction;
    key.children = {SearchKey{SearchOp::recent}, negate(SearchKey{SearchOp::seen})};
    return key;
  }
  Result<SearchKey> keyword(const KeyRow& row) {
    CYR_TRY(SearchKey key, with_space(row));
    CYR_TRY(key.name, parser_.flag());
    return key;
  }
  Result<SearchKey> text(const KeyRow& row) {
    CYR_TRY(SearchKey key, with_space(row));
    key.item = static_cast<mailbox::CacheItem>(row.number);
    CYR_TRY(key.text, needle());
    return key;
  }
  Result<SearchKey> header(const KeyRow& row) {
    CYR_TRY(SearchKey key, with_space(row));
    CYR_TRY(key.name, parser_.astring());
    CYR_CHECK(parser_.space());
    CYR_TRY(key.text, needle());
    return key;
  }
  Result<SearchKey> date(const KeyRow& row) {
    CYR_TRY(SearchKey key, with_space(row));
    CYR_TRY(const std::string word, parser_.astring());
    const auto day = parse_day(word);
    if (!day) {
      return bad_argument("Invalid date in Search command");
    }
    key.from = row.number == kDayBefore ? INT64_MIN : day->start;
    key.until = row.number == kDayBefore ? day->start : row.number == kDayOf ? day->end : INT64_MAX;
    return key;
  }
  Result<SearchKey> within(const KeyRow& row) {
    CYR_TRY(SearchKey key, with_space(row));
    CYR_TRY(const std::uint64_t seconds, parser_.number(UINT32_MAX));
    if (seconds == 0) {
      return bad_argument("Invalid interval in Search command");
    }
    const std::int64_t edge = options_.now - static_cast<std::int64_t>(seconds);
    (row.number == kDayBefore ? key.until : key.from) = row.number == kDayBefore ? edge + 1 : edge;
    return key;
  }
  Result<SearchKey> number(const KeyRow& row) {
    CYR_TRY(SearchKey key, with_space(row));
    CYR_TRY(key.number, parser_.number());
    return key;
  }
  Result<SearchKey> modseq(const KeyRow& row) {
    CYR_TRY(SearchKey key, with_space(row));
    uses_modseq_ = true;
    if (parser_.peek() == '"') {  // "/flags/\\Seen" all: only whole-message modseqs are kept
      CYR_CHECK(discard(parser_.astring()));
      CYR_CHECK(parser_.space());
      CYR_CHECK(discard(parser_.atom()));
      CYR_CHECK(parser_.space());
    }
    CYR_TRY(key.number, parser_.number());
    return key;
  }
  Result<SearchKey> id(const KeyRow& row) {
    CYR_TRY(SearchKey key, with_space(row));
    CYR_TRY(key.name, parser_.astring());
    return key;
  }
  Result<SearchKey> uid(const KeyRow& row) {
    CYR_TRY(SearchKey key, with_space(row));
    CYR_CHECK(set(key));
    return key;
  }
  Result<SearchKey> not_key(const KeyRow&) {
    CYR_CHECK(parser_.space());
    CYR_TRY(SearchKey inner, key());
    return negate(std::move(inner));
  }
  Result<SearchKey> or_keys(const KeyRow& row) {
    SearchKey both;
    both.op = row.op;
    for (int i = 0; i < 2; ++i) {
      CYR_CHECK(parser_.space());
      CYR_TRY(SearchKey one, key());
      both.children.push_back(std::move(one));
    }
    return both;
  }

 private:
  template <class T>
  static Status discard(Result<T> result) {
    return result ? success() : Status(std::move(result).error());
  }
  Result<SearchKey> with_space(const KeyRow& row) {
    CYR_CHECK(parser_.space());
    return simple(row);
  }
  Result<std::string> needle() {
    CYR_TRY(const std::string raw, parser_.astring());
    std::string utf8;
    decoder_.decode(raw, utf8);
    decoder_.finish(utf8);
    return search_form(utf8);
  }
  Status set(SearchKey& key) {
    CYR_TRY(const std::string text, parser_.sequence());
    if (text == "$") {
      key.saved_result = true;
      return success();
    }
    auto ranges = parse_sequence(text);
    if (!ranges) {
      return bad_argument("Invalid Search criteria");
    }
    key.ranges = std::move(*ranges);
    return success();
  }
  Result<SearchKey> group() {
    SearchKey all;
    all.op = SearchOp::conjunction;
    CYR_CHECK(parser_.list([&]() -> Status {
      CYR_TRY(SearchKey inner, key());
      all.children.push_back(std::move(inner));
      return success();
    }));
    return all;
  }
  Result<SearchKey> key();
  Result<SearchKey> key_at_depth();

  CommandParser& parser_;
  const SearchParseOptions& options_;
  text::CharsetDecoder decoder_;
  unsigned depth_ = 0;
  std::size_t keys_ = 0;
  bool uses_modseq_ = false;
};

constexpr std::uint64_t cache_item(mailbox::CacheItem which) { return static_cast<std::uint64_t>(which); }
using R = SearchReader;
using Op = SearchOp;
constexpr std::array kSearchKeys{
    KeyRow{"ALL", &R::simple, Op::all},
    KeyRow{"ANSWERED", &R::simple, Op::system_flag, flag::answered},
    KeyRow{"BCC", &R::text, Op::cached_text, cache_item(mailbox::CacheItem::bcc)},
    KeyRow{"BEFORE", &R::date, Op::internaldate, kDayBefore},
    KeyRow{"BODY", &R::text, Op::body},
    KeyRow{"CC", &R::text, Op::cached_text, cache_item(mailbox::CacheItem::cc)},
    KeyRow{"DELETED", &R::simple, Op::system_flag, flag::deleted},
    KeyRow{"DRAFT", &R::simple, Op::system_flag, flag::draft},
    KeyRow{"EMAILID", &R::id, Op::emailid},
    KeyRow{"FLAGGED", &R::simple, Op::system_flag, flag::flagged},
    KeyRow{"FROM", &R::text, Op::cached_text, cache_item(mailbox::CacheItem::from)},
    KeyRow{"HEADER", &R::header, Op::header},
    KeyRow{"KEYWORD", &R::keyword, Op::keyword},
    KeyRow{"LARGER", &R::number, Op::larger},
    KeyRow{"MODSEQ", &R::modseq, Op::modseq},
    KeyRow{"NEW", &R::new_messages},
    KeyRow{"NOT", &R::not_key},
    KeyRow{"OLD", &R::simple, Op::recent, 0, true},
    KeyRow{"OLDER", &R::within, Op::internaldate, kDayBefore},
    KeyRow{"ON", &R::date, Op::internaldate, kDayOf},
    KeyRow{"OR", &R::or_keys, Op::disjunction},
    KeyRow{"RECENT", &R::simple, Op::recent},
    KeyRow{"SAVEDBEFORE", &R::date, Op::savedate, kDayBefore},
    KeyRow{"SAVEDON", &R::date, Op::savedate, kDayOf},
    KeyRow{"SAVEDSINCE", &R::date, Op::savedate, kDaySince},
    KeyRow{"SAVEDATESUPPORTED", &R::simple, Op::all},
    KeyRow{"SEEN", &R::simple, Op::seen},
    KeyRow{"SENTBEFORE", &R::date, Op::sentdate, kDayBefore},
    KeyRow{"SENTON", &R::date, Op::sentdate, kDayOf},
    KeyRow{"SENTSINCE", &R::date, Op::sentdate, kDaySince},
    KeyRow{"SINCE", &R::date, Op::internaldate, kDaySince},
    KeyRow{"SMALLER", &R::number, Op::smaller},
    KeyRow{"SUBJECT", &R::text, Op::cached_text, cache_item(mailbox::CacheItem::subject)},
    KeyRow{"TEXT", &R::text, Op::text},
    KeyRow{"THREADID", &R::id, Op::threadid},
    KeyRow{"TO", &R::text, Op::cached_text, cache_item(mailbox::CacheItem::to)},
    KeyRow{"UID", &R::uid, Op::uids},
    KeyRow{"UNANSWERED", &R::simple, Op::system_flag, flag::answered, true},
    KeyRow{"UNDELETED", &R::simple, Op::system_flag, flag::deleted, true},
    KeyRow{"UNDRAFT", &R::simple, Op::system_flag, flag::draft, true},
    KeyRow{"UNFLAGGED", &R::simple, Op::system_flag, flag::flagged, true},
    KeyRow{"UNKEYWORD", &R::keyword, Op::keyword, 0, true},
    KeyRow{"UNSEEN", &R::simple, Op::seen, 0, true},
    KeyRow{"YOUNGER", &R::within, Op::internaldate, kDaySince},
};

Result<SearchKey> SearchReader::key() {
  if (++keys_ > kMaxKeys || ++depth_ > kMaxKeyDepth) {
    return bad_argument("Search criteria too complex");
  }
  auto result = key_at_depth();
  --depth_;
  return result;
}

Result<SearchKey> SearchReader::key_at_depth() {
  const char c = parser_.peek();
  if (c == '(') {
    return group();
  }
  if (is_digit(c) || c == '*' || c == '$') {
    SearchKey numbers;
    numbers.op = SearchOp::sequence;
    CYR_CHECK(set(numbers));
    return numbers;
  }
  const std::string name = parser_.word();
  const auto* const row = std::find_if(kSearchKeys.begin(), kSearchKeys.end(), [&](const KeyRow& candidate) {
    return equal_ignoring_case(candidate.name, name);
  });
  if (row == kSearchKeys.end()) {
    return bad_argument("Invalid Search criteria");
  }
  CYR_TRY(SearchKey key, (this->*row->read)(*row));
  return row->negated ? negate(std::move(key)) : key;
}

}  // namespace

std::string search_form(std::string_view utf8) {
  return text::to_search_form(utf8, text::SearchForm::form_2_4);
}

Result<SearchProgram> parse_search(CommandParser& parser, const SearchParseOptions& options) {
  const auto charset = text::find_charset(options.charset, text::CharsetRules{});
  if (!charset) {
    return bad_argument("Unrecognized character set");
  }
  // Clients that name no charset send UTF-8 often enough, and ASCII is a part of it.
  const bool ascii = charset->name == "us-ascii";
  text::CharsetDecoder decoder(ascii ? "utf-8" : charset->name, "\xEF\xBF\xBD");
  if (!decoder.known()) {
    return bad_argument("Unrecognized character set");
  }
  return SearchReader(parser, options, std::move(decoder)).run();
}

}  // namespace cyr::imapd
