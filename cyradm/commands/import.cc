#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cyradm/commands/all.h"
#include "cyradm/commands/import_file.h"
#include "cyradm/commands/rights_macros.h"
#include "cyradm/session.h"
#include "format/base/io.h"

namespace cyr::cyradm::commands {
namespace {

constexpr std::array<Option, 1> import_options = {{{"keep-going", {}, "go on after a row that fails"}}};
constexpr std::array<Word, 1> import_words = {Word::file};
constexpr std::size_t largest_import = std::size_t{64} << 20;  // bytes

Result<std::string> read_input(Session& session, const std::string& file) {
  if (file != "-") {
    CYR_TRY(const auto bytes, posix_io().read_file(file));
    if (bytes.text().size() > largest_import) {
      return make_error(Errc::invalid, "the file is too large").at(file);
    }
    return std::string(bytes.text());
  }
  constexpr std::size_t piece = std::size_t{64} << 10;
  std::string out;
  while (out.size() <= largest_import) {
    const std::size_t before = out.size();
    out.resize(before + piece);
    const ::ssize_t count = ::read(session.input_fd(), out.data() + before, piece);
    out.resize(before + static_cast<std::size_t>(std::max<::ssize_t>(count, 0)));
    if (count < 0 && errno != EINTR) {
      return system_error(errno, "standard input");
    }
    if (count == 0) {
      return out;
    }
  }
  return make_error(Errc::invalid, "standard input is too large");
}

// "user/joe.smith", where the separator is a dot "user.joe^smith"; a domain stays at the end.
std::string inbox_of(const std::string& user, char separator) {
  std::string name = user;
  if (separator == '.') {
    std::replace(name.begin(), std::find(name.begin(), name.end(), '@'), '.', '^');
  }
  return std::string("user") + separator + name;
}

std::string below(const std::string& mailbox, char separator, const std::string& folder) {
  const auto at = std::min(mailbox.rfind('@'), mailbox.size());
  return mailbox.substr(0, at) + separator + folder + mailbox.substr(at);
}

// True when it was not there before.
Result<bool> create_if_missing(Backend& store, const std::string& mailbox, const CreateOptions& how) {
  if (auto created = store.create(mailbox, how); !created) {
    if (created.error().code != Errc::exists) {
      return prefixed(std::move(created).error(), mailbox);
    }
    return false;
  }
  return true;
}

Result<std::string> import_row(Session& session, Backend& store, const ImportRow& row) {
  CYR_TRY(const char separator, store.separator());
  const std::string mailbox =
      session.mailbox_name(row.mailbox.empty() ? inbox_of(row.user, separator) : row.mailbox);
  CYR_TRY(const bool created, create_if_missing(store, mailbox, row.options));
  std::size_t folders = 0;
  for (const auto& folder : row.folders) {
    const CreateOptions how{row.options.partition, folder.special_use};
    CYR_TRY(const bool fresh,
            create_if_missing(store, session.mailbox_name(below(mailbox, separator, folder.name)), how));
    folders += fresh ? 1 : 0;
  }
  if (!row.quota.empty()) {
    if (auto set = store.set_quota(mailbox, row.quota); !set) {
      return prefixed(std::move(set).error(), mailbox + ": quota");
    }
  }
  for (const auto& entry : row.acl) {
    if (auto set = store.set_acl(mailbox, entry.id, expand_rights(entry.rights)); !set) {
      return prefixed(std::move(set).error(), mailbox + ": " + entry.id + ": " + entry.rights);
    }
  }
  return fmt::format("{}: {}{}{}{}", mailbox, created ? "created" : "was there",
                     folders > 0 ? fmt::format(", {} folders", folders) : "",
                     row.quota.empty() ? "" : ", quota set", row.acl.empty() ? "" : ", ACL set");
}

Status run_import(Session& session, const Arguments& arguments) {
  CYR_TRY(auto* const store, session.backend());
  CYR_TRY(const std::string text, read_input(session, arguments.operands[0]));
  CYR_TRY(const auto rows, parse_import(text));
  std::size_t failed = 0;
  std::optional<Error> first;
  for (const auto& row : rows) {
    auto done = import_row(session, *store, row);
    if (done) {
      if (!session.settings().dry_run) {
        session.out().print("{}\n", session.shown_name(*done));
      }
      continue;
    }
    ++failed;
    Error error = prefixed(std::move(done).error(), "row " + std::to_string(row.number));
    if (!arguments.has("keep-going") || error.code == Errc::cancelled || error.code == Errc::io) {
      return error;
    }
    session.print_error("import: " + error.what);
    first = first ? first : std::optional<Error>(std::move(error));
  }
  if (failed > 0) {
    session.print_error(fmt::format("import: {} of {} rows failed", failed, rows.size()));
    return session.reported(std::move(*first));
  }
  return success();
}

}  // namespace

constexpr Command import = {
    .name = "import",
    .synopsis = "[--keep-going] file",
    .summary = "create users and mailboxes from a CSV or JSON file",
    .options = import_options,
    .least = 1,
    .most = 1,
    .words = import_words,
    .effect = Effect::changes,
    .details =
        "The file - is standard input. CSV has a line of column names first: user or mailbox, and any of\n"
        "partition, specialuse, quota, acl, folders; JSON is a list of objects with these members. All of\n"
        "it is checked before anything is done. What is there already stays; quota and ACL are set, so\n"
        "that a file can be imported again.",
    .examples =
        "import newusers.csv\n"
        "import -keep-going - < newusers.json",
    .run = &run_import,
};

}  // namespace cyr::cyradm::commands
