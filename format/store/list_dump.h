// mailboxes.db as text, in the forms of `ctl_mboxlist -d` of every release (store.md 3.8, tools.md 5.4), and
// back.
//
// What is dumped can be loaded again: the readers take every form, and the JSON form with history holds all
// that a record holds. The text forms hold name, type, partition and ACL only.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "format/conf/release.h"
#include "format/meta/mailbox_entry.h"

namespace cyr::store {

enum class DumpForm : std::uint8_t {
  untyped,      // 2.1, 2.2: NAME TAB PARTITION TAB ACL
  typed,        // 2.3, 2.4: NAME TAB TYPE SP [SERVER!]PARTITION SP ACL
  serverless,   // 2.5: as typed, without the server
  with_server,  // 3.0 to 3.4: as typed, tombstones with the partition "(null)"
  json,         // 3.6 and later
};
[[nodiscard]] DumpForm dump_form(conf::Release release);
// That of the releases which wrote such a list (generation T: 2.4's).
[[nodiscard]] DumpForm dump_form(meta::ListFormat format);

// Whether the history of names is in a JSON dump: the real program always prints "[]".
enum class DumpHistory : bool { empty, full };

// One record, without what separates it from the next (a line feed, or in JSON a comma and a line feed).
// Errc::unsupported: a text form cannot hold it (a TAB in the name), or JSON cannot (bytes that are not
// UTF-8).
Result<std::string> dump_entry(const meta::MailboxEntry& entry, DumpForm form,
                               DumpHistory history = DumpHistory::empty);

// One line of any of the text forms, also with what 3.6's `-u -L` reads behind the ACL
// (">UNIQUEID MTIME UIDVALIDITY FOLDERMODSEQ CREATEDMODSEQ"). Errc::corrupt says what is missing.
Result<meta::MailboxEntry> parse_dump_line(std::string_view line);

// Reads a JSON dump as a stream, one record in memory at a time. Errc::corrupt with the words of the JSON
// reader at a syntax error; records before it have been visited. A record that is JSON but no entry is
// visited as an error, with its name in Error::path.
using DumpVisitor = std::function<Status(Result<meta::MailboxEntry> entry)>;
Status read_json_dump(std::FILE* in, const DumpVisitor& visit);

}  // namespace cyr::store
