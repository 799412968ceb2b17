// Rights and access control lists (acl.md, store.md 4).
//
// The letters of a dialect are one table: the order is that of printing, c and d of RFC 4314 are macros over
// it.
#include "format/acl/acl.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "format/base/text.h"

namespace cyr::acl {
namespace {

struct Letter {
  char letter;
  std::uint32_t bit;
};

constexpr std::uint32_t bit(unsigned n) { return std::uint32_t{1} << n; }
constexpr std::uint32_t right_k = bit(6);
constexpr std::uint32_t right_x = bit(7);
constexpr std::uint32_t right_t = bit(8);
constexpr std::uint32_t right_e = bit(9);
constexpr std::uint32_t right_n = bit(11);
// RFC 2086's create and delete are rights of their own in 2.1 to 2.3.0.
constexpr std::uint32_t right_old_c = bit(22);
constexpr std::uint32_t right_old_d = bit(23);

// In printing order; 'c' and 'd' without a bit mark the places of the macros.
constexpr std::array<Letter, 24> rfc4314_letters{{
    {'l', bit(0)},  {'r', bit(1)},  {'s', bit(2)},  {'w', bit(3)},  {'i', bit(4)},  {'p', bit(5)},
    {'k', right_k}, {'x', right_x}, {'t', right_t}, {'e', right_e}, {'c', 0},       {'d', 0},
    {'a', bit(10)}, {'n', right_n}, {'0', bit(21)}, {'1', bit(12)}, {'2', bit(13)}, {'3', bit(14)},
    {'4', bit(15)}, {'5', bit(16)}, {'6', bit(17)}, {'7', bit(18)}, {'8', bit(19)}, {'9', bit(20)},
}};
constexpr std::array<Letter, 19> rfc2086_letters{{
    {'l', bit(0)},  {'r', bit(1)},      {'s', bit(2)},      {'w', bit(3)},  {'i', bit(4)},
    {'p', bit(5)},  {'c', right_old_c}, {'d', right_old_d}, {'a', bit(10)}, {'0', bit(21)},
    {'1', bit(12)}, {'2', bit(13)},     {'3', bit(14)},     {'4', bit(15)}, {'5', bit(16)},
    {'6', bit(17)}, {'7', bit(18)},     {'8', bit(19)},     {'9', bit(20)},
}};

std::span<const Letter> letters_of(const Dialect& dialect) {
  if (dialect.letters == Letters::rfc2086) {
    return rfc2086_letters;
  }
  return rfc4314_letters;
}

// What the macros stand for: x goes with the letter that deleteright names.
std::uint32_t create_macro(const Dialect& dialect) {
  return right_k | (dialect.deleteright == 'c' ? right_x : 0);
}
std::uint32_t delete_macro(const Dialect& dialect) {
  return right_t | right_e | (dialect.deleteright == 'd' ? right_x : 0);
}

// The bit of a plain letter; 0 for a macro, nothing for a letter the dialect does not have.
std::optional<std::uint32_t> bit_of(char letter, const Dialect& dialect) {
  if (letter == 'n' && dialect.letters != Letters::rfc4314_annotate) {
    return {};
  }
  for (const Letter& row : letters_of(dialect)) {
    if (row.letter == letter) {
      return row.bit;
    }
  }
  return {};
}

}  // namespace

Rights Rights::parse(std::string_view letters, const Dialect& dialect) {
  std::uint32_t result = 0;
  std::uint32_t create = 0;
  std::uint32_t remove = 0;
  for (const char letter : letters) {
    result |= bit_of(letter, dialect).value_or(0);
    if (dialect.letters == Letters::rfc2086) {
      continue;
    }
    if (letter == 'c') {
      create = create_macro(dialect);
    } else if (letter == 'd') {
      remove = delete_macro(dialect);
    } else if (letter == dialect.deleteright && bit_of(letter, dialect)) {
      result |= right_x;
    }
  }
  // A macro counts only where none of its members was given by itself.
  if ((result & create) == 0) {
    result |= create;
  }
  if ((result & remove) == 0) {
    result |= remove;
  }
  return Rights(result);
}

Result<Rights> Rights::parse_strict(std::string_view letters, const Dialect& dialect) {
  for (const char letter : letters) {
    if (!bit_of(letter, dialect)) {
      return make_error(Errc::invalid, "The " + printable({&letter, 1}) + " right is not supported");
    }
  }
  return parse(letters, dialect);
}

Rights Rights::all(const Dialect& dialect) {
  std::uint32_t result = 0;
  for (const Letter& row : letters_of(dialect)) {
    if (!is_digit(row.letter)) {
      result |= bit_of(row.letter, dialect).value_or(0);
    }
  }
  return Rights(result);
}

std::string Rights::print(const Dialect& dialect) const {
  const bool macros = dialect.letters != Letters::rfc2086;
  std::string out;
  for (const Letter& row : letters_of(dialect)) {
    std::uint32_t mask = row.bit;
    if (macros && row.letter == 'c') {
      mask = create_macro(dialect);
    } else if (macros && row.letter == 'd') {
      mask = delete_macro(dialect);
    }
    if ((bits_ & mask) != 0) {
      out += row.letter;
    }
  }
  return out;
}

bool Rights::has(char letter) const {
  if (letter == 'c' || letter == 'd') {
    return (bits_ & (letter == 'c' ? right_old_c : right_old_d)) != 0;
  }
  return (bits_ & bit_of(letter, {}).value_or(0)) != 0;
}

namespace {

// `rest`: what was left.
std::vector<Entry> entries_of(std::string_view text, std::string_view& rest) {
  std::vector<Entry> out;
  rest = for_each_entry(text, [&](std::string_view id, std::string_view rights) {
    out.push_back({std::string(id), std::string(rights)});
  });
  return out;
}

bool is_negative(std::string_view id) { return !id.empty() && id.front() == '-'; }

}  // namespace

Acl Acl::parse(std::string_view text) {
  Acl acl;
  std::string_view rest;
  acl.entries_ = entries_of(text, rest);
  return acl;
}

Result<Acl> Acl::parse_strict(std::string_view text) {
  Acl acl;
  std::string_view rest;
  acl.entries_ = entries_of(text, rest);
  if (!rest.empty()) {
    return corrupt("the last ACL entry has no closing TAB", text.size() - rest.size());
  }
  for (const Entry& entry : acl.entries_) {
    if (entry.id.empty()) {
      return corrupt("an ACL entry without identifier");
    }
  }
  return acl;
}

std::string Acl::print() const {
  std::string out;
  for (const Entry& entry : entries_) {
    out += entry.id;
    out += '\t';
    out += entry.rights;
    out += '\t';
  }
  return out;
}

const Entry* Acl::find(std::string_view id) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.id == id; });
  return found != entries_.end() ? &*found : nullptr;
}

void Acl::set(std::string_view id, Rights rights, const Dialect& dialect) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.id == id; });
  if (rights.empty()) {
    if (found != entries_.end()) {
      entries_.erase(found);
    }
  } else if (found != entries_.end()) {
    found->rights = rights.print(dialect);
  } else {
    append(std::string(id), rights.print(dialect));
  }
}

Result<Rights> Acl::apply(std::string_view id, std::string_view change, const Dialect& dialect) {
  const char mode =
      !change.empty() && (change.front() == '+' || change.front() == '-') ? change.front() : '=';
  CYR_TRY(Rights rights, Rights::parse_strict(mode == '=' ? change : change.substr(1), dialect));
  if (id.empty() || id == "-" || id.find('\t') != std::string_view::npos) {
    return make_error(Errc::invalid, "'" + printable(id) + "' is no identifier for an ACL");
  }
  const Entry* present = find(id);
  const Rights before = present != nullptr ? Rights::parse(present->rights, dialect) : Rights();
  if (mode == '+') {
    rights = before | rights;
  } else if (mode == '-') {
    rights = before - rights;
  }
  set(id, rights, dialect);
  return rights;
}

namespace {

// Adds up entries; the negative ones are taken away at the end.
class Sum {
 public:
  Sum(const IsMember& is_member, const Dialect& dialect) : is_member_(is_member), dialect_(dialect) {}
  void add(std::string_view id, std::string_view rights) {
    Rights& side = is_negative(id) ? negative_ : positive_;
    if (is_member_(is_negative(id) ? id.substr(1) : id)) {
      side = side | Rights::parse(rights, dialect_);
    }
  }
  [[nodiscard]] Rights result() const { return positive_ - negative_; }

 private:
  const IsMember& is_member_;
  const Dialect& dialect_;
  Rights positive_;
  Rights negative_;
};

}  // namespace

Rights Acl::rights(const IsMember& is_member, const Dialect& dialect) const {
  Sum sum(is_member, dialect);
  for (const Entry& entry : entries_) {
    sum.add(entry.id, entry.rights);
  }
  return sum.result();
}

Rights rights_in(std::string_view text, const IsMember& is_member, const Dialect& dialect) {
  Sum sum(is_member, dialect);
  (void)for_each_entry(text, [&](std::string_view id, std::string_view rights) { sum.add(id, rights); });
  return sum.result();
}

bool Acl::same_rights(const Acl& other, const Dialect& dialect) const {
  const auto by_id = [&](const Acl& acl) {
    std::map<std::string_view, Rights> out;
    for (const Entry& entry : acl.entries_) {
      const Rights rights = Rights::parse(entry.rights, dialect);
      if (!rights.empty()) {
        out[entry.id] = out[entry.id] | rights;
      }
    }
    return out;
  };
  return by_id(*this) == by_id(other);
}

}  // namespace cyr::acl
