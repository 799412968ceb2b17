// Reader and writer of dlist text (dlist.md, store.md 3.5).
//
// Two readers, one after the other: the strict one (Cyrus's sax parser, which reads mailboxes.db) ends an
// atom at a space and gives trailing ')' back; the loose one (the stream reader, which reads quota records)
// ends it at any delimiter and skips spaces. A text that the first refuses is given to the second.
#include "format/text/dlist.h"

#include <algorithm>

#include "format/base/text.h"
#include "format/text/imap_string.h"

namespace cyr::text {
namespace {

enum class Reader : bool { strict, loose };

class Parser {
 public:
  Parser(std::string_view text, Reader reader) : text_(text), reader_(reader) {}

  Result<Item> whole() {
    Result<Item> item(Item{});
    skip_loose_spaces();
    CYR_CHECK(value(*item, 0));
    skip_loose_spaces();
    if (at_ != text_.size()) {
      return bad("more bytes after the end of the value");
    }
    return item;
  }

 private:
  [[nodiscard]] bool at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  [[nodiscard]] Error bad(std::string_view what) const { return corrupt("dlist: " + std::string(what), at_); }

  void skip_loose_spaces() {
    while (reader_ == Reader::loose && at_ < text_.size() && is_space(text_[at_])) {
      ++at_;
    }
  }

  // The one space between elements; the loose reader takes any number, none included.
  Status separator() {
    if (reader_ == Reader::loose) {
      skip_loose_spaces();
      return success();
    }
    if (!at(' ')) {
      return bad("a space or ')' is missing");
    }
    ++at_;
    return success();
  }

  // All of these fill an item where it stands, whose key is kept.
  Status value(Item& into, std::size_t depth) {
    if (depth > Item::max_depth) {
      return bad("lists are nested too deeply");
    }
    if (++count_ > Item::max_items) {
      return bad("too many items");
    }
    if (at('%')) {
      ++at_;
      if (!at('(')) {
        return bad("'(' is missing after '%'");
      }
      into.kind = Item::Kind::map;
      return elements(into, depth);
    }
    if (at('(')) {
      into.kind = Item::Kind::list;
      return elements(into, depth);
    }
    return string(into);
  }

  // From '(' to the matching ')'.
  Status elements(Item& parent, std::size_t depth) {
    constexpr std::size_t usual = 8;  // a record of mailboxes.db has nine, a header six
    ++at_;
    skip_loose_spaces();
    while (!at(')')) {
      if (at_ >= text_.size()) {
        return bad("')' is missing");
      }
      if (parent.items.empty()) {
        parent.items.reserve(parent.is_map() ? usual : 0);
      } else {
        CYR_CHECK(separator());
      }
      Item& child = parent.items.emplace_back();
      if (parent.is_map()) {
        CYR_CHECK(key(child));
        CYR_CHECK(separator());
      }
      CYR_CHECK(value(child, depth + 1));
      skip_loose_spaces();
    }
    ++at_;
    return success();
  }

  Status key(Item& of) {
    Item key;
    CYR_CHECK(string(key));
    of.key = key.is_nil() ? "NIL" : std::move(key.text);  // a key is never null
    of.key_form = key.form;
    return success();
  }

  Status string(Item& into) {
    if (at('"')) {
      return quoted(into);
    }
    if (at('{')) {
      return literal(into);
    }
    return atom(into);
  }

  static void set(Item& into, StringForm form) {
    into.kind = Item::Kind::string;
    into.form = form;
  }

  Status quoted(Item& into) {
    set(into, StringForm::quoted);
    const std::size_t start = at_++;
    while (!at('"')) {
      if (at('\\')) {
        ++at_;
      }
      if (at_ >= text_.size()) {
        at_ = start;
        return bad("a quoted string has no end");
      }
      into.text += text_[at_++];
    }
    ++at_;
    return success();
  }

  Status literal(Item& into) {
    const auto end = text_.find('}', at_);
    // 10 digits and a '+' are the most there can be.
    if (end == std::string_view::npos || end - at_ > 12) {
      return bad("a literal's length has no '}'");
    }
    std::string_view digits = text_.substr(at_ + 1, end - at_ - 1);
    set(into, StringForm::literal);
    if (!digits.empty() && digits.back() == '+') {
      into.form = StringForm::plus_literal;
      digits.remove_suffix(1);
    }
    const auto length = parse_number<std::uint32_t>(digits);
    if (!length) {
      return bad("a literal's length is no number");
    }
    if (text_.substr(end + 1, 2) != "\r\n") {
      return bad("CR LF is missing after a literal's length");
    }
    const std::size_t start = end + 3;
    if (*length > text_.size() - start) {
      return bad("a literal is longer than the text");
    }
    into.text = text_.substr(start, *length);
    at_ = start + *length;
    return success();
  }

  Status atom(Item& into) {
    const std::size_t start = at_;
    const std::size_t end =
        reader_ == Reader::strict ? text_.find(' ', start) : text_.find_first_of(" \t\r\n\"(){", start);
    at_ = std::min(end, text_.size());
    while (reader_ == Reader::strict && at_ > start && text_[at_ - 1] == ')') {
      --at_;
    }
    if (at_ == start) {
      return bad("a value is missing");
    }
    const std::string_view text = text_.substr(start, at_ - start);
    if (text != "NIL") {
      set(into, StringForm::atom);
      into.text = text;
    }
    return success();
  }

  std::string_view text_;
  Reader reader_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;
};

struct Accept {
  bool operator()(const PlainMap::Field& /*field*/) const { return true; }
};

// The pairs of a map of atoms from `at`, which stands behind "%(", to behind its ')'. `depth`: how many maps
// there may be below this one. False: something else is there.
template <class Visit>
bool read_pairs(std::string_view text, std::size_t& at, unsigned depth, const Visit& visit) {
  const auto there_is = [&](char c) { return at < text.size() && text[at] == c; };
  // As the strict reader takes it: up to a space, without the ')' that close what is around it.
  const auto atom = [&] {
    const std::size_t start = at;
    while (at < text.size() && text[at] != ' ') {  // a few bytes: a call of memchr takes longer
      ++at;
    }
    while (at > start && text[at - 1] == ')') {
      --at;
    }
    const std::string_view token = text.substr(start, at - start);
    const char first = token.empty() ? '(' : token.front();
    const bool plain = first != '(' && first != '"' && first != '{' && first != '%';
    return plain && token != "NIL" ? token : std::string_view();
  };
  if (there_is(')')) {
    ++at;
    return true;
  }
  while (true) {
    PlainMap::Field field;
    field.key = atom();
    if (field.key.empty() || !there_is(' ')) {
      return false;
    }
    ++at;
    if (depth > 0 && there_is('%')) {
      ++at;
      if (!there_is('(')) {
        return false;
      }
      const std::size_t start = ++at;
      if (!read_pairs(text, at, depth - 1, Accept())) {
        return false;
      }
      field.value = text.substr(start, at - 1 - start);
      field.is_map = true;
    } else {
      field.value = atom();
      if (field.value.empty()) {
        return false;
      }
    }
    if (!visit(field) || at >= text.size()) {
      return false;
    }
    if (const char after = text[at++]; after != ' ') {
      return after == ')';
    }
  }
}

void print_to(std::string& out, const Item& item, const DlistStyle& style) {
  const auto string = [&](std::string_view text) {
    append_astring(out, text, style.plus_literals ? LiteralForm::plus : LiteralForm::synchronizing,
                   style.us_is_atom);
  };
  if (item.is_nil()) {
    out += "NIL";
    return;
  }
  if (item.is_string()) {
    string(item.text);
    return;
  }
  out += item.is_map() ? "%(" : "(";
  bool first = true;
  for (const Item& child : item.items) {
    if (!first) {
      out += ' ';
    }
    first = false;
    if (item.is_map()) {
      string(child.key);
      out += ' ';
    }
    print_to(out, child, style);
  }
  out += ')';
}

void learn_style(DlistStyle& style, StringForm form, std::string_view text) {
  if (form == StringForm::literal) {
    style.plus_literals = false;
  } else if (form == StringForm::quoted && text.find('\x1F') != std::string_view::npos &&
             is_atom(text, true)) {
    style.us_is_atom = false;
  }
}

void learn_styles(DlistStyle& style, const Item& item) {
  learn_style(style, item.key_form, item.key);
  learn_style(style, item.form, item.text);
  for (const Item& child : item.items) {
    learn_styles(style, child);
  }
}

}  // namespace

Item Item::string(std::string_view value) {
  Item item = with_kind(Kind::string);
  item.text = value;
  return item;
}

Item Item::number(std::uint64_t value) { return string(std::to_string(value)); }

const Item* Item::find(std::string_view name) const {
  if (!is_map()) {
    return nullptr;
  }
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.key == name; });
  return found != items.end() ? &*found : nullptr;
}

Item* Item::find(std::string_view name) {
  return const_cast<Item*>(static_cast<const Item*>(this)->find(name));  // NOLINT: *this is not const
}

std::optional<std::string_view> Item::string_at(std::string_view name) const {
  const Item* item = find(name);
  return item != nullptr && item->is_string() ? std::optional<std::string_view>(item->text) : std::nullopt;
}

std::optional<std::uint64_t> Item::number_at(std::string_view name) const {
  const Item* item = find(name);
  return item != nullptr ? item->as_number() : std::nullopt;
}

std::optional<std::uint64_t> Item::as_number() const {
  return is_string() ? parse_number<std::uint64_t>(text) : std::nullopt;
}

Item& Item::add(std::string_view name, Item item) {
  item.key = name;
  item.key_form = StringForm::chosen;
  items.push_back(std::move(item));
  return items.back();
}

Item& Item::add(Item item) {
  items.push_back(std::move(item));
  return items.back();
}

Item& Item::set(std::string_view name, Item item) {
  if (Item* present = find(name)) {
    item.key = name;
    item.key_form = present->key_form;
    *present = std::move(item);
    return *present;
  }
  return add(name, std::move(item));
}

void Item::erase(std::string_view name) {
  items.erase(std::remove_if(items.begin(), items.end(), [&](const Item& item) { return item.key == name; }),
              items.end());
}

bool operator==(const Item& a, const Item& b) {
  return a.kind == b.kind && a.key == b.key && a.text == b.text && a.items == b.items;
}

Result<Item> parse_dlist(std::string_view text) {
  auto strict = Parser(text, Reader::strict).whole();
  if (strict) {
    return strict;
  }
  auto loose = Parser(text, Reader::loose).whole();
  // The strict reader's complaint is about the form that is on disk.
  return loose ? std::move(loose) : std::move(strict);
}

std::optional<PlainMap> PlainMap::read(std::string_view text) {
  std::optional<PlainMap> map(std::in_place);
  std::size_t at = 2;
  const bool plain = text.starts_with("%(") && read_pairs(text, at, 1, [&](const Field& field) {
                       if (map->count_ == max_fields) {
                         return false;
                       }
                       map->fields_[map->count_++] = field;
                       return true;
                     });
  if (!plain || at != text.size()) {
    map.reset();
  }
  return map;
}

std::string print_dlist(const Item& item, DlistStyle style) {
  std::string out;
  print_to(out, item, style);
  return out;
}

DlistStyle style_of(const Item& item) {
  DlistStyle style;
  learn_styles(style, item);
  return style;
}

}  // namespace cyr::text
