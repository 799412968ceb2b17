#include <nlohmann/json.hpp>

#include "cyradm/commands/all.h"
#include "cyradm/session.h"
#include "format/base/text.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> listacl_options = {{{"json", {}, "a JSON object for each entry"}}};
constexpr std::array<Word, 1> listacl_words = {Word::mailbox};

Status print_acl(Session& session, Backend& store, const std::string& mailbox, std::string_view indent) {
  CYR_TRY(const auto entries, store.acl(mailbox));
  for (const auto& entry : entries) {
    session.remember_identifier(entry.id);
    if (session.json()) {
      session.print_json({{"mailbox", mailbox}, {"identifier", entry.id}, {"rights", entry.rights}});
    } else {
      session.out().print("{}{} {}\n", indent, printable(entry.id), printable(entry.rights));
    }
  }
  return success();
}

// One mailbox that cannot be shown does not hide the others.
Status print_matches(Session& session, Backend& store, const std::string& pattern) {
  CYR_TRY(const auto matches, session.matching(pattern));
  std::optional<Error> failure;
  for (const auto& mailbox : matches) {
    if (!session.json()) {
      session.out().print("{}:\n", session.shown_name(mailbox));
    }
    if (auto shown = print_acl(session, store, mailbox, "  "); !shown) {
      session.print_error(shown.error().text());
      failure = prefixed(std::move(shown).error(), mailbox);
      if (failure->code == Errc::io || failure->code == Errc::cancelled) {
        break;
      }
    }
  }
  return failure ? Status(session.reported(std::move(*failure))) : success();
}

Status run_listacl(Session& session, const Arguments& arguments) {
  session.set_json_once(arguments.has("json"));
  CYR_TRY(auto* const store, session.backend());
  const std::string mailbox = session.mailbox_name(arguments.operands[0]);
  return Session::is_pattern(mailbox) ? print_matches(session, *store, mailbox)
                                      : print_acl(session, *store, mailbox, "");
}

}  // namespace

constexpr Command listacl = {
    .name = "listacl",
    .aliases = {"listaclmailbox", "lam"},
    .synopsis = "mailbox",
    .summary = "list ACLs on mailbox",
    .message_name = "listaclmailbox",
    .options = listacl_options,
    .least = 1,
    .most = 1,
    .words = listacl_words,
    .bare_errors = true,
    .examples =
        "lam user/bovik\n"
        "lam tech/%",
    .run = &run_listacl,
};

}  // namespace cyr::cyradm::commands
