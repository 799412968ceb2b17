// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 6.3.3 to 6.3.7, 6154 USE), with the partition
// arguments of Cyrus.
#include <numeric>

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/store/create_mailbox.h"
#include "format/store/delete_mailbox.h"
#include "format/store/metadata.h"
#include "format/store/rename_mailbox.h"
#include "format/store/user_subscriptions.h"
#include "server-min/imapd/commands/copy.h"
#include "server-min/imapd/commands/registry.h"

namespace cyr::imapd {

namespace {

// "PARTITION p", "TYPE t", "USE (\Trash)" in brackets.
Status take_create_option(CommandParser& parser, store::CreateRequest& request) {
  const std::string word = parser.word();
  CYR_CHECK(parser.space());
  if (equal_ignoring_case(word, "USE")) {
    return parser.list([&]() -> Status {
      CYR_TRY(std::string use, parser.flag());
      request.special_use.push_back(std::move(use));
      return success();
    });
  }
  if (equal_ignoring_case(word, "PARTITION")) {
    CYR_TRY(request.partition, parser.astring());
    return success();
  }
  if (equal_ignoring_case(word, "TYPE")) {
    CYR_TRY(const std::string type, parser.astring());
    return equal_ignoring_case(type, "EMAIL") ? success()
                                              : Status(bad_argument("Invalid mailbox type in Create"));
  }
  return bad_argument("Unknown argument to Create");
}

Status take_create_options(CommandParser& parser, store::CreateRequest& request) {
  if (!parser.accept(' ')) {
    return parser.end();
  }
  if (parser.peek() == '(') {
    CYR_CHECK(parser.list([&] { return take_create_option(parser, request); }));
  } else {
    CYR_TRY(request.partition, parser.astring());
  }
  return parser.end();
}

Result<Answer> create(Session& session, const store::CreateRequest& request) {
  store::Administration admin = session.administration();
  if (request.partition && !session.caller->is_admin()) {
    return no("Permission denied");
  }
  auto entry = store::create_mailbox(admin, request);
  if (!entry) {
    const auto refusal = store::refusal_of(entry.error());
    Answer answer = answer_for(entry.error());
    if (!request.special_use.empty() && answer.kind == Answer::Kind::no && !answer.text.starts_with('[') &&
        (refusal == store::Refusal::special_use || refusal == store::Refusal::annotation_entry)) {
      answer.text = "[USEATTR] " + answer.text;
    }
    return answer;
  }
  return ok("[MAILBOXID (" + entry->uniqueid + ")] Completed");
}

// RENAME INBOX x: the messages go to a new mailbox x, INBOX stays, empty (RFC 3501 6.3.5).
Result<Answer> rename_inbox(Session& session, const names::MailboxName& from, const std::string& to) {
  store::Administration admin = session.administration();
  CYR_TRY(const meta::MailboxEntry inbox,
          store::need_mailbox(session.store, from.to_internal(session.store.name_space())));
  CYR_TRY(const meta::MailboxEntry target, store::create_mailbox(admin, {.name = to}));
  CYR_TRY(auto opened,
          Selected::open(session.store, session.locks, *session.caller, inbox, true, session.now()));
  std::vector<std::uint32_t> all(opened->exists());
  std::iota(all.begin(), all.end(), 1);
  if (!all.empty()) {
    CYR_TRY(const CopyResult moved, copy_messages(session, *opened, target, all, CopyMode::move));
    (void)moved;
  }
  CYR_CHECK(Selected::close(std::move(opened), session.now()));
  session.out.untagged("OK rename {} {}", session.print_name(inbox.name), session.print_name(to));
  return ok();
}

}  // namespace

Result<Answer> run_create(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string text, parser.astring());
  store::CreateRequest request;
  CYR_CHECK(take_create_options(parser, request));
  CYR_TRY(const names::MailboxName name, session.parse_name(text));
  request.name = name.to_internal(session.store.name_space());
  return create(session, request);
}

namespace {

// LOCALDELETE, of clusters and repairs: for administrators, who need no right for it; nothing is kept.
Result<Answer> delete_named(Invocation& invocation, bool locally) {
  Session& session = invocation.session;
  CYR_CHECK(invocation.parser.space());
  CYR_TRY(const std::string text, invocation.parser.astring());
  CYR_CHECK(invocation.parser.end());
  CYR_TRY(const names::MailboxName name, session.parse_name(text));
  if (locally && !session.caller->is_admin()) {
    CYR_CHECK(session.find_mailbox(text));
    return no("Permission denied");
  }
  store::Administration admin = session.administration();
  const std::string internal = name.to_internal(session.store.name_space());
  if (session.selected && session.selected->name() == internal) {
    session.close_selected();
    session.out.untagged("OK [CLOSED] Ok");
  }
  CYR_CHECK(store::delete_mailbox(admin, {.name = internal, .check_rights = !locally, .at_once = locally}));
  log(LogLevel::notice, "Deleted mailbox {}", internal);
  return ok();
}

}  // namespace

Result<Answer> run_delete(Invocation& invocation) { return delete_named(invocation, false); }

Result<Answer> run_localdelete(Invocation& invocation) { return delete_named(invocation, true); }

Result<Answer> run_rename(Invocation& invocation) {
  Session& session = invocation.session;
  CommandParser& parser = invocation.parser;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string old_text, parser.astring());
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string new_text, parser.astring());
  store::RenameRequest request;
  if (parser.accept(' ')) {
    CYR_TRY(request.partition, parser.astring());
  }
  CYR_CHECK(parser.end());
  CYR_TRY(const names::MailboxName from, session.parse_name(old_text));
  CYR_TRY(const names::MailboxName to, session.parse_name(new_text));
  if (request.partition && !session.caller->is_admin()) {
    return no("Permission denied");
  }
  request.from = from.to_internal(session.store.name_space());
  request.to = to.to_internal(session.store.name_space());
  if (from == session.caller->inbox() && from.is_inbox() && !request.partition) {
    return rename_inbox(session, from, request.to);
  }
  const bool into_itself = to.is_below(from);  // of which Cyrus says nothing
  request.each = [&](const std::string& each_from, const std::string& each_to, const Status& result) {
    if (into_itself) {
      return;
    }
    if (result) {
      session.out.untagged("OK rename {} {}", session.print_name(each_from), session.print_name(each_to));
    } else {
      session.out.untagged("NO rename {} {}: {}", session.print_name(each_from), session.print_name(each_to),
                           answer_for(result.error()).text);
    }
  };
  if (session.selected && session.selected->name() == request.from) {
    session.close_selected();
    session.out.untagged("OK [CLOSED] Ok");
  }
  store::Administration admin = session.administration();
  CYR_CHECK(store::rename_mailbox(admin, request));
  return ok();
}

Result<Answer> run_subscribe(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_CHECK(invocation.parser.space());
  CYR_TRY(const std::string text, invocation.parser.astring());
  CYR_CHECK(invocation.parser.end());
  auto name = session.parse_name(text);
  if (!name) {
    return no("Subscribe: " + name.error().what);
  }
  store::Administration admin = session.administration();
  const bool force = session.config().is_on(conf::Option::allowallsubscribe);
  Status done =
      store::subscribe(admin, session.caller->id(), name->to_internal(session.store.name_space()), force);
  if (!done) {
    Answer answer = answer_for(done.error());
    answer.text = "Subscribe: " + answer.text;
    return answer;
  }
  return ok();
}

Result<Answer> run_unsubscribe(Invocation& invocation) {
  Session& session = invocation.session;
  CYR_CHECK(invocation.parser.space());
  CYR_TRY(const std::string text, invocation.parser.astring());
  CYR_CHECK(invocation.parser.end());
  CYR_TRY(const names::MailboxName name, session.parse_name(text));
  store::Administration admin = session.administration();
  CYR_CHECK(store::unsubscribe(admin, session.caller->id(), name.to_internal(session.store.name_space())));
  return ok();
}

}  // namespace cyr::imapd
