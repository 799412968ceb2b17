// See message_set.h.
#include "server-min/imapd/commands/message_set.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::imapd {

namespace {

namespace flag = mailbox::flag;

struct FlagRow {
  std::string_view name;
  std::uint32_t bit;
};
constexpr std::array<FlagRow, 5> kStorableFlags{{
    {"\\Answered", flag::answered},
    {"\\Deleted", flag::deleted},
    {"\\Draft", flag::draft},
    {"\\Flagged", flag::flagged},
    {"\\Seen", flag::seen},
}};

Status add_flag(FlagList& flags, const std::string& name, std::string_view bad_flag) {
  if (name.front() != '\\') {
    if (!mailbox::valid_flag_name(name)) {
      return bad_argument(std::string(bad_flag));
    }
    const bool known = std::any_of(flags.keywords.begin(), flags.keywords.end(),
                                   [&](const std::string& had) { return equal_ignoring_case(had, name); });
    if (!known) {
      flags.keywords.push_back(name);
    }
    return success();
  }
  for (const FlagRow& row : kStorableFlags) {
    if (equal_ignoring_case(row.name, name)) {
      flags.system |= row.bit;
      return success();
    }
  }
  return bad_argument(std::string(bad_flag));
}

}  // namespace

Result<MessageSet> take_set(Invocation& invocation) {
  CommandParser& parser = invocation.parser;
  Session& session = invocation.session;
  CYR_CHECK(parser.space());
  CYR_TRY(const std::string text, parser.sequence());
  MessageSet out;
  out.by_uid = invocation.uid;
  if (text == "$") {
    out.is_saved = true;
    out.set = session.saved_result;
    out.msgnos = session.selected->numbers(out.set, true);
    return out;
  }
  CYR_TRY(const auto ranges, parse_sequence(text));
  Selected& selected = *session.selected;
  out.set = resolve_sequence(ranges, invocation.uid ? selected.last_uid() : selected.exists());
  out.msgnos = selected.numbers(out.set, invocation.uid);
  return out;
}

Answer completed() { return ok("Completed (0.000 sec)"); }

Answer no_messages(const MessageSet& set) {
  return set.by_uid || set.is_saved ? completed() : no("No matching messages (0.000 sec)");
}

Status mark_seen(Session& session, const std::vector<std::uint32_t>& msgnos) {
  Selected& selected = *session.selected;
  std::vector<std::uint32_t> unseen;
  std::copy_if(msgnos.begin(), msgnos.end(), std::back_inserter(unseen), [&](std::uint32_t msgno) {
    return selected.is_live(selected.row(msgno)) && !selected.seen(selected.row(msgno));
  });
  if (unseen.empty() || selected.examined() || !selected.rights().has('s')) {
    return success();
  }
  CYR_TRY(const auto edit, selected.edit(session.now()));
  std::vector<std::uint32_t> changed;
  for (const std::uint32_t msgno : unseen) {
    const MessageRow& row = selected.row(msgno);
    const auto at = edit->at(row.recno, row.uid);
    if (at && !at->record.has(flag::expunged)) {
      CYR_TRY(const bool any, edit->change_flags(*at, {.set = flag::seen}));
      if (any) {
        changed.push_back(msgno);
      }
    }
  }
  CYR_CHECK(selected.commit(*edit, changed));
  for (const std::uint32_t msgno : unseen) {
    selected.set_seen(selected.row(msgno), true);
  }
  return success();
}

Result<FlagList> take_flags(CommandParser& parser, std::string_view bad_flag) {
  FlagList flags;
  const auto take_one = [&]() -> Status {
    CYR_TRY(const std::string name, parser.flag());
    return add_flag(flags, name, bad_flag);
  };
  if (parser.peek() == '(') {
    CYR_CHECK(parser.list(take_one));
  } else {
    do {
      CYR_CHECK(take_one());
    } while (parser.accept(' '));
  }
  return flags;
}

void narrow(FlagList& flags, acl::Rights rights) {
  if (!rights.has('w')) {
    flags.system &= flag::seen | flag::deleted;
    flags.keywords.clear();
  }
  flags.system &= rights.has('s') ? ~std::uint32_t{0} : ~flag::seen;
  flags.system &= rights.has('t') ? ~std::uint32_t{0} : ~flag::deleted;
}

}  // namespace cyr::imapd
