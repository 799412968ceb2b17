// Which names may be created (store.md 2.2), patterns, and the orders of names (2.9).
#include <algorithm>

#include "format/base/text.h"
#include "format/names/mailbox_name.h"
#include "format/text/mutf7.h"

namespace cyr::names {
namespace {

constexpr std::size_t longest_new_name = 490;  // bytes, internal form
constexpr conf::Release release_2_3_13{2, 3, 13};

// Besides letters and digits; '&' begins a shift and is checked as such.
std::string_view allowed_punctuation(const Namespace& ns) {
  if (ns.release >= conf::v3_0) {
    return " #$'()*+,-.:=?@[]^_~&";
  }
  if (ns.release >= release_2_3_13) {
    return ns.unixhierarchysep ? " #$'+,-.:=@_~&^" : " #$'+,-.:=@_~&";
  }
  return ns.unixhierarchysep ? " +,-.:=@_~&^" : " +,-.:=@_~&";
}

Error refused(std::string_view name, std::string_view why) {
  return make_error(Errc::invalid, "Invalid mailbox name: '" + printable(name) + "'")
      .with_hint(std::string(why));
}

Status check_shape(std::string_view full, std::string_view name, const Namespace& ns) {
  if (name.empty() || name.front() == '.' || name.front() == '~' || name.back() == '.' ||
      name.find("..") != std::string_view::npos) {
    return refused(full, "it is empty, begins with '.' or '~', or has an empty component");
  }
  if (name.find('/') != std::string_view::npos) {
    return refused(full, "'/' is no character of a name");
  }
  if (name == "user" || (ns.release >= conf::v2_4 && (name == "user.anyone" || name == "user.anonymous")) ||
      (ns.release >= conf::v3_0 && name.substr(0, 6) == "user.%")) {
    return refused(full, "the name is reserved");
  }
  const bool is_2_4 = ns.release >= conf::Release{2, 4, 0} && ns.release < conf::Release{2, 5, 0};
  if (is_2_4 && name.find(".INBOX.INBOX") != std::string_view::npos) {
    return refused(full, "INBOX below INBOX");
  }
  return success();
}

Status check_characters(std::string_view full, std::string_view name, const Namespace& ns,
                        bool bang_allowed) {
  const std::string_view punctuation = allowed_punctuation(ns);
  for (const char c : name) {
    if (!is_alnum(c) && punctuation.find(c) == std::string_view::npos && !(bang_allowed && c == '!')) {
      return refused(full, "'" + printable({&c, 1}) + "' is no character of a name");
    }
  }
  const auto rule =
      ns.release >= conf::v3_2 ? text::Mutf7Rule::with_surrogates : text::Mutf7Rule::without_surrogates;
  if (const auto encoded = text::check_mutf7(name, rule); !encoded) {
    return refused(full, encoded.error().what);
  }
  return success();
}

}  // namespace

Status check_policy(std::string_view internal_name, const Namespace& ns) {
  std::string_view name = internal_name;
  if (ns.release >= conf::v3_0 && name.substr(0, 1) == "$") {
    return refused(internal_name, "names that begin with '$' are the server's own");
  }
  const auto bang = name.find('!');
  const bool domain = ns.virtdomains != VirtualDomains::off && bang != std::string_view::npos;
  const std::string_view local = domain ? name.substr(bang + 1) : name;
  const std::string deleted = ns.deletedprefix + '.';
  if (ns.release >= conf::Release{2, 4, 0} && local.substr(0, deleted.size()) == deleted) {
    return success();
  }
  if (name.size() > longest_new_name) {
    return refused(internal_name, "it is longer than 490 bytes");
  }
  CYR_CHECK(check_shape(internal_name, local, ns));
  return check_characters(internal_name, local, ns, domain);
}

bool matches(std::string_view pattern, std::string_view name, char separator) {
  // Greedy with one point of return per kind of wildcard: '*' is the only one that may need to be tried again
  // once a later '%' cannot be stretched, so two points are enough and the work is bounded by the product of
  // the lengths.
  constexpr auto none = std::string_view::npos;
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = none;
  std::size_t star_at = 0;
  std::size_t percent = none;
  std::size_t percent_at = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      if (p == pattern.size()) {
        return true;
      }
      star_at = n;
      percent = none;
      continue;
    }
    if (p < pattern.size() && pattern[p] == '%') {
      percent = p++;
      percent_at = n;
      continue;
    }
    if (p == pattern.size() && n == name.size()) {
      return true;
    }
    if (p < pattern.size() && n < name.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
      continue;
    }
    if (percent != none && percent_at < name.size() && name[percent_at] != separator) {
      n = ++percent_at;
      p = percent + 1;
      continue;
    }
    if (star != none && star_at < name.size()) {
      n = ++star_at;
      p = star + 1;
      percent = none;
      continue;
    }
    return false;
  }
}

int compare_raw(std::string_view a, std::string_view b) { return a.compare(b); }

namespace {

// The map of mbox order: NUL, then TAB and LF, then '.', then the other controls moved up, then everything as
// it is.
unsigned mbox_rank(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '\t' || c == '\n') {
    return 1;
  }
  if (c == '.') {
    return 2;
  }
  return byte >= 1 && byte <= 8 ? byte + 2U : byte;
}

}  // namespace

int compare_mbox(std::string_view a, std::string_view b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const unsigned left = mbox_rank(a[i]);
    const unsigned right = mbox_rank(b[i]);
    if (left != right) {
      return left < right ? -1 : 1;
    }
  }
  return a.size() < b.size() ? -1 : static_cast<int>(a.size() > b.size());
}

}  // namespace cyr::names
