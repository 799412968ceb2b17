// dlist: the text form of mailboxes.db records (2.5 and later), quota records, and cyrus.header of 3.6
// (dlist.md, store.md 3.5). A value is a small tree; the writer gives Cyrus's canonical form, so that an
// unchanged record serialises to the bytes it was read from.
//
// Real Cyrus has two readers with different languages; the parser here accepts both. Depth and number of
// items are bounded (max_depth, max_items), so hostile bytes cannot exhaust the stack or memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr::text {

// How a string stood in the text that was read. `chosen`: not read; the writer's rules decide, as they always
// do.
enum class StringForm : std::uint8_t { chosen, atom, quoted, literal, plus_literal };

// What differs between writers.
struct DlistStyle {
  bool us_is_atom = true;     // byte 0x1F may stand in a bare atom: 3.6 to 3.10; false: 3.12 quotes it
  bool plus_literals = true;  // {5+}, as all databases have them; false: {5}
  friend bool operator==(const DlistStyle&, const DlistStyle&) = default;
};

struct Item {
  enum class Kind : std::uint8_t { nil, string, list, map };

  static constexpr std::size_t max_depth = 32;         // lists within lists; real records have 4
  static constexpr std::size_t max_items = 1U << 20U;  // in one value

  Kind kind = Kind::nil;
  StringForm form = StringForm::chosen;  // of `text`
  StringForm key_form = StringForm::chosen;
  std::string key;          // when the item stands in a map; keys may repeat in damaged records
  std::string text;         // of a string; any bytes
  std::vector<Item> items;  // of a list or map, in file order

  static Item nil() { return {}; }
  static Item string(std::string_view value);
  static Item number(std::uint64_t value);  // unsigned decimal
  static Item list() { return with_kind(Kind::list); }
  static Item map() { return with_kind(Kind::map); }

  [[nodiscard]] bool is_nil() const { return kind == Kind::nil; }
  [[nodiscard]] bool is_string() const { return kind == Kind::string; }
  [[nodiscard]] bool is_list() const { return kind == Kind::list; }
  [[nodiscard]] bool is_map() const { return kind == Kind::map; }

  // Of a map: the first item with this key; nullptr when absent or not a map.
  [[nodiscard]] const Item* find(std::string_view name) const;
  [[nodiscard]] Item* find(std::string_view name);
  // The string under `name`; nothing when absent, NIL or no string.
  [[nodiscard]] std::optional<std::string_view> string_at(std::string_view name) const;
  // The unsigned decimal under `name`; nothing when absent or not a number that fits.
  [[nodiscard]] std::optional<std::uint64_t> number_at(std::string_view name) const;
  [[nodiscard]] std::optional<std::uint64_t> as_number() const;

  // Of a map: appends; the key is taken over. Of a list: the key is ignored when printing.
  Item& add(std::string_view name, Item item);
  Item& add(Item item);
  // Of a map: replaces the first item with this key in place, or appends.
  Item& set(std::string_view name, Item item);
  void erase(std::string_view name);

  // Same kinds, keys, texts and children; the form a string was read in does not matter.
  friend bool operator==(const Item& a, const Item& b);

 private:
  static Item with_kind(Kind kind) {
    Item item;
    item.kind = kind;
    return item;
  }
};

// The whole of `text` as one value without key. Errc::corrupt with the offset in `text` of the first byte
// that breaks the grammar.
Result<Item> parse_dlist(std::string_view text);

// A map of atoms and of maps of atoms, which nearly every record of mailboxes.db is: read in place, nothing
// is copied. Views are into the text that was read.
class PlainMap {
 public:
  struct Field {
    std::string_view key;
    std::string_view value;  // of a map: the text from after its "(" to its ")"
    bool is_map = false;
  };

  // Nothing when there is anything else in `text` (quoted strings, literals, lists, NIL, a map three deep,
  // more than max_fields) or anything wrong with it: parse_dlist() says what.
  static std::optional<PlainMap> read(std::string_view text);

  // The first field whose key is this one letter; nullptr when absent.
  [[nodiscard]] const Field* find(char letter) const {
    for (std::size_t i = 0; i < count_; ++i) {
      if (fields_[i].key.size() == 1 && fields_[i].key.front() == letter) {
        return &fields_[i];
      }
    }
    return nullptr;
  }
  [[nodiscard]] std::string_view first_key() const {
    return count_ == 0 ? std::string_view() : fields_[0].key;
  }
  [[nodiscard]] std::size_t size() const { return count_; }
  // `visit(key, value)` for each pair of a field that is a map, in the order of the text; none of another.
  template <class Visit>
  static void for_each_pair(const Field& map, const Visit& visit) {
    std::string_view rest = map.is_map ? map.value : std::string_view();
    while (!rest.empty()) {
      const std::string_view key = rest.substr(0, rest.find(' '));
      rest.remove_prefix(key.size() + 1);
      const std::string_view value = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(value.size() + 1, rest.size()));
      visit(key, value);
    }
  }

 private:
  static constexpr std::size_t max_fields = 12;
  std::array<Field, max_fields> fields_;
  std::size_t count_ = 0;
};

// Canonical form, without final line feed.
[[nodiscard]] std::string print_dlist(const Item& item, DlistStyle style = {});

// The style of the writer as far as the forms of the strings that were read tell: us_is_atom is false when a
// string was quoted only for its 0x1F bytes, plus_literals as read. Pass it to print_dlist to give back the
// bytes read.
[[nodiscard]] DlistStyle style_of(const Item& item);

}  // namespace cyr::text
