// LIST, LSUB, XLIST and the extensions of LIST.
//
// All names that the caller can see are collected and put in the order in which they are shown, so that a
// parent comes before its children; then one walk decides what matches and what has children. Of the entries
// only those are kept that there is something to be told of.
#include <algorithm>
#include <set>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/store/user_subscriptions.h"
#include "format/text/imap_string.h"
#include "server-min/imapd/commands/registry.h"
#include "server-min/imapd/list_request.h"
#include "server-min/imapd/listed_names.h"
#include "server-min/imapd/special_use.h"

namespace cyr::imapd {

namespace {

class Lister {
 public:
  Lister(Session& session, const ListRequest& request)
      : session_(session),
        caller_(*session.caller),
        request_(request),
        uses_(session),
        separator_(caller_.separator()),
        shown_(caller_.name_space(), caller_.id(), caller_.is_admin()),
        names_(separator_),
        wants_uses_(request.mode == ListMode::xlist || request.return_special_use ||
                    session.config().is_on(conf::Option::specialusealways)) {
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
  [[nodiscard]] bool may_be_shown(const meta::MailboxType& type) const {
    return type.local() && (caller_.is_admin() || type.kind == meta::MailboxKind::email ||
                            type.kind == meta::MailboxKind::netnews);
  }
  [[nodiscard]] bool only_own() const;
  // How a name is shown; its text is in shown_text_.
  struct Shown {
    std::uint8_t section;
    bool own;
  };
  std::optional<Shown> show(std::string_view internal_name);
  ListedName& add(const Shown& shown);
  Status collect();
  // `with_uses`: entries, too, of the caller's own mailboxes among them.
  Status collect_subscriptions(bool with_uses);
  Status take_own(const std::set<std::string_view>& names);
  void take(const meta::TypedItem& item);
  void take(std::string_view name, const meta::MailboxEntry& entry);
  void admit(const Shown& shown, const meta::MailboxEntry& entry);
  [[nodiscard]] bool keeps_entry(bool own) const {
    return request_.mode == ListMode::xlist || request_.return_status || request_.return_myrights ||
           (own && (wants_uses_ || request_.special_use_only));
  }
  // Nothing when it was not kept.
  [[nodiscard]] const meta::MailboxEntry* entry_of(const ListedName& name) const {
    return name.entry == ListedName::no_entry ? nullptr : &entries_[name.entry];
  }
  [[nodiscard]] std::string uses_of(const ListedName& name) {
    return name.own && entry_of(name) != nullptr ? uses_.of(*entry_of(name)) : "";
  }
  [[nodiscard]] bool selects(const ListedName& name) {
    const bool subscriptions = request_.subscribed || request_.mode == ListMode::lsub;
    return (!subscriptions || name.subscribed) && (name.exists || subscriptions) &&
           (!request_.special_use_only || !uses_of(name).empty());
  }
  [[nodiscard]] bool has_children(ListedNames::Iterator at);
  [[nodiscard]] bool hides_child(ListedNames::Iterator at);
  Status report(ListedNames::Iterator at, bool child_info);
  Status report_details(const ListedName& name);
  void report_parents(const ListedName& name);
  void write(std::string_view attributes, std::string_view name, bool child_info);
  [[nodiscard]] std::string attributes(ListedNames::Iterator at);

  Session& session_;
  const Caller& caller_;
  const ListRequest& request_;
  SpecialUseNames uses_;
  char separator_;
  names::ShownNames shown_;
  std::vector<std::string> patterns_;
  ListedNames names_;
  std::vector<meta::MailboxEntry> entries_;
  bool wants_uses_;
  std::string shown_text_;
  std::set<std::string, std::less<>> reported_parents_;
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

std::optional<Lister::Shown> Lister::show(std::string_view internal_name) {
  shown_text_.clear();
  switch (shown_.append(shown_text_, internal_name)) {
    case names::ShownKind::hidden:
      return {};
    case names::ShownKind::own:
      return Shown{static_cast<std::uint8_t>(caller_.is_admin() ? 1 : 0), true};
    case names::ShownKind::other:
      return Shown{1, false};
    case names::ShownKind::shared:
      return Shown{2, false};
    case names::ShownKind::deleted:
      return Shown{3, false};
  }
  return {};
}

ListedName& Lister::add(const Shown& shown) {
  ListedName& name = names_.add(shown.section, shown_text_);
  name.own = shown.own;
  return name;
}

Status Lister::collect() {
  CYR_TRY(meta::MailboxList * list, session_.store.mailbox_list());
  if (only_own()) {
    return list->for_each_under(caller_.inbox().to_internal(caller_.name_space()),
                                [&](const meta::ListItem& item) -> Result<db::Visit> {
                                  if (item.entry) {
                                    take(item.name, *item.entry);
                                  }
                                  return db::Visit::go_on;
                                });
  }
  return list->for_each_type("", [&](const meta::TypedItem& item) -> Result<db::Visit> {
    take(item);
    return db::Visit::go_on;
  });
}

// Administrators see every mailbox, so that the rest of the entry is needed only where something is told of
// it.
void Lister::take(const meta::TypedItem& item) {
  const auto shown = may_be_shown(item.type) ? show(item.name) : std::nullopt;
  if (!shown) {
    return;
  }
  if (caller_.is_admin() && !keeps_entry(shown->own)) {
    add(*shown).exists = true;
  } else if (const auto entry = meta::decode_entry(item.name, item.value)) {
    admit(*shown, *entry);
  }
}

void Lister::take(std::string_view name, const meta::MailboxEntry& entry) {
  if (!may_be_shown(entry.type)) {
    return;
  }
  if (const auto shown = show(name)) {
    admit(*shown, entry);
  }
}

void Lister::admit(const Shown& shown, const meta::MailboxEntry& entry) {
  if (!caller_.may_look_up(entry, shown.own)) {
    return;
  }
  ListedName& listed = add(shown);
  listed.exists = true;
  if (keeps_entry(shown.own)) {
    listed.entry = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back(entry);
  }
}

Status Lister::collect_subscriptions(bool with_uses) {
  CYR_TRY(const auto names, store::subscriptions_of(session_.store, caller_.id()));
  std::set<std::string_view> own;
  for (const std::string& name : names) {
    if (const auto shown = show(name)) {
      add(*shown).subscribed = true;
      if (shown->own) {
        own.insert(name);
      }
    }
  }
  return with_uses ? take_own(own) : success();
}

// A few are looked up; for many the caller's part of the list is read once.
Status Lister::take_own(const std::set<std::string_view>& names) {
  constexpr std::size_t few = 32;
  CYR_TRY(meta::MailboxList * list, session_.store.mailbox_list());
  if (names.size() > few) {
    return list->for_each_under(caller_.inbox().to_internal(caller_.name_space()),
                                [&](const meta::ListItem& item) -> Result<db::Visit> {
                                  if (item.entry && names.contains(item.name)) {
                                    take(item.name, *item.entry);
                                  }
                                  return db::Visit::go_on;
                                });
  }
  for (const std::string_view name : names) {
    if (const auto entry = list->find(name); entry && *entry) {
      take(name, **entry);
    }
  }
  return success();
}

bool Lister::has_children(ListedNames::Iterator at) {
  const bool lsub = request_.mode == ListMode::lsub;
  return names_.any_below(at, [&](const ListedName& name) { return lsub ? name.subscribed : name.exists; });
}

std::string Lister::attributes(ListedNames::Iterator at) {
  const bool lsub = request_.mode == ListMode::lsub;
  std::string out;
  const auto add = [&](std::string_view word) { out.append(out.empty() ? "" : " ").append(word); };
  if (!at->exists && !lsub) {
    add("\\NonExistent");
  }
  if (request_.return_subscribed && at->subscribed) {
    add("\\Subscribed");
  }
  const bool children = has_children(at);
  if (children || !lsub) {
    add(children ? "\\HasChildren" : "\\HasNoChildren");
  }
  if (request_.mode == ListMode::xlist && at->own && entry_of(*at) != nullptr &&
      caller_.inbox().to_internal(caller_.name_space()) == entry_of(*at)->name) {
    add("\\Inbox");
  }
  if (wants_uses_) {
    if (const std::string use = uses_of(*at); !use.empty()) {
      add(use);
    }
  }
  return out;
}

void Lister::write(std::string_view attributes, std::string_view name, bool child_info) {
  const std::string_view verb = request_.mode == ListMode::lsub    ? "LSUB"
                                : request_.mode == ListMode::xlist ? "XLIST"
                                                                   : "LIST";
  std::string& out = session_.out.buffer();
  out.append("* ").append(verb).append(" (").append(attributes).append(") \"");
  out += separator_;
  out += "\" ";
  text::append_astring(out, name, text::LiteralForm::synchronizing);
  out += child_info ? " (CHILDINFO (\"SUBSCRIBED\"))\r\n" : "\r\n";
  session_.out.relieve();
}

// Below it is a selected mailbox that the patterns do not show (RFC 5258 3.5: CHILDINFO).
bool Lister::hides_child(ListedNames::Iterator at) {
  return names_.any_below(at,
                          [&](const ListedName& name) { return selects(name) && !matches_any(name.name); });
}

Status Lister::report(ListedNames::Iterator at, bool child_info) {
  if (at->reported) {
    return success();
  }
  at->reported = true;
  write(attributes(at), at->name, child_info);
  return report_details(*at);
}

Status Lister::report_details(const ListedName& name) {
  const meta::MailboxEntry* const entry = entry_of(name);
  if (entry == nullptr || (!request_.return_status && !request_.return_myrights)) {
    return success();
  }
  const acl::Rights rights = caller_.rights(*entry);
  if (request_.return_status && rights.has('r')) {
    if (Status told = write_status(session_, *entry, *request_.return_status); !told) {
      log(LogLevel::error, "{}: {}", entry->name, told.error().text());
    }
  }
  if (request_.return_myrights) {
    session_.out.untagged("MYRIGHTS {} {}", session_.quoted_name(entry->name),
                          text::print_astring(rights.print(store::acl_dialect(session_.config()))));
  }
  return success();
}

// A name that is no match itself, but has a match of `%` above it, stands for its parent (RFC 3501 6.3.8).
void Lister::report_parents(const ListedName& name) {
  const bool lsub = request_.mode == ListMode::lsub;
  for (std::size_t at = name.name.find(separator_, 1); at != std::string_view::npos;
       at = name.name.find(separator_, at + 1)) {
    const std::string_view parent = name.name.substr(0, at);
    if (!matches_any(parent) || reported_parents_.contains(parent)) {
      continue;
    }
    const auto had = names_.find(name.section, parent);
    if (had != names_.end() && had->reported) {
      continue;
    }
    const bool exists = had != names_.end() && had->exists;
    if (exists && !lsub && !request_.recursive_match) {
      continue;  // it will be, or was, decided by itself
    }
    const bool child_info = request_.recursive_match;
    if (exists && !lsub) {
      (void)report(had, child_info);
      continue;
    }
    reported_parents_.emplace(parent);
    write(request_.extended && !lsub ? "\\NonExistent \\HasChildren" : "\\Noselect \\HasChildren", parent,
          child_info);
  }
}

Status Lister::run() {
  const bool lsub = request_.mode == ListMode::lsub;
  if (request_.subscribed || request_.return_subscribed || lsub) {
    CYR_CHECK(collect_subscriptions(lsub && wants_uses_));
  }
  // LSUB tells what was subscribed to, whether it is there or not, and of no subscription nothing is
  // selected.
  if (!lsub && !(request_.subscribed && names_.empty())) {
    CYR_CHECK(collect());
  }
  names_.settle();
  const bool parents = request_.recursive_match || !request_.subscribed;
  for (auto at = names_.begin(); at != names_.end(); ++at) {
    if (!selects(*at)) {
      continue;
    }
    if (matches_any(at->name)) {
      CYR_CHECK(report(at, request_.recursive_match && hides_child(at)));
    } else if (parents) {
      report_parents(*at);
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
