#include <algorithm>

#include "cyradm/commands/all.h"
#include "cyradm/commands/quota_text.h"
#include "cyradm/session.h"
#include "format/base/text.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Word, 3> setquota_words = {Word::mailbox, Word::resource, Word::limit};

bool is_resource_atom(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return c > ' ' && c < '\x7f' && std::string_view("(){%*\"\\").find(c) == std::string_view::npos;
  });
}

Result<QuotaLimit> read_limit(const std::string& resource, const std::string& number) {
  if (!is_resource_atom(resource)) {
    return make_error(Errc::invalid, resource + ": not an atom");
  }
  const auto limit = parse_number<std::uint64_t>(number);
  if (!limit) {
    return make_error(Errc::invalid, resource + ": " + number + ": not a number");
  }
  return QuotaLimit{resource, *limit};
}

// "root", "root num", "root none", "root RES num ...".
Result<std::vector<QuotaLimit>> read_limits(Session& session, const std::vector<std::string>& operands) {
  std::vector<QuotaLimit> out;
  if (operands.size() == 2 && operands[1] == "none") {
    session.out().write("remove quota\n");
  } else if (operands.size() == 2) {
    session.out().print("quota:{}\n", printable(operands[1]));
    CYR_TRY(auto limit, read_limit("STORAGE", operands[1]));
    out.push_back(std::move(limit));
  }
  for (std::size_t i = 1; operands.size() > 2 && i + 1 < operands.size(); i += 2) {
    CYR_TRY(auto limit, read_limit(operands[i], operands[i + 1]));
    const bool again = std::any_of(out.begin(), out.end(), [&limit](const QuotaLimit& other) {
      return equal_ignoring_case(other.resource, limit.resource);
    });
    if (again) {
      return make_error(Errc::invalid, limit.resource + ": given twice");
    }
    out.push_back(std::move(limit));
  }
  return out;
}

Status set_one(Session& session, Backend& store, const std::string& root,
               const std::vector<QuotaLimit>& limits) {
  std::vector<std::string> undo;
  if (session.wants_undo()) {
    const auto before = store.quota(root);
    undo = as_setquota(before ? *before : QuotaRoot{root, {}});
  }
  CYR_CHECK(store.set_quota(root, limits));
  session.undo_hint(undo);
  return success();
}

Status run_setquota(Session& session, const Arguments& arguments) {
  const auto& operands = arguments.operands;
  if (operands.size() > 2 && operands.size() % 2 != 1) {
    return usage_error(setquota);
  }
  CYR_TRY(auto* const store, session.backend());
  CYR_TRY(const auto limits, read_limits(session, operands));
  return session.for_each_mailbox(operands[0], "Setting quota on", [&](const std::string& root) {
    return set_one(session, *store, root, limits);
  });
}

}  // namespace

constexpr Command setquota = {
    .name = "setquota",
    .aliases = {"sq"},
    .synopsis = "mailbox resource value [resource value ...]",
    .summary = "set quota on mailbox or resource",
    .usage =
        "setquota mailbox limit num [limit num ...]\n"
        "       setquota mailbox num",
    .least = 2,
    .most = any_number,
    .words = setquota_words,
    .repeated = 2,
    .effect = Effect::changes,
    .details =
        "The resources are STORAGE (KiB), MESSAGE, X-NUM-FOLDERS and X-ANNOTATION-STORAGE (KiB); a number\n"
        "alone is STORAGE. All limits of the root are replaced: name every one that is to stay. With none\n"
        "nothing is limited any more.",
    .examples =
        "sq user/bovik 1000000\n"
        "sq user/bovik STORAGE 1000000 MESSAGE 20000\n"
        "sq user/% STORAGE 500000\n"
        "sq user/bovik none",
    .run = &run_setquota,
};

}  // namespace cyr::cyradm::commands
