// GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208; the resource names are those of 3.6.1).
#include "format/store/quota_limits.h"
#include "format/text/imap_string.h"
#include "server-min/imapd/commands/registry.h"

namespace cyr::imapd {

namespace {

void write_quota(Session& session, const meta::QuotaRoot& root) {
  std::string list;
  for (std::size_t i = 0; i < meta::resource_count; ++i) {
    if (root.limit[i]) {
      const meta::ResourceInfo& info = meta::resources[i];
      list += fmt::format("{}{} {} {}", list.empty() ? "" : " ", info.name, root.used[i] / info.unit,
                          *root.limit[i]);
    }
  }
  session.out.untagged("QUOTA {} ({})", session.quoted_name(root.name), list);
}

// A root's name is that of a mailbox which need not exist.
Result<std::string> root_name(Session& session, const std::string& text) {
  CYR_TRY(const names::MailboxName name, session.parse_name(text));
  return name.to_internal(session.store.name_space());
}

}  // namespace

Result<Answer> run_getquota(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_CHECK(invocation.parser.space());
  CYR_TRY(const std::string text, invocation.parser.astring());
  CYR_CHECK(invocation.parser.end());
  if (!session.caller->is_admin()) {  // others ask GETQUOTAROOT, as in 3.6.1
    return no("Permission denied");
  }
  CYR_TRY(const std::string name, root_name(session, text));
  CYR_TRY(const meta::QuotaRoot root, store::get_quota(session.store, name));
  write_quota(session, root);
  return ok();
}

Result<Answer> run_getquotaroot(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_CHECK(invocation.parser.space());
  CYR_TRY(const std::string text, invocation.parser.astring());
  CYR_CHECK(invocation.parser.end());
  CYR_TRY(const meta::MailboxEntry entry, session.find_mailbox(text, session.caller->is_admin() ? 'l' : 'r'));
  CYR_TRY(const auto root, store::quota_root_of(session.store, entry));
  session.out.untagged("QUOTAROOT {}{}{}", session.quoted_name(entry.name), root ? " " : "",
                       root ? session.quoted_name(root->name) : std::string());
  if (root) {
    write_quota(session, *root);
  }
  return ok();
}

Result<Answer> run_setquota(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string text, parser.astring());
  CYR_CHECK(parser.space());
  std::vector<store::QuotaLimit> limits;
  const auto take_one = [&]() -> Status {
    CYR_TRY(const std::string name, parser.atom());
    CYR_CHECK(parser.space());
    CYR_TRY(const std::uint64_t limit, parser.number(INT64_MAX));
    CYR_TRY(const meta::Resource resource, store::resource_of(name));
    limits.push_back({.resource = resource, .limit = static_cast<std::int64_t>(limit)});
    return success();
  };
  CYR_CHECK(parser.list(take_one));
  CYR_CHECK(parser.end());
  if (!session.caller->is_admin()) {
    return no("Permission denied");
  }
  CYR_TRY(const std::string name, root_name(session, text));
  store::Administration admin = session.administration();
  CYR_CHECK(store::set_quota(admin, name, limits));
  return ok();
}

}  // namespace cyr::imapd
