// listquota, listquotaroot and quota.
#include <algorithm>
#include <set>

#include "cyradm/commands/all.h"
#include "cyradm/commands/quota_text.h"
#include "cyradm/session.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> listquota_options = {{{"json", {}, "a JSON object for each resource"}}};
constexpr std::array<Option, 2> quota_f_options = {{
    {"f", {}, "count again and correct"},
    {"json", {}, "a JSON object for each resource"},
}};
constexpr std::array<Word, 1> listquota_words = {Word::mailbox};

void print_root(Session& session, const QuotaRoot& root, bool with_name) {
  if (session.json()) {
    print_quota_json(session, root);
  } else {
    session.out().print("{}{}\n", with_name ? session.shown_name(root.name) : "", quota_text(root));
  }
}

// The matches of a pattern that are quota roots themselves.
Status print_matching_roots(Session& session, Backend& store, const std::string& pattern) {
  CYR_TRY(const auto matches, session.matching(pattern));
  for (const auto& mailbox : matches) {
    const auto root = store.quota(mailbox);
    if (root) {
      print_root(session, *root, true);
    } else if (root.error().code != Errc::not_found) {
      return prefixed(root.error(), mailbox);
    }
  }
  return success();
}

Status run_listquota(Session& session, const Arguments& arguments) {
  session.set_json_once(arguments.has("json"));
  CYR_TRY(auto* const store, session.backend());
  const std::string name = session.mailbox_name(arguments.operands[0]);
  if (Session::is_pattern(name)) {
    return print_matching_roots(session, *store, name);
  }
  const auto root = store->quota(name);
  if (!root) {
    if (!session.json()) {
      session.out().write("\n");  // as the stock shell; which says nothing else
    }
    return root.error();
  }
  print_root(session, *root, false);
  return success();
}

Status print_roots_of(Session& session, Backend& store, const std::string& mailbox) {
  auto roots = store.quota_roots(mailbox);
  if (!roots || roots->empty()) {
    if (!session.json()) {
      session.out().write("\n");
    }
    return roots ? success() : Status(std::move(roots).error());
  }
  for (const auto& root : *roots) {
    print_root(session, root, true);
  }
  return success();
}

Status run_listquotaroot(Session& session, const Arguments& arguments) {
  session.set_json_once(arguments.has("json"));
  CYR_TRY(auto* const store, session.backend());
  const std::string name = session.mailbox_name(arguments.operands[0]);
  if (!Session::is_pattern(name)) {
    return print_roots_of(session, *store, name);
  }
  CYR_TRY(const auto matches, session.matching(name));
  std::set<std::string> shown;  // a root once, however many mailboxes it has
  for (const auto& mailbox : matches) {
    CYR_TRY(const auto roots, store->quota_roots(mailbox));
    for (const auto& root : roots) {
      if (shown.insert(root.name).second) {
        print_root(session, root, true);
      }
    }
  }
  return success();
}

Status run_quota(Session& session, const Arguments& arguments) {
  session.set_json_once(arguments.has("json"));
  CYR_TRY(auto* const store, session.backend());
  const std::string name =
      arguments.operands.empty() ? std::string() : session.mailbox_name(arguments.operands[0]);
  if (arguments.has("f")) {
    CYR_CHECK(
        store->fix_quota(name, [&session](std::string_view line) { session.out().print("{}\n", line); }));
    if (session.settings().dry_run) {
      return success();
    }
  }
  return print_matching_roots(session, *store, name.empty() ? "*" : name);
}

}  // namespace

constexpr Command listquota = {
    .name = "listquota",
    .aliases = {"lq"},
    .synopsis = "root",
    .summary = "list quotas on specified root",
    .options = listquota_options,
    .least = 1,
    .most = 1,
    .words = listquota_words,
    .details =
        "STORAGE and X-ANNOTATION-STORAGE are in KiB. With a pattern, every match that is a quota root.",
    .examples =
        "lq user/bovik\n"
        "lq user/%",
    .run = &run_listquota,
};

constexpr Command listquotaroot = {
    .name = "listquotaroot",
    .aliases = {"lqr", "lqm"},
    .synopsis = "mailbox",
    .summary = "show quota roots and quotas for mailbox",
    .options = listquota_options,
    .least = 1,
    .most = 1,
    .words = listquota_words,
    .details =
        "The quota root is the nearest one at or above the mailbox. With a pattern each root comes once.",
    .examples = "lqr user/bovik/Sent",
    .run = &run_listquotaroot,
};

constexpr Command quota = {
    .name = "quota",
    .synopsis = "[-f] [root]",
    .summary = "show all quota roots, or count again what they use",
    .options = quota_f_options,
    .most = 1,
    .words = listquota_words,
    .effect = Effect::changes,
    .details =
        "With -f what is used at and below the root (or everywhere) is counted again first. That needs\n"
        "--local: a server has no command for it.",
    .examples =
        "quota\n"
        "quota -f user/bovik",
    .run = &run_quota,
};

}  // namespace cyr::cyradm::commands
