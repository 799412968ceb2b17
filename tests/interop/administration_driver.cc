// Runs lines "USER COMMAND ARGUMENTS" on a store without a server, as an imapd would call format/store: the
// administration commands of IMAP. One answer line each: "OK" or "NO text". administration.py gives the same
// lines to the real imapd.
//
//   administration_driver IMAPD.CONF < COMMANDS
#include <fmt/format.h>

#include <ctime>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "format/base/text.h"
#include "format/store/mailbox_admin.h"

namespace {

using namespace cyr;

// A word, or the words of a parenthesised list.
struct Argument {
  std::string text;
  std::vector<std::string> list;
  bool is_list = false;
};

class Line {
 public:
  explicit Line(std::string_view text) : text_(text) {}

  std::vector<Argument> all() {
    std::vector<Argument> out;
    while (skip()) {
      Argument argument;
      argument.is_list = text_[at_] == '(';
      if (argument.is_list) {
        ++at_;
        argument.list = list();
      } else {
        argument.text = word();
      }
      out.push_back(std::move(argument));
    }
    return out;
  }

 private:
  bool skip() {
    while (at_ < text_.size() && text_[at_] == ' ') {
      ++at_;
    }
    return at_ < text_.size();
  }
  // Lists in lists are flattened: "(USE (\Sent \Junk))".
  std::vector<std::string> list() {
    std::vector<std::string> out;
    for (int depth = 1; depth > 0 && skip();) {
      if (text_[at_] == '(' || text_[at_] == ')') {
        depth += text_[at_++] == '(' ? 1 : -1;
      } else {
        out.push_back(word());
      }
    }
    return out;
  }
  std::string word() {
    std::string out;
    if (text_[at_] == '"') {
      for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        at_ += text_[at_] == '\\' ? 1 : 0;
        out += text_.at(at_);
      }
      ++at_;
      return out;
    }
    while (at_ < text_.size() && std::string_view(" ()").find(text_[at_]) == std::string_view::npos) {
      out += text_[at_++];
    }
    return out;
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

class Session {
 public:
  explicit Session(store::Store& store) : store_(store) {}

  Status run(const std::string& userid, const std::vector<Argument>& words) {
    arguments_ = words;
    admin_.actor = store::actor_of(store_.config(), userid);
    admin_.now = std::time(nullptr);
    const auto found = commands().find(words.at(0).text);
    return found == commands().end() ? make_error(Errc::invalid, "no such command")
                                     : (this->*found->second)();
  }

 private:
  using Command = Status (Session::*)();
  static const std::map<std::string, Command>& commands() {
    static const std::map<std::string, Command> table = {
        {"CREATE", &Session::create},           {"DELETE", &Session::remove},
        {"RENAME", &Session::rename},           {"SETACL", &Session::set_acl},
        {"SETQUOTA", &Session::set_quota},      {"SUBSCRIBE", &Session::subscribe},
        {"UNSUBSCRIBE", &Session::unsubscribe}, {"SETMETADATA", &Session::set_metadata},
    };
    return table;
  }

  [[nodiscard]] names::UserId user() const {
    return names::UserId::parse(admin_.actor.userid, store_.name_space());
  }
  Result<std::string> mailbox(std::size_t at) const {
    const std::string& text = arguments_.at(at).text;
    const auto& ns = store_.name_space();
    const auto name = admin_.actor.is_admin ? names::MailboxName::from_admin(text, ns, user().domain)
                                            : names::MailboxName::from_external(text, ns, user());
    return name ? Result<std::string>(name->to_internal(ns)) : store::refuse(store::Refusal::bad_name);
  }

  Status create() {
    store::CreateRequest request;
    CYR_TRY(request.name, mailbox(1));
    for (std::size_t i = 2; i < arguments_.size(); ++i) {
      if (!arguments_[i].is_list) {
        request.partition = arguments_[i].text;
      } else {
        request.special_use.assign(arguments_[i].list.begin() + 1, arguments_[i].list.end());
      }
    }
    CYR_TRY([[maybe_unused]] const auto made, store::create_mailbox(admin_, request));
    return success();
  }
  Status remove() {
    CYR_TRY(std::string name, mailbox(1));
    return store::delete_mailbox(admin_, {.name = std::move(name)});
  }
  Status rename() {
    store::RenameRequest request;
    CYR_TRY(request.from, mailbox(1));
    CYR_TRY(request.to, mailbox(2));
    if (arguments_.size() > 3) {
      request.partition = arguments_[3].text;
    }
    return store::rename_mailbox(admin_, request);
  }
  Status set_acl() {
    CYR_TRY(const std::string name, mailbox(1));
    return store::set_acl(admin_, name, arguments_.at(2).text, arguments_.at(3).text);
  }
  Status set_quota() {
    CYR_TRY(const std::string root, mailbox(1));
    std::vector<store::QuotaLimit> limits;
    const auto& list = arguments_.at(2).list;
    for (std::size_t i = 0; i + 1 < list.size(); i += 2) {
      store::QuotaLimit limit;
      CYR_TRY(limit.resource, store::resource_of(list[i]));
      limit.limit = parse_number<std::int64_t>(list[i + 1]).value_or(-1);
      limits.push_back(limit);
    }
    return store::set_quota(admin_, root, limits);
  }
  Status subscribe() {
    CYR_TRY(const std::string name, mailbox(1));
    return store::subscribe(admin_, user(), name);
  }
  Status unsubscribe() {
    CYR_TRY(const std::string name, mailbox(1));
    return store::unsubscribe(admin_, user(), name);
  }
  Status set_metadata() {
    const auto& list = arguments_.at(2).list;
    for (std::size_t i = 0; i + 1 < list.size(); i += 2) {
      store::MetadataItem item;
      item.shared = list[i].starts_with("/shared");
      item.entry = list[i].substr(list[i].find('/', 1));
      item.value = list[i + 1] == "NIL" ? std::nullopt : std::optional(list[i + 1]);
      if (arguments_.at(1).text.empty()) {
        CYR_CHECK(store::set_server_metadata(admin_, item));
      } else {
        CYR_TRY(const std::string name, mailbox(1));
        CYR_CHECK(store::set_metadata(admin_, name, item));
      }
    }
    return success();
  }

  store::Store& store_;
  store::UserLocks locks_;
  store::Administration admin_{store_, locks_, {}, 0};
  std::vector<Argument> arguments_;
};

int answer(const char* conf) {
  const auto opened =
      store::Store::open(posix_io(), conf, {.ident = "imap", .release = conf::v3_6, .prefix = {}});
  if (!opened) {
    std::cerr << opened.error().text() << '\n';
    return 78;
  }
  Session session(**opened);
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::size_t space = line.find(' ');
    const Status done =
        session.run(line.substr(0, space), Line(std::string_view(line).substr(space + 1)).all());
    std::cout << (done ? "OK" : "NO " + done.error().text()) << std::endl;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return argc == 2 ? answer(argv[1]) : 64;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 70;
  }
}
