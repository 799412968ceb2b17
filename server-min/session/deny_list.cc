#include "server-min/session/deny_list.h"

#include "format/base/log.h"
#include "format/base/text.h"
#include "format/names/mailbox_name.h"

namespace cyr::session {
namespace {

constexpr std::string_view default_message = "Access to this service has been blocked";

}  // namespace

Result<Denial> decode_denial(std::string_view value) {
  const auto fields = split(value, '\t');
  const auto version = parse_number<int>(fields[0]);
  if (!version || *version < 1 || *version > 2 || fields.size() < 2 || fields[1].empty()) {
    return corrupt("no record of user_deny.db");
  }
  Denial out{std::string(fields[1]), {}};
  if (*version == 2 && fields.size() > 2) {
    out.message = value.substr(fields[0].size() + fields[1].size() + 2);
  }
  return out;
}

std::string encode_denial(const Denial& denial) {
  return "2\t" + denial.services + "\t" +
         (denial.message.empty() ? std::string(default_message) : denial.message);
}

fs::path deny_list_path(const store::Store& store) {
  const std::string given(store.config().text(conf::Option::userdeny_db_path));
  return given.empty() ? store.config().config_directory() / "user_deny.db" : fs::path(given);
}

std::optional<std::string> denied(store::Store& store, std::string_view user, std::string_view service) {
  const fs::path path = deny_list_path(store);
  auto database = store.open_database(path, conf::Option::userdeny_db);
  if (!database) {
    if (database.error().code != Errc::not_found) {
      log(LogLevel::warning, "user_deny.db cannot be read: {}", database.error().text());
    }
    return {};
  }
  const auto value = (*database)->get(user);
  if (!value || !*value) {
    return {};
  }
  const auto denial = decode_denial(**value);
  if (!denial) {
    log(LogLevel::warning, "{}: the record of {} cannot be read", path.string(), user);
    return {};
  }
  for (const auto pattern : split(denial->services, ',')) {
    if (names::matches(pattern, service, '.')) {
      return denial->message.empty() ? std::string(default_message) : denial->message;
    }
  }
  return {};
}

}  // namespace cyr::session
