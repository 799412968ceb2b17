// Evaluation of search keys. See search_program.h.
#include <algorithm>

#include "format/base/text.h"
#include "server-min/imapd/search_program.h"

namespace cyr::imapd {

namespace {

// What one evaluation costs: index, cache, message file.
unsigned cost(const SearchKey& key) {
  unsigned most = 0;
  switch (key.op) {
    case SearchOp::cached_text:
      return 1;
    case SearchOp::header:
      return 2;
    case SearchOp::body:
    case SearchOp::text:
      return 3;
    default:
      for (const SearchKey& child : key.children) {
        most = std::max(most, cost(child));
      }
      return most;
  }
}

bool in_range(const SearchKey& key, std::uint64_t seconds) {
  const auto when = static_cast<std::int64_t>(seconds);
  return when >= key.from && when < key.until;
}

bool emailid_is(std::string_view id, const mailbox::IndexRecord& record) {
  return id.size() == 25 && id.front() == 'M' && record.guid.hex().substr(0, 24) == lower_ascii(id.substr(1));
}

bool threadid_is(std::string_view id, const mailbox::IndexRecord& record) {
  return record.cid != 0 && id.size() == 17 && id.front() == 'T' &&
         parse_number<std::uint64_t>(id.substr(1), 16) == record.cid;
}

bool matches_header(const SearchKey& key, SearchTarget& target) {
  const auto text = target.header_text(key.name);
  return text && text->find(key.text) != std::string::npos;
}

bool matches_record(const SearchKey& key, const mailbox::IndexRecord& record) {
  switch (key.op) {
    case SearchOp::internaldate:
      return in_range(key, record.internaldate);
    case SearchOp::sentdate:
      return in_range(key, record.sentdate);
    case SearchOp::savedate:
      return in_range(key, record.savedate != 0 ? record.savedate : record.internaldate);
    case SearchOp::larger:
      return record.size > key.number;
    case SearchOp::smaller:
      return record.size < key.number;
    case SearchOp::emailid:
      return emailid_is(key.name, record);
    case SearchOp::threadid:
      return threadid_is(key.name, record);
    default:
      return true;
  }
}

bool matches_leaf(const SearchKey& key, SearchTarget& target) {
  switch (key.op) {
    case SearchOp::all:
      return true;
    case SearchOp::sequence:
      return target.resolved(key).contains(target.msgno());
    case SearchOp::uids:
      return target.resolved(key).contains(target.uid());
    case SearchOp::system_flag:
      return (target.system_flags() & key.number) != 0;
    case SearchOp::seen:
      return target.seen();
    case SearchOp::recent:
      return target.recent();
    case SearchOp::keyword:
      return target.has_keyword(key.name);
    case SearchOp::modseq:
      return target.modseq() >= key.number;
    case SearchOp::cached_text:
      return target.cached_text_has(key.item, key.text);
    case SearchOp::header:
      return matches_header(key, target);
    case SearchOp::body:
      return target.body_has(key.text);
    case SearchOp::text:
      return target.text_has(key.text);
    default:
      return matches_record(key, target.record());
  }
}

}  // namespace

bool matches(const SearchKey& key, SearchTarget& target) {
  switch (key.op) {
    case SearchOp::conjunction:
      return std::all_of(key.children.begin(), key.children.end(),
                         [&](const SearchKey& child) { return matches(child, target); });
    case SearchOp::disjunction:
      return std::any_of(key.children.begin(), key.children.end(),
                         [&](const SearchKey& child) { return matches(child, target); });
    case SearchOp::negation:
      return !matches(key.children.front(), target);
    default:
      return matches_leaf(key, target);
  }
}

void put_cheap_keys_first(SearchKey& key) {
  for (SearchKey& child : key.children) {
    put_cheap_keys_first(child);
  }
  if (key.op == SearchOp::conjunction) {
    std::stable_sort(key.children.begin(), key.children.end(),
                     [](const SearchKey& a, const SearchKey& b) { return cost(a) < cost(b); });
  }
}

bool needs_content(const SearchKey& key) { return cost(key) > 0; }

}  // namespace cyr::imapd
