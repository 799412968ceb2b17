// What `import` reads: users or mailboxes with quota, ACL and folders, as CSV or JSON. Text in, values out.
//
// CSV (RFC 4180) has a line of column names first: user or mailbox, and any of partition, specialuse, quota
// ("1000", or "STORAGE 1000 MESSAGE 50"), acl ("bovik all anyone p"), folders ("Sent:\Sent;Drafts"). JSON is
// a list of objects, or objects one after another, with the same names; there quota may be a number or an
// object, acl an object, folders a list of names or an object of name and special use.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cyradm/backend.h"

namespace cyr::cyradm {

struct ImportFolder {
  std::string name;
  std::optional<std::string> special_use;
};

struct ImportRow {
  std::size_t number = 0;  // of the line (CSV) or object (JSON), from 1
  std::string user;        // either this
  std::string mailbox;     // or this
  CreateOptions options;
  std::vector<QuotaLimit> quota;
  std::vector<AclEntry> acl;  // rights as typed, macros and all
  std::vector<ImportFolder> folders;
};

// JSON when the first character is [ or {. Errc::invalid with the number of the row.
Result<std::vector<ImportRow>> parse_import(std::string_view text);

}  // namespace cyr::cyradm
