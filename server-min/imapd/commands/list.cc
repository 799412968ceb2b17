// LIST, LSUB, XLIST and the extensions of LIST.
//
// All names that the caller can see are collected in the order in which they are shown, so that a parent
// comes right before its children; then one walk decides what matches and what has children.
#include <algorithm>
#include <map>
#include <set>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/store/user_subscriptions.h"
#include "format/text/imap_string.h"
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/list_request.h"
#include "server-min/imapd/special_use.h"

namespace cyr::imapd {

namespace {

// A name of the hierarchy, as the client writes it.
struct Node {
  std::optional<meta::MailboxEntry> entry;  // nothing: no mailbox, or one that he may not see
  bool subscribed = false;
};

// The client's names in order: own, others', shared; DELETED last; parents before children.
struct NameOrder {
  char separator;
  [[nodiscard]] int group(std::string_view name) const {
    constexpr std::string_view kInbox = "INBOX";
    const bool below = name.size() > kInbox.size() && name[kInbox.size()] == separator;
    return equal_ignoring_case(below ? name.substr(0, kInbox.size()) : name, kInbox) ? 0 : 1;
  }
  bool operator()(const std::string& a, const std::string& b) const {
    if (group(a) != group(b)) {
      return group(a) < group(b);
    }
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [this](char x, char y) { return weight(x) < weight(y); });
  }
  // The domain of an administrator's name stands behind it: "user/ted@example.net" goes before
  // "user/ted/a@example.net".
  [[nodiscard]] unsigned weight(char c) const {
    return c == '@' ? 0 : c == separator ? 1 : 2U + static_cast<unsigned char>(c);
  }
};
struct Key {
  int section = 0;  // 0 own, 1 others', 2 shared, 3 deleted
  std::string name;
};
struct KeyOrder {
  NameOrder names;
  bool operator()(const Key& a, const Key& b) const {
    return a.section != b.section ? a.section < b.section : names(a.name, b.name);
  }
};
using Tree = std::map<Key, Node, KeyOrder>;

class Lister {
 public:
  Lister(Session& session, const ListRequest& request)
      : session_(session),
        caller_(*session.caller),
        request_(request),
        uses_(session),
        separator_(caller_.separator()),
        tree_(KeyOrder{NameOrder{separator_}}) {
    for (const std::string& pattern : request.patterns) {
      // Cyrus takes "a/" and "/b" for "a/b".
      const bool both = request.reference.ends_with(separator_) && pattern.starts_with(separator_);
      patterns_.push_back(canonical(request.reference + (both ? pattern.substr(1) : pattern)));
    }
  }

  Status run();

 private:
  // INBOX is one name however it is spelt.
  std::string canonical(std::string pattern) const {
    constexpr std::string_view kInbox = "INBOX";
    if (!caller_.is_admin() && starts_with_ignoring_case(pattern, kInbox) &&
        (pattern.size() == kInbox.size() || pattern[kInbox.size()] == separator_)) {
      pattern.replace(0, kInbox.size(), kInbox);
    }
    return pattern;
  }
  [[nodiscard]] bool matches_any(std::string_view name) const {
    return std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const std::string& pattern) { return names::matches(pattern, name, separator_); });
  }
  [[nodiscard]] int section_of(const names::MailboxName& name) const {
    return name.is_deleted() ? 3 : caller_.owns(name) && !caller_.is_admin() ? 0 : name.is_user() ? 1 : 2;
  }
  [[nodiscard]] bool is_hidden(const meta::MailboxEntry& entry) const {
    return !caller_.is_admin() && entry.type.kind != meta::MailboxKind::email &&
           entry.type.kind != meta::MailboxKind::netnews;
  }
  [[nodiscard]] bool only_own() const;
  Node* node_of(std::string_view internal_name);
  Status collect();
  Status collect_subscriptions(bool with_entries);
  void take(std::string_view name, const meta::MailboxEntry& entry);
  [[nodiscard]] bool selects(const Node& node) {
    const bool subscriptions = request_.subscribed || request_.mode == ListMode::lsub;
    return (!subscriptions || node.subscribed) && (node.entry || subscriptions) && special_use_fits(node);
  }
  [[nodiscard]] bool special_use_fits(const Node& node) {
    return !request_.special_use_only || (node.entry && !uses_.of(*node.entry).empty());
  }
  [[nodiscard]] bool has_children(Tree::const_iterator at) const;
  [[nodiscard]] bool hides_child(Tree::const_iterator at);
  Status report(Tree::const_iterator at, bool child_info);
  void report_parents(const Key& key);
  void write(std::string_view attributes, std::string_view name, bool child_info);
  [[nodiscard]] std::string attributes(Tree::const_iterator at);

  Session& session_;
  const Caller& caller_;
  const ListRequest& request_;
  SpecialUseNames uses_;
  char separator_;
  std::vector<std::string> patterns_;
  Tree tree_;
  std::set<std::string> reported_;
};

// True when no pattern can match anything but the caller's own mailboxes, so that the others need not be
// read.
bool Lister::only_own() const {
  if (caller_.is_admin() || caller_.id().empty()) {
    return false;
  }
  return std::all_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
    const std::string fixed = pattern.substr(0, pattern.find_first_of("*%"));
    if (!caller_.alternate()) {
      return fixed == std::string("INBOX") ? fixed == pattern
                                           : fixed.starts_with(std::string("INBOX") + separator_);
    }
    const names::Namespace& ns = caller_.name_space();
    const auto may_be = [&](const std::string& prefix) {
      return prefix.starts_with(fixed) || fixed.starts_with(prefix);
    };
    return !may_be(ns.userprefix) && !may_be(ns.sharedprefix);
  });
}

Node* Lister::node_of(std::string_view internal_name) {
  const auto name = names::MailboxName::from_internal(internal_name, caller_.name_space());
  const auto shown = name ? caller_.print_name(*name) : std::nullopt;
  return shown ? &tree_[Key{section_of(*name), *shown}] : nullptr;
}

Status Lister::collect() {
  CYR_TRY(meta::MailboxList * list, session_.store.mailbox_list());
  const auto visit = [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (item.entry) {
      take(item.name, *item.entry);
    }
    return db::Visit::go_on;
  };
  if (only_own()) {
    return list->for_each_under(caller_.inbox().to_internal(caller_.name_space()), visit);
  }
  return list->for_each("", visit);
}

void Lister::take(std::string_view name, const meta::MailboxEntry& entry) {
  if (!entry.type.local() || is_hidden(entry) || !caller_.rights(entry).has('l')) {
    return;
  }
  if (Node* const node = node_of(name); node != nullptr) {
    node->entry = entry;
  }
}

Status Lister::collect_subscriptions(bool with_entries) {
  CYR_TRY(const auto names, store::subscriptions_of(session_.store, caller_.id()));
  for (const std::string& name : names) {
    if (Node* const node = node_of(name); node != nullptr) {
      node->subscribed = true;
    }
    if (with_entries) {
      CYR_TRY(meta::MailboxList * list, session_.store.mailbox_list());
      if (const auto entry = list->find(name); entry && *entry) {
        take(name, **entry);
      }
    }
  }
  return success();
}

bool Lister::has_children(Tree::const_iterator at) const {
  const bool subscriptions = request_.mode == ListMode::lsub;
  const Key first{at->first.section, at->first.name + separator_};
  for (auto next = tree_.lower_bound(first); next != tree_.end() && next->first.section == first.section &&
                                             next->first.name.starts_with(first.name);
       ++next) {
    if (subscriptions ? next->second.subscribed : next->second.entry.has_value()) {
      return true;
    }
  }
  return false;
}

std::string Lister::attributes(Tree::const_iterator at) {
  const Node& node = at->second;
  const bool lsub = request_.mode == ListMode::lsub;
  std::string out;
  const auto add = [&](std::string_view word) { out += (out.empty() ? "" : " ") + std::string(word); };
  if (!node.entry && !lsub) {
    add("\\NonExistent");
  }
  if (request_.return_subscribed && node.subscribed) {
    add("\\Subscribed");
  }
  const bool children = has_children(at);
  if (children || !lsub) {
    add(children ? "\\HasChildren" : "\\HasNoChildren");
  }
  const bool uses = request_.mode == ListMode::xlist || request_.return_special_use ||
                    session_.config().is_on(conf::Option::specialusealways);
  if (request_.mode == ListMode::xlist && node.entry &&
      caller_.inbox().to_internal(caller_.name_space()) == node.entry->name) {
    add("\\Inbox");
  }
  if (uses && node.entry) {
    if (const std::string use = uses_.of(*node.entry); !use.empty()) {
      add(use);
    }
  }
  return out;
}

void Lister::write(std::string_view attributes, std::string_view name, bool child_info) {
  const std::string_view verb = request_.mode == ListMode::lsub    ? "LSUB"
                                : request_.mode == ListMode::xlist ? "XLIST"
                                                                   : "LIST";
  session_.out.untagged("{} ({}) \"{}\" {}{}", verb, attributes, separator_,
                        text::print_astring(name, text::LiteralForm::synchronizing),
                        child_info ? " (CHILDINFO (\"SUBSCRIBED\"))" : "");
  session_.out.relieve();
}

// Below it is a selected mailbox that the patterns do not show (RFC 5258 3.5: CHILDINFO).
bool Lister::hides_child(Tree::const_iterator at) {
  const Key first{at->first.section, at->first.name + separator_};
  for (auto next = tree_.lower_bound(first); next != tree_.end() && next->first.section == first.section &&
                                             next->first.name.starts_with(first.name);
       ++next) {
    if (selects(next->second) && !matches_any(next->first.name)) {
      return true;
    }
  }
  return false;
}

Status Lister::report(Tree::const_iterator at, bool child_info) {
  if (!reported_.insert(at->first.name).second) {
    return success();
  }
  write(attributes(at), at->first.name, child_info);
  if (!at->second.entry) {
    return success();
  }
  const meta::MailboxEntry& entry = *at->second.entry;
  const acl::Rights rights = caller_.rights(entry);
  if (request_.return_status && rights.has('r')) {
    if (Status told = write_status(session_, entry, *request_.return_status); !told) {
      log(LogLevel::error, "{}: {}", entry.name, told.error().text());
    }
  }
  if (request_.return_myrights) {
    session_.out.untagged("MYRIGHTS {} {}", session_.quoted_name(entry.name),
                          text::print_astring(rights.print(store::acl_dialect(session_.config()))));
  }
  return success();
}

// A name that is no match itself, but has a match of `%` above it, stands for its parent (RFC 3501 6.3.8).
void Lister::report_parents(const Key& key) {
  const bool lsub = request_.mode == ListMode::lsub;
  for (std::size_t at = key.name.find(separator_, 1); at != std::string::npos;
       at = key.name.find(separator_, at + 1)) {
    const Key parent{key.section, key.name.substr(0, at)};
    if (!matches_any(parent.name) || reported_.contains(parent.name)) {
      continue;
    }
    const auto had = tree_.find(parent);
    const bool exists = had != tree_.end() && had->second.entry;
    if (exists && !lsub && !request_.recursive_match) {
      continue;  // it will be, or was, decided by itself
    }
    const bool child_info = request_.recursive_match;
    if (exists && !lsub) {
      (void)report(had, child_info);
      continue;
    }
    reported_.insert(parent.name);
    write(request_.extended && !lsub ? "\\NonExistent \\HasChildren" : "\\Noselect \\HasChildren",
          parent.name, child_info);
  }
}

Status Lister::run() {
  const bool lsub = request_.mode == ListMode::lsub;
  if (request_.subscribed || request_.return_subscribed || lsub) {
    CYR_CHECK(collect_subscriptions(lsub));
  }
  // LSUB tells what was subscribed to, whether it is there or not, and of no subscription nothing is
  // selected.
  if (!lsub && !(request_.subscribed && tree_.empty())) {
    CYR_CHECK(collect());
  }
  const bool parents = request_.recursive_match || !request_.subscribed;
  for (auto at = tree_.cbegin(); at != tree_.cend(); ++at) {
    if (!selects(at->second)) {
      continue;
    }
    if (matches_any(at->first.name)) {
      CYR_CHECK(report(at, request_.recursive_match && hides_child(at)));
    } else if (parents) {
      report_parents(at->first);
    }
  }
  return success();
}

// LIST "" "": the separator. No name here is rooted, so the root of every reference is empty.
void write_root(Session& session, const ListRequest& request) {
  session.out.untagged("{} (\\Noselect) \"{}\" \"\"", request.mode == ListMode::lsub ? "LSUB" : "LIST",
                       session.caller->separator());
}

Result<Answer> list(Invocation& invocation, ListMode mode) {
  Session& session = invocation.session;
  CYR_TRY(const ListRequest request, parse_list(invocation.parser, mode));
  if (request.patterns.size() == 1 && request.patterns.front().empty() && !request.extended) {
    write_root(session, request);
  } else {
    CYR_CHECK(Lister(session, request).run());
  }
  return ok("Completed (0.000 secs)");
}

}  // namespace

Result<Answer> run_list(Invocation& invocation) { return list(invocation, ListMode::list); }
Result<Answer> run_lsub(Invocation& invocation) { return list(invocation, ListMode::lsub); }
Result<Answer> run_xlist(Invocation& invocation) { return list(invocation, ListMode::xlist); }

}  // namespace cyr::imapd
