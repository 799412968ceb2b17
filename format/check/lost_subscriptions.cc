#include "format/check/lost_subscriptions.h"

#include <algorithm>
#include <array>
#include <vector>

#include "format/acl/acl.h"
#include "format/base/text.h"

namespace cyr::check {

namespace {

// The log without its marks: "<SECONDS<" before what the client sent, ">SECONDS>" before the server's words.
// They stand anywhere, also in the middle of a line.
std::string without_marks(std::string_view log) {
  std::string out;
  out.reserve(log.size());
  for (std::size_t at = 0; at < log.size(); ++at) {
    const char c = log[at];
    if (c == '<' || c == '>') {
      std::size_t end = at + 1;
      while (end < log.size() && log[end] >= '0' && log[end] <= '9') {
        ++end;
      }
      if (end - at > 9 && end < log.size() && log[end] == c) {  // ten digits since 2001
        at = end;
        continue;
      }
    }
    out.push_back(c);
  }
  return out;
}

// The first word of `rest`, taken off it: an atom or a quoted string. Literals stand in the next line; as
// names of mailboxes they are too rare to be followed here.
std::string take_word(std::string_view& rest) {
  while (!rest.empty() && rest.front() == ' ') {
    rest.remove_prefix(1);
  }
  std::string out;
  if (rest.empty() || rest.front() != '"') {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    out = rest.substr(0, end);
    rest.remove_prefix(end);
    return out;
  }
  for (rest.remove_prefix(1); !rest.empty() && rest.front() != '"'; rest.remove_prefix(1)) {
    if (rest.front() == '\\' && rest.size() > 1) {
      rest.remove_prefix(1);
    }
    out.push_back(rest.front());
  }
  if (!rest.empty()) {
    rest.remove_prefix(1);
  }
  return out;
}

bool apply_line(std::string_view line, std::set<std::string>& names) {
  std::string_view rest = line;
  const std::string tag = take_word(rest);
  const std::string command = take_word(rest);
  const bool on = equal_ignoring_case(command, "SUBSCRIBE");
  if (on || equal_ignoring_case(command, "UNSUBSCRIBE")) {
    const std::string name = take_word(rest);
    if (tag == "*" || name.empty() || name.front() == '{') {
      return false;
    }
    if (on) {
      names.insert(name);
    } else {
      names.erase(name);
    }
    return true;
  }
  if (tag != "*" || !equal_ignoring_case(command, "LSUB")) {
    return false;
  }
  const std::size_t close = rest.find(')');
  const std::string_view attributes = rest.substr(0, std::min(close, rest.size()));
  if (close == std::string_view::npos || attributes.find("\\Noselect") != std::string_view::npos) {
    return false;
  }
  rest.remove_prefix(close + 1);
  (void)take_word(rest);  // the separator
  const std::string name = take_word(rest);
  if (!name.empty() && name.front() != '{') {
    names.insert(name);
  }
  return true;
}

}  // namespace

bool read_telemetry(std::string_view log, std::set<std::string>& names) {
  const std::string text = without_marks(log);
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    any = apply_line(line, names) || any;
    at = end + 1;
  }
  return any;
}

namespace {

class Guess {
 public:
  Guess(store::Store& store, const names::UserId& user) : store_(store), user_(user) {}

  Result<GuessedSubscriptions> run() {
    telemetry();
    processes();
    if (!out_.mailboxes.empty()) {
      return std::move(out_);
    }
    CYR_CHECK(rights());
    return std::move(out_);
  }

 private:
  void add_source(std::string_view what) {
    out_.source += (out_.source.empty() ? "" : ", ") + std::string(what);
  }

  // 2.5 and older spell the directory like the mailbox, with '^' for a dot.
  void telemetry() {
    std::string escaped = user_.text();
    std::replace(escaped.begin(), escaped.end(), '.', '^');
    std::vector<std::pair<std::int64_t, fs::path>> logs;
    for (const auto& spelling : std::set<std::string>{user_.text(), escaped}) {
      const fs::path directory = store_.paths().config_directory() / "log" / spelling;
      const auto entries = store_.io().list(directory);
      for (const auto& entry : entries ? *entries : std::vector<DirEntry>{}) {
        const auto info = store_.io().stat(directory / entry.name);
        if (entry.kind == FileKind::regular && info) {
          logs.emplace_back(info->mtime, directory / entry.name);
        }
      }
    }
    std::sort(logs.begin(), logs.end());
    std::set<std::string> names;
    bool any = false;
    for (const auto& [time, path] : logs) {
      if (const auto bytes = store_.io().read_file(path)) {
        any = read_telemetry(as_text(bytes->bytes()), names) || any;
      }
    }
    for (const auto& name : names) {
      if (const auto parsed = names::MailboxName::from_external(name, store_.name_space(), user_)) {
        out_.mailboxes.insert(parsed->to_internal(store_.name_space()));
      }
    }
    if (any) {
      add_source("telemetry logs");
    }
  }

  // "service host user mailbox command" from 2.5 on, "host user mailbox" before, separated by TABs.
  void processes() {
    const fs::path directory = store_.paths().proc_directory();
    const auto entries = store_.io().list(directory);
    bool any = false;
    for (const auto& entry : entries ? *entries : std::vector<DirEntry>{}) {
      const bool number =
          !entry.name.empty() && entry.name.find_first_not_of("0123456789") == std::string::npos;
      const auto bytes = number ? store_.io().read_file(directory / entry.name)
                                : Result<FileBytes>(make_error(Errc::not_found, "no proc file"));
      if (!bytes) {
        continue;
      }
      const std::string_view text = as_text(bytes->bytes());
      const auto fields = split(text.substr(0, std::min(text.find('\n'), text.size())), '\t');
      const std::size_t user = fields.size() >= 4 ? 2 : 1;
      if (fields.size() > user + 1 && fields[user] == user_.text() && !fields[user + 1].empty()) {
        out_.mailboxes.emplace(fields[user + 1]);
        any = true;
      }
    }
    if (any) {
      add_source("proc files");
    }
  }

  Status rights() {
    CYR_TRY(meta::MailboxList * list, store_.mailbox_list());
    const std::string id = user_.text();
    CYR_CHECK(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (!item.entry || !item.entry->type.local()) {
        return db::Visit::go_on;
      }
      const auto name = names::MailboxName::from_internal(item.name, store_.name_space());
      if (!name || name->is_deleted()) {
        return db::Visit::go_on;
      }
      const auto acl = acl::Acl::parse(item.entry->acl.value_or(""));
      const auto* granted = acl.find(id);
      const bool may = granted != nullptr && acl::Rights::parse(granted->rights).has('l') &&
                       acl::Rights::parse(granted->rights).has('r');
      if (may || (name->is_user() && name->user() == user_)) {
        out_.mailboxes.emplace(item.name);
      }
      return db::Visit::go_on;
    }));
    if (!out_.mailboxes.empty()) {
      add_source("rights on mailboxes");
    }
    return success();
  }

  store::Store& store_;
  const names::UserId& user_;
  GuessedSubscriptions out_;
};

}  // namespace

Result<GuessedSubscriptions> guess_subscriptions(store::Store& store, const names::UserId& user) {
  return Guess(store, user).run();
}

}  // namespace cyr::check
