// See listed_names.h.
#include "server-min/imapd/listed_names.h"

#include <cstring>

#include "format/base/merge_runs.h"
#include "format/base/text.h"

namespace cyr::imapd {

namespace {

constexpr std::string_view kInbox = "INBOX";

// The domain of an administrator's name stands behind it: "user/ted@example.net" goes before
// "user/ted/a@example.net".
unsigned weight(char c, char separator) {
  return c == '@' ? 0 : c == separator ? 1 : 2U + static_cast<unsigned char>(c);
}

bool name_less(std::string_view a, std::string_view b, char separator) {
  const std::size_t common = std::min(a.size(), b.size());
  std::size_t at = 0;
  while (at < common && a[at] == b[at]) {
    ++at;
  }
  return at < common ? weight(a[at], separator) < weight(b[at], separator) : a.size() < b.size();
}

void merge(ListedName& into, const ListedName& other) {
  into.own |= other.own;
  into.exists |= other.exists;
  into.subscribed |= other.subscribed;
  into.entry = other.entry == ListedName::no_entry ? into.entry : other.entry;
}

}  // namespace

ListedName ListedNames::key_of(std::uint8_t section, std::string_view name) const {
  ListedName key;
  key.name = name;
  key.section = section;
  key.under_inbox = starts_with_ignoring_case(name, kInbox) &&
                    (name.size() == kInbox.size() || name[kInbox.size()] == separator_);
  return key;
}

ListedName& ListedNames::add(std::uint8_t section, std::string_view name) {
  ListedName key = key_of(section, name);
  char* const text = static_cast<char*>(texts_.allocate(name.size() + 1, 1));
  std::memcpy(text, name.data(), name.size());
  key.name = {text, name.size()};
  return names_.emplace_back(key);
}

bool ListedNames::less(const ListedName& a, const ListedName& b) const {
  if (a.section != b.section) {
    return a.section < b.section;
  }
  return a.under_inbox != b.under_inbox ? a.under_inbox : name_less(a.name, b.name, separator_);
}

// The database has the sections in another order, but in each of them nearly every name is where it belongs.
void ListedNames::settle() {
  std::vector<ListedName> ordered;
  ordered.reserve(names_.size());
  for (std::uint8_t section = 0; section < sections; ++section) {
    const auto start = static_cast<std::ptrdiff_t>(ordered.size());
    std::copy_if(names_.begin(), names_.end(), std::back_inserter(ordered),
                 [section](const ListedName& name) { return name.section == section; });
    merge_runs(ordered.begin() + start, ordered.end(),
               [this](const ListedName& a, const ListedName& b) { return less(a, b); });
  }
  names_ = std::move(ordered);
  unite();
}

void ListedNames::unite() {
  auto to = names_.begin();
  for (const ListedName& name : names_) {
    if (to != names_.begin() && to[-1].section == name.section && to[-1].name == name.name) {
      merge(to[-1], name);
    } else {
      *to++ = name;
    }
  }
  names_.erase(to, names_.end());
}

ListedNames::Iterator ListedNames::lower_bound(const ListedName& key) {
  return std::lower_bound(names_.begin(), names_.end(), key,
                          [this](const ListedName& a, const ListedName& b) { return less(a, b); });
}

ListedNames::Iterator ListedNames::find(std::uint8_t section, std::string_view name) {
  const auto at = lower_bound(key_of(section, name));
  return at != end() && at->section == section && at->name == name ? at : end();
}

bool ListedNames::is_below(const ListedName& name, const ListedName& parent) const {
  return name.section == parent.section && name.name.size() > parent.name.size() &&
         name.name[parent.name.size()] == separator_ && name.name.starts_with(parent.name);
}

// Mostly the next one; names with a domain may stand between.
ListedNames::Iterator ListedNames::first_below(Iterator at) {
  const auto next = at + 1;
  if (next == end() || is_below(*next, *at)) {
    return next;
  }
  const bool between = next->section == at->section && next->name.size() > at->name.size() &&
                       next->name[at->name.size()] == '@' && next->name.starts_with(at->name);
  return between ? lower_bound(key_of(at->section, std::string(at->name) + separator_)) : end();
}

}  // namespace cyr::imapd
