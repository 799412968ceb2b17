// cyrus.header: the type, name, unique id, quota root, ACL and user flag names of one mailbox, as a text of
// three lines (through 3.4) or as one dlist (3.6 and later). Format: format/doc/header.md, mailbox.md 2. Pure
// codecs, no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "format/base/bytes.h"

namespace cyr::mailbox {

inline constexpr std::size_t kHeaderMagicSize = 115;
// The 115 bytes that every cyrus.header starts with.
[[nodiscard]] std::string_view header_magic();

inline constexpr std::size_t kMaxUserFlags = 128;
// Longest header file that is decoded; a real one has a few kilobytes.
inline constexpr std::size_t kMaxHeaderFile = std::size_t{16} << 20;

enum class HeaderForm : std::uint8_t {
  text,   // three lines, through 3.4
  dlist,  // %(T e N user.bovik ...), 3.6 and later
};

struct MailboxHeader {
  HeaderForm form = HeaderForm::dlist;
  std::string type = "e";                // letters of mailbox.md 2.4; the text form has none and leaves "e"
  std::string name;                      // internal name; empty in the text form
  std::string uniqueid;                  // empty: a header from before 2.0, or lost
  std::optional<std::string> jmapid;     // J, 3.13 only
  std::optional<std::string> quotaroot;  // internal name
  // As in mailboxes.db: "identifier TAB rights TAB" repeated. Nothing: the dlist has no A at all.
  std::optional<std::string> acl;
  // Name of user flag bit n; an empty string is a free slot. At most 128, without free slots at the end.
  std::vector<std::string> flags;
  // Keys of the dlist that we do not know, with their value as it stood, in file order; written back at the
  // end.
  std::vector<std::pair<std::string, std::string>> extra;
  std::string trailing;  // text form: what followed a second TAB on line 1 (2.4+ ignore it)

  friend bool operator==(const MailboxHeader&, const MailboxHeader&) = default;
};

// The header of a whole file. corrupt, with the offset, for anything that Cyrus would not read.
Result<MailboxHeader> decode_header(Bytes file);

// The file for `header` in the form asked for. The dlist form is that of 3.6.1 byte for byte. The text form
// keeps the place of a free flag slot by an extra space (mailbox.md 2.2, hazard); it cannot hold type, name,
// J and extra. invalid: a value that the form cannot hold (LF anywhere; SP, TAB in the text form's atoms;
// more than 128 flags).
Result<Buffer> encode_header(const MailboxHeader& header, HeaderForm form);

// Takes out the values that `form` cannot hold and that no Cyrus wrote, damaged ones: unknown keys, J, quota
// root, unique id, ACL. Returns the names of what was taken, as the error messages have them.
std::vector<std::string_view> drop_unwritable(MailboxHeader& header, HeaderForm form);

// How far a field of a damaged header may be believed.
enum class Trust : std::uint8_t {
  lost,      // not there or unreadable; the field has its default
  doubtful,  // read from a damaged place: compare with mailboxes.db before use
  sound,     // read from a place that was whole
};

struct SalvagedHeader {
  MailboxHeader header;
  Trust magic = Trust::lost;  // sound: all 115 bytes right; doubtful: some differ
  Trust type = Trust::lost;
  Trust name = Trust::lost;
  Trust uniqueid = Trust::lost;
  Trust quotaroot = Trust::lost;  // sound also when the file says that there is none
  Trust acl = Trust::lost;
  Trust flags = Trust::lost;
  // Flag names at the end of a file whose list of them lost its beginning: which bits they are nothing tells.
  std::vector<std::string> unplaced_flags;
  std::vector<std::string> doubts;  // one phrase per thing that was wrong, with its offset

  [[nodiscard]] bool intact() const { return doubts.empty(); }
};

// Whatever can be read of a header that decode_header refuses; of a sound one, all of it and no doubts. Never
// fails.
SalvagedHeader decode_header_lenient(Bytes file);

// True for a name that may be a user flag: an IMAP atom (mailbox.md 2.6).
[[nodiscard]] bool valid_flag_name(std::string_view name);
// Bit number of a user flag, compared without case; nothing if no slot has the name.
[[nodiscard]] std::optional<std::size_t> find_flag(const MailboxHeader& header, std::string_view name);

}  // namespace cyr::mailbox
