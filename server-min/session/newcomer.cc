#include "server-min/session/newcomer.h"

#include <ctime>

#include "format/base/log.h"
#include "format/store/autocreate.h"

namespace cyr::session {

bool make_first_mailboxes(Service& service, const std::string& user) {
  store::UserLocks locks;
  const store::Actor actor = store::actor_of(service.config(), user);
  store::Administration admin{service.store(), locks, actor, std::time(nullptr)};
  const auto made = store::autocreate_user(admin, actor);
  if (!made) {
    log(LogLevel::error, "autocreate: {}: {}", user, made.error().text());
  }
  return made && *made;
}

}  // namespace cyr::session
