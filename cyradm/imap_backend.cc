#include "cyradm/imap_backend.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/text.h"

namespace cyr::cyradm {
namespace {

constexpr std::size_t most_answer_bytes = std::size_t{64} << 20;  // of one command's data that is kept

// NO or BAD as an error whose text is the server's own.
Error refusal(const ImapResponse& answer) {
  const std::string code = answer.code_word();
  Errc kind = Errc::invalid;
  if (code == "NONEXISTENT" || answer.text.ends_with("does not exist")) {
    kind = Errc::not_found;
  } else if (code == "ALREADYEXISTS" || answer.text.ends_with("already exists")) {
    kind = Errc::exists;
  } else if (code == "NOPERM" || answer.text == "Permission denied") {
    kind = Errc::permission;
  }
  return make_error(kind, answer.text.empty() ? "the server says " + answer.word : answer.text);
}

// The extended data of LIST as the server wrote it, near enough: strings in quotes.
std::string printed(const std::vector<ImapValue>& values) {
  std::string out;
  for (const auto& value : values) {
    out += out.empty() ? "" : " ";
    if (value.is_list()) {
      out += "(" + printed(value.items) + ")";
    } else {
      out += value.is_string() ? "\"" + value.text + "\"" : "NIL";
    }
  }
  return out;
}

// "* LIST (attributes) separator mailbox [(extended)]"; nothing for what is none.
std::optional<MailboxRow> row_of(ImapResponse& response) {
  auto& values = response.values;
  if (values.size() < 3 || !values[0].is_list() || values[2].is_list()) {
    return {};
  }
  MailboxRow row;
  row.name = std::move(values[2].text);
  row.attributes.reserve(values[0].items.size());
  for (auto& attribute : values[0].items) {
    row.attributes.push_back(std::move(attribute.text));
  }
  if (values.size() > 3 && values[3].is_list()) {
    row.extended = printed(values[3].items);
  }
  return row;
}

// "root (RESOURCE used limit ...)".
std::optional<QuotaRoot> quota_of(const ImapResponse& response) {
  if (response.values.size() != 2 || response.values[0].is_list() || !response.values[1].is_list()) {
    return {};
  }
  QuotaRoot out{response.values[0].text, {}};
  const auto& items = response.values[1].items;
  for (std::size_t i = 0; i + 2 < items.size(); i += 3) {
    const auto used = parse_number<std::uint64_t>(items[i + 1].text);
    const auto limit = parse_number<std::uint64_t>(items[i + 2].text);
    if (used && limit) {
      out.resources.push_back({items[i].text, *used, *limit});
    }
  }
  return out;
}

void add_partition(ImapCommand& command, const std::optional<std::string>& partition) {
  if (partition) {
    command.string(*partition);
  }
}

// "\Junk" and the like, which go into the command as they are.
Status check_special_use(std::string_view text) {
  for (const auto word : split(text, ' ')) {
    const bool good =
        word.size() > 1 && word[0] == '\\' &&
        std::all_of(word.begin() + 1, word.end(), [](char c) { return is_alnum(c) || c == '-'; });
    if (!good) {
      return make_error(Errc::invalid, std::string(text) + ": not a special use (\\\\Junk, \\\\Sent ...)");
    }
  }
  return success();
}

}  // namespace

Result<std::unique_ptr<Backend>> ImapBackend::connect(ImapSettings settings, bool log_in,
                                                      bool& reached_login) {
  auto backend = std::unique_ptr<ImapBackend>(new ImapBackend(std::move(settings)));
  reached_login = false;
  CYR_CHECK(backend->open(false));
  reached_login = true;
  if (log_in) {
    CYR_CHECK(backend->enter());
  }
  return std::unique_ptr<Backend>(std::move(backend));
}

Status ImapBackend::open(bool log_in) {
  CYR_TRY(client_, ImapClient::open(settings_));
  return log_in ? enter() : success();
}

Result<std::string> ImapBackend::password(const std::string& host, const std::string& user) {
  if (!password_.empty()) {
    return password_;
  }
  CYR_TRY(password_, settings_.password(host, user));
  return password_;
}

Status ImapBackend::enter() {
  ImapSettings settings = settings_;
  settings.password = [this](const std::string& host, const std::string& user) {
    return password(host, user);
  };
  if (auto done = client_->login(settings); !done) {
    password_.clear();
    return done;
  }
  if (!client_->has("MAILBOX-REFERRALS")) {
    return success();
  }
  // Says that we understand referrals.
  CYR_TRY(const auto answer,
          client_->run(ImapCommand("RLIST").quoted("").quoted(""), [this](ImapResponse data) {
            if (data.word == "LIST" && data.values.size() >= 2 && !data.values[1].text.empty()) {
              separator_ = data.values[1].text[0];
            }
            return success();
          }));
  return answer.word == "OK" ? success() : Status(refusal(answer));
}

Status ImapBackend::authenticate(const LoginOptions& options) {
  if (client_ != nullptr && client_->logged_in()) {
    return make_error(Errc::invalid, "already logged in");
  }
  if (!options.user.empty()) {
    settings_.user = options.user;
    settings_.user_named = true;
  }
  if (!options.mechanisms.empty()) {
    settings_.mechanisms = options.mechanisms;
  }
  if (!options.service.empty()) {
    settings_.service = options.service;
  }
  settings_.minimum_layer = options.min_ssf.value_or(settings_.minimum_layer);
  settings_.maximum_layer = options.max_ssf.value_or(settings_.maximum_layer);
  auto& tls = settings_.tls_options;
  tls.certificate = options.key_file.empty() ? tls.certificate : fs::path(options.key_file);
  tls.ca_file = options.ca_file.empty() ? tls.ca_file : fs::path(options.ca_file);
  tls.ca_directory = options.ca_directory.empty() ? tls.ca_directory : fs::path(options.ca_directory);
  const bool connect_again = options.no_tls || !options.key_file.empty() || !options.ca_file.empty() ||
                             !options.ca_directory.empty();
  if (options.no_tls) {
    settings_.tls = TlsUse::never;
  }
  if (connect_again || client_ == nullptr || !client_->usable()) {
    return open(true);  // TLS was started with other settings
  }
  return enter();
}

Result<ImapClient*> ImapBackend::client() {
  if (client_ == nullptr || !client_->usable()) {
    const bool log_in = client_ == nullptr || client_->logged_in();
    if (auto opened = open(log_in); !opened) {
      Error error = std::move(opened).error();
      return make_error(error.code, "Connection to server lost, and not made again: " + error.text());
    }
  }
  return client_.get();
}

Result<bool> ImapBackend::has(std::string_view capability) {
  CYR_TRY(const auto* const server, client());
  return server->has(capability);
}

Result<ImapClient*> ImapBackend::referred(const std::vector<std::string>& urls, Names& mailboxes) {
  std::string host;
  std::string port;
  for (std::size_t i = 0; i < urls.size() && i < mailboxes.size(); ++i) {
    CYR_TRY(const auto url, parse_imap_url(urls[i]));
    if (i > 0 && (url.host != host || url.port != port)) {
      return make_error(Errc::unsupported, "Inter-server referral.  Not implemented.");
    }
    host = url.host;
    port = url.port;
    if (!url.mailbox.empty()) {
      mailboxes[i] = url.mailbox;
    }
  }
  auto& other = others_[host + ":" + port];
  if (other == nullptr || !other->usable()) {
    ImapSettings settings = settings_;
    settings.server = host.find(':') == std::string::npos ? host : "[" + host + "]";
    settings.port = port;
    settings.password = [this](const std::string& server, const std::string& user) {
      return password(server, user);
    };
    CYR_TRY(other, ImapClient::open(settings));
    CYR_CHECK(other->login(settings));
  }
  return other.get();
}

Result<ImapResponse> ImapBackend::run(const Build& build, const Names& mailboxes,
                                      const ImapClient::OnData& on_data, Repeat repeat) {
  CYR_TRY(auto* server, client());
  auto answer = server->run(build(mailboxes), on_data);
  if (!answer && answer.error().code == Errc::io && repeat == Repeat::yes) {
    CYR_TRY(server, client());
    answer = server->run(build(mailboxes), on_data);
  }
  if (!answer) {
    Error error = std::move(answer).error();
    if (error.code == Errc::io && repeat == Repeat::no) {
      error.what += " It is not known whether the command was carried out.";
    }
    return error;
  }
  if (answer->word == "NO" && answer->code_word() == "REFERRAL") {
    std::vector<std::string> urls;
    const std::string rest = answer->code_rest();  // outlives its pieces
    for (const auto url : split(rest, ' ')) {
      urls.emplace_back(url);
    }
    Names names = mailboxes;
    CYR_TRY(auto* const other, referred(urls, names));
    CYR_TRY(answer, other->run(build(names), on_data));
  }
  if (answer->word != "OK") {
    return refusal(*answer);
  }
  return answer;
}

Result<ImapBackend::Responses> ImapBackend::ask(const Build& build, const Names& mailboxes,
                                                std::string_view word, Repeat repeat) {
  Responses out;
  std::size_t bytes = 0;
  const auto fresh = [&](const Names& names) {
    out.clear();
    bytes = 0;
    return build(names);
  };
  CYR_TRY([[maybe_unused]] const auto answer,
          run(
              fresh, mailboxes,
              [&](ImapResponse data) -> Status {
                bytes += data.size;
                if (bytes > most_answer_bytes) {
                  return make_error(Errc::corrupt, "the server's answer is too long");
                }
                if (word.empty() || data.word == word || (word == "QUOTAROOT" && data.word == "QUOTA")) {
                  out.push_back(std::move(data));
                }
                return success();
              },
              repeat));
  return out;
}

Status ImapBackend::change(const Build& build, const Names& mailboxes, Repeat repeat) {
  CYR_CHECK(run(build, mailboxes, {}, repeat));
  return success();
}

Result<char> ImapBackend::separator() {
  if (!separator_) {
    CYR_TRY(const auto rows, ask([](const Names&) { return ImapCommand("LIST").quoted("").quoted(""); }, {},
                                 "LIST", Repeat::yes));
    for (const auto& row : rows) {
      if (row.values.size() >= 2 && !row.values[1].text.empty()) {
        separator_ = row.values[1].text[0];
      }
    }
  }
  return separator_.value_or('/');
}

Result<ImapCommand> ImapBackend::list_command(const ListQuery& query) {
  CYR_TRY(const bool referrals, has("MAILBOX-REFERRALS"));
  CYR_TRY(const bool extended, has("LIST-EXTENDED"));
  CYR_TRY(const bool special_use, has("SPECIAL-USE"));
  if (query.subscribed && !query.special_use && !query.recursive_match) {
    return ImapCommand(referrals ? "RLSUB" : "LSUB").string(query.reference).string(query.pattern);
  }
  if (query.special_use && !special_use) {
    return make_error(Errc::unsupported, "Remote does not support SPECIAL-USE.");
  }
  if (!extended) {
    if (query.special_use || query.recursive_match || query.subscribed) {
      return make_error(Errc::unsupported, "Remote does not support LIST-EXTENDED.");
    }
    return ImapCommand(referrals ? "RLIST" : "LIST").string(query.reference).string(query.pattern);
  }
  ImapCommand command("LIST");
  if (referrals || query.recursive_match || query.subscribed || query.special_use) {
    command.open();
    for (const auto& [wanted, word] :
         {std::pair(referrals, "REMOTE"), std::pair(query.recursive_match, "RECURSIVEMATCH"),
          std::pair(query.subscribed, "SUBSCRIBED"), std::pair(query.special_use, "SPECIAL-USE")}) {
      if (wanted) {
        command.words(word);
      }
    }
    command.close();
  }
  command.string(query.reference).string(query.pattern).words("RETURN").open().words("SUBSCRIBED");
  if (special_use) {
    command.words("SPECIAL-USE");
  }
  command.close();
  return command;
}

Status ImapBackend::list(const ListQuery& query, const std::function<Status(MailboxRow)>& visit) {
  CYR_TRY(const auto command, list_command(query));
  std::uint64_t visited = 0;
  const auto on_data = [&](ImapResponse&& data) -> Status {
    if (data.word != "LIST" && data.word != "LSUB") {
      return success();
    }
    if (auto row = row_of(data)) {
      ++visited;
      return visit(std::move(*row));
    }
    return success();
  };
  const auto build = [&command](const Names&) { return command; };
  auto answer = run(build, {}, on_data, Repeat::no);
  if (!answer && answer.error().code == Errc::io && visited == 0) {  // nothing was shown yet
    answer = run(build, {}, on_data, Repeat::no);
  }
  return answer ? success() : Status(std::move(answer).error());
}

Status ImapBackend::create(const std::string& mailbox, const CreateOptions& options) {
  if (options.special_use) {
    CYR_TRY(const bool supported, has("CREATE-SPECIAL-USE"));
    if (!supported) {
      return make_error(Errc::unsupported, "Remote does not support CREATE-SPECIAL-USE.");
    }
    CYR_CHECK(check_special_use(*options.special_use));
  }
  const auto build = [&options](const Names& names) {
    ImapCommand command("CREATE");
    command.string(names[0]);
    if (!options.special_use) {
      add_partition(command, options.partition);
      return command;
    }
    command.open();
    if (options.partition) {
      command.words("PARTITION").string(*options.partition);
    }
    return command.words("USE").open().words(*options.special_use).close().close();
  };
  CYR_CHECK(change(build, {mailbox}, Repeat::no));
  if (options.partition &&
      std::find(partitions_.begin(), partitions_.end(), *options.partition) == partitions_.end()) {
    partitions_.push_back(*options.partition);
  }
  return success();
}

Status ImapBackend::remove(const std::string& mailbox) {
  return change([](const Names& names) { return ImapCommand("DELETE").string(names[0]); }, {mailbox},
                Repeat::no);
}

Status ImapBackend::rename(const std::string& from, const std::string& to,
                           const std::optional<std::string>& partition) {
  return change(
      [&partition](const Names& names) {
        ImapCommand command("RENAME");
        command.string(names[0]).string(names[1]);
        add_partition(command, partition);
        return command;
      },
      {from, to}, Repeat::no);
}

Result<std::vector<AclEntry>> ImapBackend::acl(const std::string& mailbox) {
  CYR_TRY(const auto responses, ask([](const Names& names) { return ImapCommand("GETACL").string(names[0]); },
                                    {mailbox}, "ACL", Repeat::yes));
  std::vector<AclEntry> out;
  for (const auto& response : responses) {
    for (std::size_t i = 1; i + 1 < response.values.size(); i += 2) {
      out.push_back({response.values[i].text, response.values[i + 1].text});
    }
  }
  return out;
}

Status ImapBackend::set_acl(const std::string& mailbox, const std::string& id, const std::string& rights) {
  return change(
      [&](const Names& names) { return ImapCommand("SETACL").string(names[0]).string(id).string(rights); },
      {mailbox}, Repeat::yes);
}

Status ImapBackend::delete_acl(const std::string& mailbox, const std::string& id) {
  return change([&](const Names& names) { return ImapCommand("DELETEACL").string(names[0]).string(id); },
                {mailbox}, Repeat::yes);
}

Result<QuotaRoot> ImapBackend::quota(const std::string& root) {
  CYR_TRY(const auto responses,
          ask([](const Names& names) { return ImapCommand("GETQUOTA").string(names[0]); }, {root}, "QUOTA",
              Repeat::yes));
  for (const auto& response : responses) {
    if (auto quota = quota_of(response)) {
      return std::move(*quota);
    }
  }
  return QuotaRoot{root, {}};
}

Result<std::vector<QuotaRoot>> ImapBackend::quota_roots(const std::string& mailbox) {
  CYR_TRY(const auto responses,
          ask([](const Names& names) { return ImapCommand("GETQUOTAROOT").string(names[0]); }, {mailbox},
              "QUOTAROOT", Repeat::yes));
  std::vector<QuotaRoot> out;
  for (const auto& response : responses) {
    if (response.word == "QUOTAROOT") {
      for (std::size_t i = 1; i < response.values.size(); ++i) {
        out.push_back({response.values[i].text, {}});
      }
      continue;
    }
    const auto quota = quota_of(response);
    const auto root = std::find_if(out.begin(), out.end(), [&quota](const QuotaRoot& known) {
      return quota && known.name == quota->name;
    });
    if (root != out.end()) {
      root->resources = quota->resources;
    }
  }
  return out;
}

Status ImapBackend::set_quota(const std::string& root, const std::vector<QuotaLimit>& limits) {
  return change(
      [&limits](const Names& names) {
        ImapCommand command("SETQUOTA");
        command.string(names[0]).open();
        for (const auto& limit : limits) {
          command.string(limit.resource).words(std::to_string(limit.limit));
        }
        return command.close();
      },
      {root}, Repeat::yes);
}

Status ImapBackend::subscribe(const std::string& mailbox) {
  return change([](const Names& names) { return ImapCommand("SUBSCRIBE").string(names[0]); }, {mailbox},
                Repeat::yes);
}

Status ImapBackend::unsubscribe(const std::string& mailbox) {
  return change([](const Names& names) { return ImapCommand("UNSUBSCRIBE").string(names[0]); }, {mailbox},
                Repeat::yes);
}

Status ImapBackend::reconstruct(const std::string& mailbox, bool recursive, const ReportLine& report) {
  (void)report;
  return change(
      [recursive](const Names& names) {
        ImapCommand command("RECONSTRUCT");
        command.string(names[0]);
        return recursive ? command.words("RECURSIVE") : command;
      },
      {mailbox}, Repeat::no);
}

Status ImapBackend::fix_quota(const std::string& root, const ReportLine& report) {
  (void)root;
  (void)report;
  return make_error(Errc::unsupported, "a server has no command for it; run quota -f there, or use --local");
}

Status ImapBackend::transfer(const std::string& mailbox, const std::string& server,
                             const std::optional<std::string>& partition) {
  return change(
      [&](const Names& names) {
        ImapCommand command("XFER");
        command.string(names[0]).string(server);
        add_partition(command, partition);
        return command;
      },
      {mailbox}, Repeat::no);
}

Result<std::vector<IdField>> ImapBackend::identify() {
  CYR_TRY(const auto responses,
          ask([](const Names&) { return ImapCommand("ID NIL"); }, {}, "ID", Repeat::yes));
  std::vector<IdField> out;
  for (const auto& response : responses) {
    if (response.values.empty() || !response.values[0].is_list()) {
      continue;
    }
    const auto& items = response.values[0].items;
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      out.push_back({items[i].text, items[i + 1].nstring()});
    }
  }
  return out;
}

}  // namespace cyr::cyradm
