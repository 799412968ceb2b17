// Annotations: the short names of entries (tools.md 2.4, 2.7), and the layout in which info and getmetadata
// show them (2.6).
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "cyradm/backend.h"
#include "cyradm/session.h"

namespace cyr::cyradm {

struct EntryName {
  std::string_view word;
  std::string_view path;         // below /shared or /private
  bool usually_private = false;  // for getmetadata and setmetadata
  bool mboxconfig = true;        // mboxconfig knows it
};

inline constexpr std::array<EntryName, 8> mailbox_entries = {{
    {"comment", "/comment", true},
    {"expire", "/vendor/cmu/cyrus-imapd/expire"},
    {"news2mail", "/vendor/cmu/cyrus-imapd/news2mail"},
    {"pop3showafter", "/vendor/cmu/cyrus-imapd/pop3showafter"},
    {"sharedseen", "/vendor/cmu/cyrus-imapd/sharedseen"},
    {"sieve", "/vendor/cmu/cyrus-imapd/sieve"},
    {"specialuse", "/specialuse", true, false},
    {"squat", "/vendor/cmu/cyrus-imapd/squat"},
}};

inline constexpr std::array<EntryName, 6> server_entries = {{
    {"motd", "/motd"},
    {"comment", "/comment"},
    {"admin", "/admin"},
    {"shutdown", "/vendor/cmu/cyrus-imapd/shutdown"},
    {"expire", "/vendor/cmu/cyrus-imapd/expire"},
    {"squat", "/vendor/cmu/cyrus-imapd/squat"},
}};

// mboxconfig, setinfo: the entry below /shared or /private; a word that is no name stays as it is, for the
// server to refuse.
[[nodiscard]] std::string mboxconfig_entry(std::string_view word, bool is_private);
[[nodiscard]] std::string server_entry(std::string_view word);
// getmetadata, setmetadata: the full entry.
[[nodiscard]] std::string metadata_entry(std::string_view word);

// What `entries` (full names or patterns; empty: all) hold, printed. `mailbox` "": the server's.
Status print_metadata(Session& session, const std::string& mailbox, const std::vector<std::string>& entries);
// The same for what a word or pattern names.
Status print_metadata_of(Session& session, const std::vector<std::string>& operands,
                         const std::vector<std::string>& entries);

// Sets it ("none": removes it), with an undo hint.
Status change_metadata(Session& session, const std::string& mailbox, const std::string& entry,
                       const std::optional<std::string>& value);

}  // namespace cyr::cyradm
