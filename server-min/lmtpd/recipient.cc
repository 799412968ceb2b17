#include "server-min/lmtpd/recipient.h"

#include <fmt/format.h>

#include <ctime>

#include "format/acl/acl.h"
#include "format/base/text.h"
#include "format/store/quota_room.h"
#include "server-min/lmtpd/replies.h"
#include "server-min/session/deny_list.h"
#include "server-min/session/newcomer.h"

namespace cyr::lmtpd {
namespace {

using conf::Option;
using Entry = std::optional<meta::MailboxEntry>;

Refused refuse(std::string_view reply, std::string reason) { return {std::string(reply), std::move(reason)}; }
Refused refuse(const Error& error) { return {trouble(error), error.text()}; }

// The components of a detail or of a shared name; empty for one that cannot be a name.
std::vector<std::string> components(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (const auto part : split(text, separator)) {
    if (part.empty() || part == "." || part == ".." || part.find('/') != std::string_view::npos) {
      return {};
    }
    out.emplace_back(part);
  }
  return out;
}

}  // namespace

bool may_post(const meta::MailboxEntry& entry, const session::Identity& who) {
  return acl::Acl::parse(entry.acl.value_or(""))
      .rights([&who](std::string_view id) { return who.is_member(id); })
      .has('p');
}

Result<bool> has_room(session::Service& service, const meta::MailboxEntry& entry, std::int64_t size) {
  CYR_TRY(meta::Quotas * quotas, service.store().quotas());
  CYR_TRY(const auto root, quotas->find_root(entry.name));
  if (!root) {
    return true;
  }
  const bool strict = service.config().is_on(Option::lmtp_strict_quota);
  const store::QuotaDemand demand =
      strict ? store::QuotaDemand{size, 1, -1, -1} : store::QuotaDemand{0, 0, -1, -1};
  CYR_TRY(const auto over, store::over_quota(service.store(), *root, demand));
  return !over;
}

Directory::Target Directory::target_of(const Address& address) const {
  const conf::Config& config = service_.config();
  const names::Namespace& ns = service_.store().name_space();
  const bool fold = config.is_on(Option::lmtp_downcase_rcpt);
  const auto plus = address.local.find('+');
  Target out;
  if (plus != std::string::npos) {
    out.detail = address.local.substr(plus + 1);
  }
  std::string user = address.local.substr(0, plus);
  if (fold) {
    user = lower_ascii(user);
  }
  const std::string post_user(config.text(Option::postuser));
  if (user.empty() || (plus != std::string::npos && user == post_user)) {
    return out;
  }
  const bool domains = ns.virtdomains != names::VirtualDomains::off && !address.domain.empty();
  const std::string whole = domains ? user + "@" + lower_ascii(address.domain) : user;
  out.user = session::canonical_user(whole, config, ns).value_or("");
  if (!out.user.empty()) {
    out.inbox = names::MailboxName::inbox_of(names::UserId::parse(out.user, ns));
  }
  return out;
}

Result<Entry> Directory::entry_of(const names::MailboxName& name) {
  store::Store& store = service_.store();
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  CYR_TRY(auto entry, list->find(name.to_internal(store.name_space())));
  return entry && entry->type.local() ? Entry(std::move(entry)) : Entry();
}

Found Directory::find_shared(const Target& target, const Posting& posting) {
  names::MailboxName name;
  name.boxes = components(target.detail, service_.store().name_space().separator());
  if (name.boxes.empty() || equal_ignoring_case(name.boxes.front(), "user")) {
    return tl::unexpected(refuse(unknown_user, "Mailbox does not exist"));
  }
  auto entry = entry_of(name);
  if (!entry) {
    return tl::unexpected(refuse(entry.error()));
  }
  if (!*entry) {
    return tl::unexpected(refuse(unknown_user, "Mailbox does not exist"));
  }
  if (!may_post(**entry, posting.poster)) {
    return tl::unexpected(refuse(no_permission, "Permission denied"));
  }
  return Recipient{{}, std::move(**entry), {}, false};
}

// lmtp_fuzzy_mailbox_match: the same name but for the case of its letters.
Result<Entry> Directory::similar_below(const names::MailboxName& wanted) {
  store::Store& store = service_.store();
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  const std::string name = wanted.to_internal(store.name_space());
  const names::MailboxName inbox = names::MailboxName::inbox_of(wanted.user());
  Entry found;
  CYR_CHECK(list->for_each_under(
      inbox.to_internal(store.name_space()), [&](const meta::ListItem& item) -> Result<db::Visit> {
        if (item.entry && item.entry->type.local() && equal_ignoring_case(item.name, name)) {
          found = *item.entry;
          return db::Visit::stop;
        }
        return db::Visit::go_on;
      }));
  return found;
}

Result<Entry> Directory::below_inbox(const Target& target, const session::Identity& poster) {
  names::MailboxName name = target.inbox;
  name.boxes = components(target.detail, service_.store().name_space().separator());
  if (name.boxes.empty()) {
    return Entry();
  }
  CYR_TRY(Entry entry, entry_of(name));
  if (!entry && service_.config().is_on(Option::lmtp_fuzzy_mailbox_match)) {
    CYR_TRY(entry, similar_below(name));
  }
  return entry && may_post(*entry, poster) ? entry : Entry();
}

// A script that real Cyrus would run: what it rejects or files away must not land in INBOX unseen.
bool Directory::has_sieve_script(const Target& target, const meta::MailboxEntry& inbox) const {
  const auto ignored = service_.config().overflow("sieve_ignore");
  if (ignored && (*ignored == "yes" || *ignored == "on" || *ignored == "1" || *ignored == "true")) {
    return false;
  }
  const names::Paths& paths = service_.store().paths();
  const auto user = names::UserId::parse(target.user, service_.store().name_space());
  const auto by_name = paths.sieve_by_name(user);
  const auto by_id = paths.sieve_by_id(inbox.uniqueid);
  const auto has = [this](const Result<fs::path>& directory) {
    return directory && service_.io().lstat(*directory / "defaultbc").has_value();
  };
  return has(by_name) || has(by_id);
}

bool Directory::makes_mailboxes_for(const Target& whom) {
  return !whom.user.empty() && service_.config().is_on(Option::autocreate_post) &&
         session::make_first_mailboxes(service_, whom.user);
}

Found Directory::find_user(const Target& target, const Posting& posting) {
  Target whom = target;
  auto inbox = target.user.empty() ? Result<Entry>(Entry()) : entry_of(whom.inbox);
  if (inbox && !*inbox && makes_mailboxes_for(whom)) {
    inbox = entry_of(whom.inbox);
  }
  const std::string catch_all(service_.config().text(Option::lmtp_catchall_mailbox));
  if (inbox && !*inbox && !catch_all.empty()) {
    whom = target_of({catch_all, {}});
    whom.detail.clear();
    inbox = whom.user.empty() ? Result<Entry>(Entry()) : entry_of(whom.inbox);
  }
  if (!inbox) {
    return tl::unexpected(refuse(inbox.error()));
  }
  if (!*inbox) {
    return tl::unexpected(refuse(unknown_user, "Mailbox does not exist"));
  }
  if (const auto why = session::denied(service_.store(), whom.user, service_.name())) {
    return tl::unexpected(refuse("451 4.2.1 Delivery to mailbox is disabled\r\n", *why));
  }
  if (has_sieve_script(whom, **inbox)) {
    return tl::unexpected(
        refuse("451 4.3.0 The mailbox has a Sieve script, which this server does not run\r\n",
               "a Sieve script; sieve_ignore: yes in imapd.conf delivers without it"));
  }
  auto below = whom.detail.empty() ? Result<Entry>(Entry()) : below_inbox(whom, posting.poster);
  if (!below) {
    return tl::unexpected(refuse(below.error()));
  }
  return Recipient{{}, *below ? std::move(**below) : std::move(**inbox), whom.user, false};
}

Found Directory::find(const PathArgument& path, bool ignore_quota, const Posting& posting,
                      std::string_view session_id) {
  if (path.null) {
    return tl::unexpected(refuse(unknown_user, "no address"));
  }
  const Target target = target_of(path.address);
  const auto plus = path.address.local.find('+');
  const bool shared = target.user.empty() && plus != std::string::npos;
  Found found = shared ? find_shared(target, posting) : find_user(target, posting);
  if (!found) {
    return found;
  }
  found->address = path.text;
  found->ignore_quota = ignore_quota;
  const auto room = ignore_quota ? Result<bool>(true) : has_room(service_, found->entry, posting.size);
  if (!room) {
    return tl::unexpected(refuse(room.error()));
  }
  if (!*room) {
    const bool permanent = service_.config().is_on(Option::lmtp_over_quota_perm_failure);
    return tl::unexpected(refuse(over_quota(permanent, session_id), "Over quota"));
  }
  return found;
}

}  // namespace cyr::lmtpd
