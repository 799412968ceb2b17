// See imap_session.h.
#include "server-min/imapd/imap_session.h"

#include <chrono>

#include "format/base/log.h"
#include "format/text/imap_string.h"

namespace cyr::imapd {

Error refuse(std::string text) { return make_error(Errc::permission, std::move(text)); }

namespace {

// Our own texts begin as an IMAP text does; what comes from the format layer is a lower-case phrase.
bool is_answer_text(std::string_view what) {
  return !what.empty() && (what.front() == '[' || (what.front() >= 'A' && what.front() <= 'Z'));
}

std::string_view words_for(Errc code) {
  switch (code) {
    case Errc::not_found:
      return "Mailbox does not exist";
    case Errc::exists:
      return "Mailbox already exists";
    case Errc::corrupt:
    case Errc::unsupported:
      return "Mailbox has an invalid format";
    case Errc::locked:
      return "Mailbox is locked";
    case Errc::config:
      return "Unknown/invalid partition";
    default:
      return "System I/O error";
  }
}

}  // namespace

Answer answer_for(const Error& error) {
  if (const auto refusal = store::refusal_of(error); refusal) {
    const store::RefusalInfo& info = store::info_of(*refusal);
    return no((info.response_code.empty() ? "" : fmt::format("[{}] ", info.response_code)) +
              std::string(info.text));
  }
  if (error.code == Errc::invalid) {
    return bad(error.what);
  }
  if (error.path.empty() && error.sys_errno == 0 && is_answer_text(error.what)) {
    return no(error.what);
  }
  if (error.code == Errc::cancelled) {
    return {Answer::Kind::sent, ""};  // nobody is there to hear it
  }
  log(error.code == Errc::not_found ? LogLevel::info : LogLevel::error, "{}", error.text());
  return no(std::string(words_for(error.code)));
}

std::int64_t Session::now() const {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void Session::report(bool expunges, bool uids) {
  if (!selected) {
    return;
  }
  const ReportStyle style{.expunges = expunges, .vanished = qresync, .modseq = condstore, .uids = uids};
  if (const Status told = selected->report(out, style); !told) {
    log(LogLevel::notice, "{}: {}", selected->name(), told.error().text());
    if (told.error().code == Errc::not_found) {
      selected.reset();
      out.untagged("OK [CLOSED] Mailbox does not exist");
    }
  }
}

void Session::close_selected() {
  if (!selected) {
    return;
  }
  const std::string name = selected->name();
  if (const Status closed = Selected::close(std::move(selected), now()); !closed) {
    log(LogLevel::error, "{}: {}", name, closed.error().text());
  }
  saved_result = {};
}

void Session::enable_condstore(std::string_view why) {
  if (condstore) {
    return;
  }
  condstore = true;
  if (selected) {
    out.untagged("OK [HIGHESTMODSEQ {}] CONDSTORE enabled by {}", selected->highestmodseq(), why);
  }
}

Result<names::MailboxName> Session::parse_name(std::string_view client_name) const {
  auto name = caller->parse_name(client_name);
  if (!name) {
    return refuse("Invalid mailbox name");
  }
  return name;
}

Result<meta::MailboxEntry> Session::find_mailbox(std::string_view client_name) {
  return find_mailbox(client_name, 'l');
}

Result<meta::MailboxEntry> Session::find_mailbox(std::string_view client_name, char right) {
  CYR_TRY(const names::MailboxName name, parse_name(client_name));
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  CYR_TRY(auto entry, list->find(name.to_internal(store.name_space())));
  if (!entry || !entry->type.local()) {
    return refuse("Mailbox does not exist");
  }
  const acl::Rights rights = caller->rights(*entry);
  if (!rights.has(right)) {
    return refuse(rights.has('l') ? "Permission denied" : "Mailbox does not exist");
  }
  return std::move(*entry);
}

std::string Session::print_name(std::string_view internal_name) const {
  const auto name = caller->print_name(internal_name);
  return name ? *name : std::string(internal_name);
}

std::string Session::quoted_name(std::string_view internal_name) const {
  return text::print_astring(print_name(internal_name), text::LiteralForm::synchronizing);
}

}  // namespace cyr::imapd
