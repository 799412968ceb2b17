// See quota_alert.h.
#include "server-min/imapd/quota_alert.h"

#include "format/base/log.h"
#include "format/meta/quota.h"

namespace cyr::imapd {

namespace {

constexpr std::int64_t kRepeatSeconds = 600;

// quotawarnkb and quotawarnmsg: with one, only less room than that is worth a warning. In units of the
// resource.
std::int64_t room_threshold(const conf::Config& config, meta::Resource resource) {
  switch (resource) {
    case meta::Resource::storage:
    case meta::Resource::annotation_storage:
      return config.integer(conf::Option::quotawarnkb);
    case meta::Resource::message:
      return config.integer(conf::Option::quotawarnmsg);
    case meta::Resource::folders:
      break;
  }
  return 0;
}

// What there is to say of one resource; empty: nothing.
std::string warning(const conf::Config& config, const meta::QuotaRoot& root, meta::Resource resource) {
  const auto which = static_cast<std::size_t>(resource);
  const meta::ResourceInfo& info = meta::resources[which];
  const auto limit = root.limit[which];
  if (!limit || *limit <= 0 || *limit > INT64_MAX / info.unit) {
    return {};
  }
  const std::int64_t most = *limit * info.unit;
  const std::int64_t used = root.used[which];
  if (used > most) {
    return fmt::format("Mailbox is over {} quota", info.name);
  }
  const std::int64_t threshold = room_threshold(config, resource);
  if (threshold > 0 && (most - used) / info.unit >= threshold) {
    return {};
  }
  const auto percent =
      static_cast<std::int64_t>(static_cast<long double>(used) * 100 / static_cast<long double>(most));
  if (percent <= config.integer(conf::Option::quotawarn)) {
    return {};
  }
  return fmt::format("Mailbox is at {}% of {} quota", percent, info.name);
}

}  // namespace

void alert_quota(Session& session) {
  Selected& selected = *session.selected;
  const auto& name = selected.view().header().quotaroot;
  if (!name || name->empty() || !selected.rights().has('e')) {
    return;
  }
  const std::int64_t now = session.now();
  const auto last = session.quota_alerts.find(*name);
  if (last != session.quota_alerts.end() && now - last->second < kRepeatSeconds) {
    return;
  }
  const auto quotas = session.store.quotas();
  const auto root = quotas ? (*quotas)->get(*name) : Result<std::optional<meta::QuotaRoot>>(quotas.error());
  if (!root) {
    log(LogLevel::error, "{}: {}", *name, root.error().text());
    return;
  }
  if (!*root) {
    return;
  }
  bool any = false;
  for (std::size_t i = 0; i < meta::resource_count; ++i) {
    if (const std::string text = warning(session.config(), **root, static_cast<meta::Resource>(i));
        !text.empty()) {
      session.out.untagged("NO [ALERT] {}", text);
      any = true;
    }
  }
  if (any) {
    session.quota_alerts[*name] = now;
  }
}

}  // namespace cyr::imapd
