#include <algorithm>

#include "cyradm/commands/all.h"
#include "cyradm/commands/rights_macros.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Word, 3> setaclmailbox_words = {Word::mailbox, Word::identifier, Word::rights};

struct Pair {
  std::string id;
  std::string rights;
};

// What the mailbox has now for the same identifiers, as a command.
Result<std::vector<std::string>> undo_of(Backend& store, const std::string& mailbox,
                                         const std::vector<Pair>& pairs) {
  CYR_TRY(const auto entries, store.acl(mailbox));
  std::vector<std::string> out = {"setaclmailbox", mailbox};
  for (const auto& pair : pairs) {
    const auto before = std::find_if(entries.begin(), entries.end(),
                                     [&pair](const AclEntry& entry) { return entry.id == pair.id; });
    out.push_back(pair.id);
    out.push_back(before != entries.end() ? before->rights : "none");
  }
  return out;
}

// Every pair is tried, and every failure told, one a line.
Status set_all(Session& session, Backend& store, const std::string& mailbox, const std::vector<Pair>& pairs) {
  std::vector<std::string> undo;
  if (session.wants_undo()) {
    if (auto words_before = undo_of(store, mailbox, pairs)) {
      undo = std::move(*words_before);
    }
  }
  std::optional<Error> failure;
  std::size_t done = 0;
  for (const auto& pair : pairs) {
    if (auto set = store.set_acl(mailbox, pair.id, pair.rights); !set) {
      Error error = prefixed(std::move(set).error(), pair.id + ": " + pair.rights);
      if (failure) {
        error.what = failure->what + "\n" + error.what;
      }
      failure = std::move(error);
      if (failure->code == Errc::io || failure->code == Errc::cancelled) {
        break;
      }
    } else {
      ++done;
      session.remember_identifier(pair.id);
    }
  }
  if (done > 0 && !undo.empty()) {
    session.undo_hint(undo);
  }
  return failure ? Status(std::move(*failure)) : success();
}

Status run_setaclmailbox(Session& session, const Arguments& arguments) {
  const auto& operands = arguments.operands;
  if (operands.size() % 2 != 1) {
    return usage_error(setaclmailbox);
  }
  CYR_TRY(auto* const store, session.backend());
  std::vector<Pair> pairs;
  for (std::size_t i = 1; i + 1 < operands.size(); i += 2) {
    pairs.push_back({operands[i], expand_rights(operands[i + 1])});
  }
  return session.for_each_mailbox(operands[0], "Setting ACL on", [&](const std::string& mailbox) {
    return set_all(session, *store, mailbox, pairs);
  });
}

}  // namespace

constexpr Command setaclmailbox = {
    .name = "setaclmailbox",
    .aliases = {"setacl", "sam"},
    .synopsis = "mailbox id rights [id rights ...]",
    .summary = "set ACLs on mailbox",
    .least = 3,
    .most = any_number,
    .words = setaclmailbox_words,
    .repeated = 2,
    .effect = Effect::changes,
    .details =
        "The rights are letters, with + or - before them to add or take away, or one of the words none,\n"
        "read (lrs), post (lrsp), append (lrsip), write (lrswipkxte), delete (lrxte), all (lrswipkxtea).\n"
        "An identifier with - before it takes rights away from whoever has them by another entry.",
    .examples =
        "sam user/bovik/public bovik all group:users lrsp anyone lrs\n"
        "sam user/*/Spam anyone p\n"
        "sam shared/news bovik +t\n"
        "sam shared/news -guests write",
    .run = &run_setaclmailbox,
};

}  // namespace cyr::cyradm::commands
