// GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS (RFC 4314).
#include "format/store/mailbox_acl.h"
#include "format/text/imap_string.h"
#include "server-min/imapd/commands/registry.h"

namespace cyr::imapd {

namespace {

std::string quoted(std::string_view text) {
  return text::print_astring(text, text::LiteralForm::synchronizing);
}

// The last argument of a command that takes a mailbox only.
Result<std::string> take_mailbox(CommandParser& parser) {
  CYR_CHECK(parser.space());
  CYR_TRY(std::string name, parser.astring());
  CYR_CHECK(parser.end());
  return name;
}

// Without `a` "Permission denied", or "Mailbox does not exist" for one that the caller may not look up.
Result<meta::MailboxEntry> administered(Session& session, const std::string& name) {
  return session.find_mailbox(name, 'a');
}

}  // namespace

Result<Answer> run_getacl(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_TRY(const std::string name, take_mailbox(invocation.parser));
  CYR_TRY(const meta::MailboxEntry entry, administered(session, name));
  const acl::Acl list = acl::Acl::parse(entry.acl.value_or(""));
  const acl::Dialect dialect = store::acl_dialect(session.config());
  std::string text;
  for (const acl::Entry& item : list.entries()) {
    const std::string rights = acl::Rights::parse(item.rights, dialect).print(dialect);
    text += " " + quoted(item.id) + " " + quoted(rights);
  }
  session.out.untagged("ACL {}{}", session.quoted_name(entry.name), text);
  return ok();
}

Result<Answer> run_setacl(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string name, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string identifier, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string rights, parser.astring());
  CYR_CHECK(parser.end());
  CYR_TRY(const meta::MailboxEntry entry, administered(session, name));
  store::Administration admin = session.administration();
  if (Status done = store::set_acl(admin, entry.name, identifier, rights); !done) {
    if (done.error().code == Errc::invalid && !store::refusal_of(done.error())) {
      return bad(done.error().what);  // "The q right is not supported"
    }
    return std::move(done).error();
  }
  return ok();
}

Result<Answer> run_deleteacl(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string name, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string identifier, parser.astring());
  CYR_CHECK(parser.end());
  CYR_TRY(const meta::MailboxEntry entry, administered(session, name));
  store::Administration admin = session.administration();
  CYR_CHECK(store::delete_acl(admin, entry.name, identifier));
  return ok();
}

Result<Answer> run_listrights(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string name, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string identifier, parser.astring());
  CYR_CHECK(parser.end());
  CYR_TRY(const meta::MailboxEntry entry, administered(session, name));
  CYR_TRY(const std::string canonical, store::canonical_identifier(session.config(), identifier));
  const store::PossibleRights rights = store::possible_rights(session.store, entry, canonical);
  session.out.untagged("LISTRIGHTS {} {} {} {}", session.quoted_name(entry.name), quoted(identifier),
                       quoted(rights.always), fmt::join(rights.optional, " "));
  return ok();
}

Result<Answer> run_myrights(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_TRY(const std::string text, take_mailbox(invocation.parser));
  CYR_TRY(const names::MailboxName name, session.parse_name(text));
  CYR_TRY(const meta::MailboxEntry entry,
          store::need_mailbox(session.store, name.to_internal(session.store.name_space())));
  const acl::Rights rights = session.caller->rights(entry);
  constexpr std::string_view kEnough = "lrikxa";  // RFC 4314 4
  if (std::none_of(kEnough.begin(), kEnough.end(), [&](char letter) { return rights.has(letter); })) {
    return no("Mailbox does not exist");
  }
  session.out.untagged("MYRIGHTS {} {}", session.quoted_name(entry.name),
                       rights.print(store::acl_dialect(session.config())));
  return ok();
}

}  // namespace cyr::imapd
