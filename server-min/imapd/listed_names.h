// The names that LIST and its relatives choose from, in the order in which they are shown: own, others',
// shared, deleted; INBOX first, parents before their children. Made for stores of a hundred thousand
// mailboxes: collected in the order of the database, which is nearly the one that is shown, and sorted only
// where it is not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "format/names/shown_names.h"

namespace cyr::imapd {

struct ListedName {
  static constexpr std::uint32_t no_entry = UINT32_MAX;

  std::string_view name;           // as the client writes it
  std::uint32_t entry = no_entry;  // which one of the entries that the command keeps
  std::uint8_t section = 0;        // 0 own, 1 others', 2 shared, 3 deleted
  bool under_inbox = false;        // INBOX itself, or below it
  bool own = false;                // the caller's
  bool exists = false;             // a mailbox that he may see
  bool subscribed = false;
  bool reported = false;
};

class ListedNames {
 public:
  using Iterator = std::vector<ListedName>::iterator;

  explicit ListedNames(char separator) : separator_(separator) {}

  // `section` as in ListedName. References stay good until the next call; a name may be added twice.
  ListedName& add(std::uint8_t section, std::string_view name);
  // Puts everything in order and makes one of what was added twice. Before anything below.
  void settle();

  [[nodiscard]] bool empty() const { return names_.empty(); }
  [[nodiscard]] Iterator begin() { return names_.begin(); }
  [[nodiscard]] Iterator end() { return names_.end(); }
  // end() when there is none.
  [[nodiscard]] Iterator find(std::uint8_t section, std::string_view name);
  // Whether `test(ListedName&)` holds for a name below this one.
  template <class Test>
  [[nodiscard]] bool any_below(Iterator at, const Test& test) {
    for (auto next = first_below(at); next != end() && is_below(*next, *at); ++next) {
      if (test(*next)) {
        return true;
      }
    }
    return false;
  }

 private:
  static constexpr std::uint8_t sections = 4;

  void unite();
  [[nodiscard]] ListedName key_of(std::uint8_t section, std::string_view name) const;
  [[nodiscard]] bool less(const ListedName& a, const ListedName& b) const;
  [[nodiscard]] bool is_below(const ListedName& name, const ListedName& parent) const;
  [[nodiscard]] Iterator first_below(Iterator at);
  [[nodiscard]] Iterator lower_bound(const ListedName& key);

  char separator_;
  std::pmr::monotonic_buffer_resource texts_;
  std::vector<ListedName> names_;
};

}  // namespace cyr::imapd
