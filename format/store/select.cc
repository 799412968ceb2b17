#include "format/store/select.h"

#include <algorithm>
#include <functional>

namespace cyr::store {

namespace {

// One way to read an argument: a pattern over one spelling of the names.
struct Reading {
  std::string pattern;
  char separator = '/';
  bool internal = false;  // compare with the internal name, else with the administrator's form
};

struct Row {
  meta::MailboxEntry entry;
  std::string admin;
  names::UserId user;
  bool chosen = false;
};

bool reading_matches(const Reading& reading, const Row& row, bool recursive) {
  const std::string& name = reading.internal ? row.entry.name : row.admin;
  if (names::matches(reading.pattern, name, reading.separator)) {
    return true;
  }
  if (!recursive) {
    return false;
  }
  // NAME.* of a pattern: any ancestor of the name that matches. The domain stands at the end of the admin
  // form.
  const std::size_t at = reading.internal ? std::string::npos : name.rfind('@');
  const std::string domain = at == std::string::npos ? "" : name.substr(at);
  for (std::size_t end = name.find(reading.separator); end < (at == std::string::npos ? name.size() : at);
       end = name.find(reading.separator, end + 1)) {
    if (names::matches(reading.pattern, name.substr(0, end) + domain, reading.separator)) {
      return true;
    }
  }
  return false;
}

// The spellings an argument may have, the store's own first.
std::vector<Reading> readings_of(const std::string& argument, const names::Namespace& ns) {
  std::vector<Reading> out{{argument, ns.separator(), false}};
  if (ns.separator() == '/' && argument.find('/') == std::string::npos &&
      argument.find('.') != std::string::npos) {
    out.push_back({argument, '.', true});  // "user.bovik" where names are written user/bovik
  }
  if (ns.separator() == '.' && argument.find('/') != std::string::npos) {
    std::string dotted = argument;
    std::replace(dotted.begin(), dotted.end(), '/', '.');
    out.push_back({dotted, '.', false});
  }
  return out;
}

bool choose(std::vector<Row>& rows, const std::string& argument, const names::Namespace& ns, bool recursive) {
  for (const auto& reading : readings_of(argument, ns)) {
    bool any = false;
    for (auto& row : rows) {
      if (reading_matches(reading, row, recursive)) {
        row.chosen = true;
        any = true;
      }
    }
    if (any) {
      return true;
    }
  }
  return false;
}

bool choose_user(std::vector<Row>& rows, const std::string& argument, const names::Namespace& ns) {
  const names::UserId user = names::UserId::parse(argument, ns);
  bool any = false;
  for (auto& row : rows) {
    if (!user.empty() && row.user == user) {
      row.chosen = true;
      any = true;
    }
  }
  return any;
}

Result<std::vector<Row>> read_rows(Store& store, Selection& selection) {
  std::vector<Row> rows;
  CYR_TRY(meta::MailboxList * list, store.mailbox_list());
  CYR_CHECK(list->for_each("", [&](const meta::ListItem& item) -> Result<db::Visit> {
    if (!item.entry) {
      selection.unreadable.push_back({std::string(item.name), item.entry.error()});
    } else if (item.entry->type.local()) {
      Row row{
          .entry = *item.entry, .admin = store.external_name(item.entry->name), .user = {}, .chosen = false};
      if (const auto name = names::MailboxName::from_internal(row.entry.name, store.name_space())) {
        row.user = name->user();
      }
      rows.push_back(std::move(row));
    }
    return db::Visit::go_on;
  }));
  return rows;
}

}  // namespace

Result<Selection> select_mailboxes(Store& store, const std::vector<std::string>& arguments,
                                   const SelectOptions& options) {
  Selection out;
  CYR_TRY(auto rows, read_rows(store, out));
  for (const auto& argument : arguments) {
    const bool any = options.users ? choose_user(rows, argument, store.name_space())
                                   : choose(rows, argument, store.name_space(), options.recursive);
    if (!any) {
      out.unmatched.push_back(argument);
    }
  }
  for (auto& row : rows) {
    if (row.chosen || arguments.empty()) {
      out.entries.push_back(std::move(row.entry));
    }
  }
  return out;
}

}  // namespace cyr::store
