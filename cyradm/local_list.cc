#include "cyradm/local_list.h"

#include <algorithm>
#include <set>

#include "format/store/metadata.h"
#include "format/store/user_subscriptions.h"

namespace cyr::cyradm {

namespace {

// One name of the answer. Names above a mailbox that are none themselves are told only when the pattern ends
// before the mailbox (`%`).
struct Row {
  std::string name;  // external
  bool exists = true;
  bool has_children = false;
  std::vector<std::string> uses;
  bool subscribed = false;
};

class Listing {
 public:
  Listing(store::Administration& admin, const ListQuery& query)
      : admin_(admin),
        query_(query),
        separator_(admin.store.name_space().separator()),
        pattern_(query.reference + query.pattern) {}

  Status run(const std::function<Status(MailboxRow)>& visit) {
    CYR_CHECK(load_subscriptions());
    if (query_.subscribed && !query_.special_use && !query_.recursive_match) {
      return visit_subscriptions(visit);
    }
    CYR_TRY(meta::MailboxList * list, admin_.store.mailbox_list());
    std::optional<Row> held;  // until the next name tells whether it has children
    const auto each = [&](const meta::ListItem& item) -> Result<db::Visit> {
      if (item.entry && item.entry->type.local()) {
        CYR_CHECK(offer(*item.entry, held, visit));
      }
      return db::Visit::go_on;
    };
    CYR_CHECK(list->for_each("", each));
    return flush(held, visit);
  }

 private:
  Status load_subscriptions() {
    const auto user = names::UserId::parse(admin_.actor.userid, admin_.store.name_space());
    CYR_TRY(const auto names, store::subscriptions_of(admin_.store, user));
    for (const std::string& name : names) {
      subscriptions_.insert(admin_.store.external_name(name));
    }
    return success();
  }

  Status visit_subscriptions(const std::function<Status(MailboxRow)>& visit) const {
    for (const std::string& name : subscriptions_) {
      if (names::matches(pattern_, name, separator_)) {
        CYR_CHECK(visit({name, {}, ""}));
      }
    }
    return success();
  }

  [[nodiscard]] bool below(const std::string& name, const std::string& above) const {
    return name.size() > above.size() && name.starts_with(above) && name[above.size()] == separator_;
  }

  Status offer(const meta::MailboxEntry& entry, std::optional<Row>& held,
               const std::function<Status(MailboxRow)>& visit) {
    const std::string name = admin_.store.external_name(entry.name);
    if (held && below(name, held->name)) {
      held->has_children = true;
    }
    CYR_CHECK(offer_parents(name, held, visit));
    if (!names::matches(pattern_, name, separator_)) {
      return success();
    }
    CYR_CHECK(flush(held, visit));
    Row row;
    row.name = name;
    CYR_TRY(row.uses, store::special_uses(admin_.store, entry));
    row.subscribed = subscriptions_.contains(name);
    held = std::move(row);
    told_.insert(name);
    return success();
  }

  // "user" above "user/bovik": no mailbox, but what `%` shows.
  Status offer_parents(const std::string& name, std::optional<Row>& held,
                       const std::function<Status(MailboxRow)>& visit) {
    if (pattern_.find('%') == std::string::npos) {
      return success();
    }
    for (std::size_t at = name.find(separator_); at != std::string::npos;
         at = name.find(separator_, at + 1)) {
      const std::string parent = name.substr(0, at);
      if (told_.contains(parent) || !names::matches(pattern_, parent, separator_)) {
        continue;
      }
      CYR_CHECK(flush(held, visit));
      told_.insert(parent);
      Row row;
      row.name = parent;
      row.exists = false;
      row.has_children = true;
      held = std::move(row);
    }
    return success();
  }

  Status flush(std::optional<Row>& held, const std::function<Status(MailboxRow)>& visit) const {
    if (!held) {
      return success();
    }
    Row row = std::move(*held);
    held.reset();
    if ((query_.special_use && row.uses.empty()) || (query_.subscribed && !row.subscribed)) {
      return success();
    }
    MailboxRow out;
    out.name = row.name;
    if (!row.exists) {
      out.attributes.emplace_back("\\NonExistent");
    }
    if (row.subscribed) {
      out.attributes.emplace_back("\\Subscribed");
    }
    out.attributes.emplace_back(row.has_children ? "\\HasChildren" : "\\HasNoChildren");
    out.attributes.insert(out.attributes.end(), row.uses.begin(), row.uses.end());
    return visit(std::move(out));
  }

  store::Administration& admin_;
  const ListQuery& query_;
  char separator_;
  std::string pattern_;
  std::set<std::string> subscriptions_;
  std::set<std::string> told_;
};

}  // namespace

Status list_mailboxes(store::Administration& admin, const ListQuery& query,
                      const std::function<Status(MailboxRow)>& visit) {
  return Listing(admin, query).run(visit);
}

}  // namespace cyr::cyradm
