// See search_request.h.
#include "server-min/imapd/commands/search_request.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::imapd {

Result<ReturnOptions> take_return(CommandParser& parser) {
  ReturnOptions options;
  if (!parser.accept_word("RETURN")) {
    return options;
  }
  struct Row {
    std::string_view name;
    bool ReturnOptions::*field;
  };
  constexpr std::array<Row, 5> kRows{{{"MIN", &ReturnOptions::min},
                                      {"MAX", &ReturnOptions::max},
                                      {"ALL", &ReturnOptions::all},
                                      {"COUNT", &ReturnOptions::count},
                                      {"SAVE", &ReturnOptions::save}}};
  CYR_CHECK(parser.space());
  const auto take_one = [&]() -> Status {
    const std::string word = parser.word();
    for (const Row& row : kRows) {
      if (equal_ignoring_case(row.name, word)) {
        options.*row.field = true;
        return success();
      }
    }
    return bad_argument("Invalid Search return option " + upper_ascii(word));
  };
  CYR_CHECK(parser.list(take_one));
  CYR_CHECK(parser.space());
  options.given = true;
  options.all = options.all || (!options.min && !options.max && !options.count && !options.save);
  return options;
}

Result<SearchProgram> take_program(Session& session, CommandParser& parser, std::string charset) {
  CYR_TRY(SearchProgram program, parse_search(parser, {.now = session.now(), .charset = std::move(charset)}));
  session.condstore = session.condstore || program.uses_modseq;  // untold, as in 3.6.1
  if (Status fresh = session.selected->refresh(); !fresh && fresh.error().code != Errc::not_found) {
    return std::move(fresh).error();
  }
  return program;
}

Answer found_messages(std::size_t count) {
  return ok(fmt::format("Completed ({} msgs in 0.000 secs)", count));
}

std::uint64_t highest_modseq(Selected& selected, const std::vector<std::uint32_t>& msgnos) {
  std::uint64_t highest = 0;
  for (const std::uint32_t msgno : msgnos) {
    const std::uint32_t recno = selected.row(msgno).recno;
    highest = std::max(highest, recno == 0 ? 0 : selected.view().records().modseq(recno));
  }
  return highest;
}

std::uint32_t number_of(Selected& selected, std::uint32_t msgno, bool uid) {
  return uid ? selected.row(msgno).uid : msgno;
}

namespace {

// What "$" will mean (RFC 5182 2.1): with MIN or MAX alone only those.
void save_result(Session& session, const ReturnOptions& options, const std::vector<std::uint32_t>& msgnos) {
  session.saved_result = {};
  const bool everything = options.all || options.count || (!options.min && !options.max);
  for (std::size_t i = 0; i < msgnos.size(); ++i) {
    if (everything || (options.min && i == 0) || (options.max && i + 1 == msgnos.size())) {
      session.saved_result.add(session.selected->row(msgnos[i]).uid);
    }
  }
}

}  // namespace

void write_esearch(Invocation& invocation, const ReturnOptions& options,
                   const std::vector<std::uint32_t>& msgnos, bool modseq, bool sorted) {
  Session& session = invocation.session;
  Selected& selected = *session.selected;
  if (options.save) {
    save_result(session, options, msgnos);
    if (!options.min && !options.max && !options.all && !options.count) {
      return;
    }
  }
  std::string& out = session.out.buffer();
  const auto number = [&](std::uint32_t msgno) { return number_of(selected, msgno, invocation.uid); };
  fmt::format_to(std::back_inserter(out), "* ESEARCH (TAG \"{}\")", invocation.tag);
  if (invocation.uid) {
    out += " UID";
  }
  if (options.count) {
    fmt::format_to(std::back_inserter(out), " COUNT {}", msgnos.size());
  }
  if (!msgnos.empty()) {
    if (options.min) {
      fmt::format_to(std::back_inserter(out), " MIN {}", number(msgnos.front()));
    }
    if (options.max) {
      fmt::format_to(std::back_inserter(out), " MAX {}", number(msgnos.back()));
    }
    if (modseq) {
      fmt::format_to(std::back_inserter(out), " MODSEQ {}", highest_modseq(selected, msgnos));
    }
    if (options.all) {
      out += " ALL ";
      text::SequenceSet set;
      std::string list;
      for (const std::uint32_t msgno : msgnos) {
        if (sorted) {
          list += (list.empty() ? "" : ",") + std::to_string(number(msgno));
        } else {
          set.add(number(msgno));
        }
      }
      out += sorted ? list : set.print();
    }
  }
  out += "\r\n";
}

}  // namespace cyr::imapd
