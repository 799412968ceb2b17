#include "format/check/quota_select.h"

#include <algorithm>
#include <set>

#include "format/base/text.h"
#include "format/check/quota_files.h"

namespace cyr::check {
namespace {

bool is_pattern(std::string_view text) { return text.find_first_of("*%") != std::string_view::npos; }

Result<std::string> internal_name(const store::Store& store, const std::string& argument, bool user) {
  const names::Namespace& ns = store.name_space();
  if (user) {
    const auto id = names::UserId::parse(argument, ns);
    if (id.empty()) {
      return make_error(Errc::invalid, "'" + printable(argument) + "' is no user id");
    }
    return names::MailboxName::inbox_of(id).to_internal(ns);
  }
  if (argument.starts_with('@') && argument.size() > 1) {
    return argument.substr(1) + "!";  // the whole domain
  }
  // "user.bovik" where names are written user/bovik: people copy internal names from logs and from our own
  // output.
  const bool internal =
      ns.separator() == '/' && argument.find('/') == std::string::npos && argument.starts_with("user.");
  if (internal || argument.find('!') != std::string::npos) {
    return argument;
  }
  CYR_TRY(const auto name, names::MailboxName::from_admin(argument, ns));
  return name.to_internal(ns);
}

// The name selects the root itself, or lies below it while no root of its own lies in it.
class Matcher {
 public:
  Matcher(store::Store& store, const QuotaSelection& selection, const meta::QuotaRootFinder& finder,
          const std::vector<std::string>& roots)
      : store_(store), selection_(selection) {
    for (const auto& name : selection.names) {
      const auto below =
          std::any_of(roots.begin(), roots.end(), [&](const auto& root) { return meta::covers(name, root); });
      if (below) {
        matched_.insert(name);
      } else if (const auto root = finder.find(name); !root.empty()) {
        covering_.emplace(root);
        matched_.insert(name);
      }
    }
  }

  bool matches(std::string_view root) {
    if (selection_.domain && !meta::in_domain(root, *selection_.domain)) {
      return false;
    }
    bool found = (selection_.names.empty() && selection_.patterns.empty()) || covering_.contains(root);
    for (const auto& name : selection_.names) {
      found = found || meta::covers(name, root);
    }
    for (const auto& pattern : selection_.patterns) {
      if (names::matches(pattern, store_.external_name(root), store_.name_space().separator())) {
        matched_.insert(pattern);
        found = true;
      }
    }
    return found;
  }
  [[nodiscard]] bool was_matched(const std::string& argument) const { return matched_.contains(argument); }

 private:
  store::Store& store_;
  const QuotaSelection& selection_;
  std::set<std::string, std::less<>> covering_;
  std::set<std::string, std::less<>> matched_;
};

// A name without a quota root is an error only when there is no such mailbox either.
Result<bool> mailbox_exists(store::Store& store, const std::string& name) {
  if (is_pattern(name)) {
    return false;
  }
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  bool found = false;
  CYR_CHECK(list->for_each_under(name, [&](const meta::ListItem& item) -> Result<db::Visit> {
    found = !item.entry || !item.entry->type.deleted;
    return found ? db::Visit::stop : db::Visit::go_on;
  }));
  return found;
}

}  // namespace

Result<QuotaSelection> select_quotas(const store::Store& store, const QuotaArguments& arguments) {
  QuotaSelection out;
  if (arguments.domain) {
    const std::string& ours = store.name_space().defaultdomain;
    out.domain = *arguments.domain == ours ? std::string() : *arguments.domain;
  }
  for (const auto& argument : arguments.names) {
    if (is_pattern(argument) && !arguments.users) {
      out.patterns.push_back(argument);
    } else {
      CYR_TRY(auto name, internal_name(store, argument, arguments.users));
      out.names.push_back(std::move(name));
    }
  }
  return out;
}

Result<QuotaListing> list_quotas(store::Store& store, const QuotaSelection& selection) {
  QuotaListing out;
  std::vector<std::string> names;
  meta::QuotaRootFinder finder;
  auto opened = store.quotas();
  if (!opened && opened.error().code != Errc::not_found) {
    return std::move(opened).error();
  }
  struct Root {
    std::string name;
    Result<meta::QuotaRoot> root;
  };
  std::vector<Root> roots;
  if (opened) {
    CYR_CHECK(visit_quota_roots(
        store, [&](std::string_view name, std::string_view, const Result<meta::QuotaRoot>& root) {
          names.emplace_back(name);
          finder.add(std::string(name));
          roots.push_back({std::string(name), root});
        }));
  }
  Matcher matcher(store, selection, finder, names);
  for (auto& [name, root] : roots) {
    if (matcher.matches(name)) {
      if (root) {
        out.roots.push_back(std::move(*root));
      } else {
        out.unreadable.emplace_back(name, root.error());
      }
    }
  }
  for (const auto* arguments : {&selection.names, &selection.patterns}) {
    for (const auto& argument : *arguments) {
      if (!matcher.was_matched(argument)) {
        CYR_TRY(const bool exists, mailbox_exists(store, argument));
        if (!exists) {
          out.unmatched.push_back(argument);
        }
      }
    }
  }
  return out;
}

}  // namespace cyr::check
