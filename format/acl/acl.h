// Access control lists: "id TAB rights TAB id TAB rights TAB ..." (acl.md, store.md 4).
//
// Stored rights are kept letter for letter, for byte fidelity; comparing and evaluating go by set, because
// the same set is spelt differently by different releases.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr::acl {

// Which letters there are.
enum class Letters : std::uint8_t {
  rfc2086,           // 2.1, 2.2, 2.3.0: l r s w i p c d a 0-9
  rfc4314,           // 2.3.1 to 2.4: l r s w i p k x t e a 0-9, c and d are macros
  rfc4314_annotate,  // 2.5 and later: and n
};

struct Dialect {
  Letters letters = Letters::rfc4314_annotate;
  char deleteright = 'c';  // first byte of the option: which letter also grants x
};

// A set of rights; bit values are internal.
class Rights {
 public:
  constexpr Rights() = default;
  // Letters to set, macros resolved. Unknown letters are ignored, as real Cyrus does with stored ones.
  static Rights parse(std::string_view letters, const Dialect& dialect = {});
  // For input: Errc::invalid "The q right is not supported", as the server says it.
  static Result<Rights> parse_strict(std::string_view letters, const Dialect& dialect = {});
  // Every right of the dialect without the digits.
  static Rights all(const Dialect& dialect = {});

  // Canonical letters, c and d included where they hold.
  [[nodiscard]] std::string print(const Dialect& dialect = {}) const;
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  [[nodiscard]] bool has(char letter) const;  // a plain letter, no macro (rfc2086: c and d too)

  friend constexpr bool operator==(Rights, Rights) = default;
  friend constexpr Rights operator|(Rights a, Rights b) { return Rights(a.bits_ | b.bits_); }
  friend constexpr Rights operator&(Rights a, Rights b) { return Rights(a.bits_ & b.bits_); }
  friend constexpr Rights operator-(Rights a, Rights b) { return Rights(a.bits_ & ~b.bits_); }

 private:
  explicit constexpr Rights(std::uint32_t bits) : bits_(bits) {}
  std::uint32_t bits_ = 0;
};

struct Entry {
  std::string id;      // as stored; a leading '-' makes it negative
  std::string rights;  // as stored
  friend bool operator==(const Entry&, const Entry&) = default;
};

// `visit(id, rights)` for each entry of a list's string form, up to the last complete one; returns what was
// left.
template <class Visit>
std::string_view for_each_entry(std::string_view text, const Visit& visit) {
  while (true) {
    const auto id_end = text.find('\t');
    const auto end = id_end == std::string_view::npos ? id_end : text.find('\t', id_end + 1);
    if (end == std::string_view::npos) {
      return text;
    }
    visit(text.substr(0, id_end), text.substr(id_end + 1, end - id_end - 1));
    text.remove_prefix(end + 1);
  }
}

// Whether an identifier, without its '-', is that of the person asked about.
using IsMember = std::function<bool(std::string_view id)>;

// Acl::parse(text).rights(is_member, dialect) without making the list.
[[nodiscard]] Rights rights_in(std::string_view text, const IsMember& is_member, const Dialect& dialect = {});

class Acl {
 public:
  Acl() = default;
  // The string form; what follows the last complete entry is dropped, as real Cyrus does when evaluating.
  static Acl parse(std::string_view text);
  // The same, but Errc::corrupt for a cut tail or an empty id.
  static Result<Acl> parse_strict(std::string_view text);

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::string print() const;  // every entry closed by a TAB
  void append(std::string id, std::string rights) { entries_.push_back({std::move(id), std::move(rights)}); }

  [[nodiscard]] const Entry* find(std::string_view id) const;
  // Replaces the first entry of `id` in place, appends it, or removes it when `rights` is empty.
  void set(std::string_view id, Rights rights, const Dialect& dialect = {});

  // SETACL's argument: letters replace, "+letters" add, "-letters" take away; the new set of `id`.
  Result<Rights> apply(std::string_view id, std::string_view change, const Dialect& dialect = {});

  // Union of the entries whose id `is_member` accepts, less that of the negative ones (their ids without
  // '-').
  [[nodiscard]] Rights rights(const IsMember& is_member, const Dialect& dialect = {}) const;
  // Same ids with the same sets, whatever the order and the letters; a repeated id counts as the union.
  [[nodiscard]] bool same_rights(const Acl& other, const Dialect& dialect = {}) const;
  friend bool operator==(const Acl&, const Acl&) = default;  // byte for byte

 private:
  std::vector<Entry> entries_;
};

}  // namespace cyr::acl
