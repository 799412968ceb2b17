// The directory of a mailbox below a partition root, both layouts, and which mailbox a directory belongs to
// (names.md, store.md 2.7).
//
// Invariant: identify_directory(mailbox_directory_by_name(n)) is n again for every name in canonical form.
#include "format/names/directory.h"

#include <algorithm>

#include "format/base/text.h"
#include "format/names/components.h"

namespace cyr::names {
namespace {

constexpr std::size_t longest_path = 4096;  // bytes

// What is hashed for the letter of a by-name path: the second component, or the only one. 2.x hashes the
// escaped form, so that with fulldirhash "john^doe" and "john.doe" (where the hash ends at the dot) get
// different letters.
std::string hash_key(const std::vector<std::string>& components, const Namespace& ns) {
  const std::string& key = components.size() > 1 ? components[1] : components.front();
  return ns.release >= conf::v3_0 ? key : escape_dots(key);
}

bool is_path_component(std::string_view text) {
  return !text.empty() && text != "." && text != ".." &&
         text.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

// The names between the slashes of a relative path without "." and "..".
std::optional<std::vector<std::string>> pieces_of(const fs::path& path) {
  std::vector<std::string> out;
  for (const std::string_view piece : split(path.native(), '/')) {
    if (piece.empty()) {
      continue;
    }
    if (!is_path_component(piece)) {
      return {};
    }
    out.emplace_back(piece);
  }
  return out;
}

std::optional<DirectoryIdentity> by_id(const std::vector<std::string>& pieces, const fs::path& path) {
  if (pieces.size() != 4 || pieces[0] != "uuid") {
    return {};
  }
  const auto expected = mailbox_directory_by_id(pieces[3]);
  if (!expected || expected->native() != path.native()) {
    return {};
  }
  DirectoryIdentity out;
  out.layout = Layout::by_id;
  out.uniqueid = pieces[3];
  return out;
}

// Reads `pieces` with or without a leading "domain/[d/]DOMAIN".
std::optional<DirectoryIdentity> by_name(const std::vector<std::string>& pieces, bool with_domain,
                                         const fs::path& path, const Namespace& ns) {
  std::size_t at = 0;
  std::string domain;
  if (with_domain) {
    const std::size_t domain_at = ns.hashimapspool ? 2 : 1;
    if (pieces.size() <= domain_at || pieces[0] != "domain") {
      return {};
    }
    domain = pieces[domain_at];
    at = domain_at + 1;
  }
  at += ns.hashimapspool ? 1 : 0;
  if (pieces.size() <= at) {
    return {};
  }
  std::vector<std::string> components(pieces.begin() + static_cast<std::ptrdiff_t>(at), pieces.end());
  std::transform(components.begin(), components.end(), components.begin(),
                 [](const std::string& c) { return unescape_dots(c); });
  auto name = from_components(std::move(domain), std::move(components), ns);
  if (!name) {
    return {};
  }
  // The letters and the spelling are right exactly if the rule leads back here.
  const auto expected = mailbox_directory_by_name(*name, ns);
  if (!expected || expected->native() != path.native()) {
    return {};
  }
  DirectoryIdentity out;
  out.name = std::move(*name);
  return out;
}

}  // namespace

Result<fs::path> directory_of_components(std::string_view domain, const std::vector<std::string>& components,
                                         const Namespace& ns) {
  fs::path out;
  if (!domain.empty()) {
    if (!is_path_component(domain)) {
      return make_error(Errc::invalid, "'" + printable(domain) + "' cannot be a domain");
    }
    out = "domain";
    if (ns.hashimapspool) {
      out /= std::string(1, hash_letter(domain, ns.fulldirhash));
    }
    out /= std::string(domain);
  }
  if (components.empty()) {
    return make_error(Errc::invalid, "an empty mailbox name has no directory");
  }
  if (ns.hashimapspool) {
    out /= std::string(1, hash_letter(hash_key(components, ns), ns.fulldirhash));
  }
  for (const std::string& component : components) {
    std::string piece = escape_dots(component);
    if (!is_path_component(piece)) {
      return make_error(Errc::invalid, "'" + printable(component) + "' cannot be part of a path");
    }
    out /= piece;
  }
  if (out.size() > longest_path) {
    return make_error(Errc::invalid, "a path longer than 4096 bytes");
  }
  return out;
}

Result<fs::path> mailbox_directory_by_name(const MailboxName& name, const Namespace& ns) {
  return directory_of_components(name.domain, to_components(name, ns), ns);
}

Result<fs::path> mailbox_directory_by_id(std::string_view uniqueid) {
  if (uniqueid.size() < 2 || uniqueid.front() == '.' || uniqueid[1] == '.' || !is_path_component(uniqueid)) {
    return make_error(Errc::invalid, "'" + printable(uniqueid) + "' cannot be the unique id of a directory");
  }
  std::string below = "uuid/";
  below.append({uniqueid[0], '/', uniqueid[1], '/'}).append(uniqueid);
  return fs::path(std::move(below));
}

std::optional<DirectoryIdentity> identify_directory(const fs::path& below_root, const Namespace& ns) {
  const auto pieces = pieces_of(below_root);
  if (!pieces) {
    return {};
  }
  fs::path path;
  for (const std::string& piece : *pieces) {
    path /= piece;
  }
  if (ns.release >= conf::Release{3, 6, 0}) {
    if (auto found = by_id(*pieces, path)) {
      return found;
    }
  }
  if (has_domains(ns)) {
    if (auto found = by_name(*pieces, true, path, ns)) {
      return found;
    }
  }
  return by_name(*pieces, false, path, ns);
}

}  // namespace cyr::names
