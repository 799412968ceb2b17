// See capability.h.
#include "server-min/imapd/capability.h"

#include <algorithm>
#include <array>

#include "format/base/text.h"

namespace cyr::imapd {

namespace {

using Holds = bool (*)(Session& session);
struct CapabilityRow {
  std::string_view word;
  bool in_greeting = false;
  Holds holds = nullptr;  // nullptr: always
};

bool literal_plus(Session& session) { return !session.config().is_on(conf::Option::literalminus); }
bool literal_minus(Session& session) { return session.config().is_on(conf::Option::literalminus); }
bool legacy_annotations(Session& session) {
  return session.config().is_on(conf::Option::annotation_enable_legacy_commands);
}
bool identifies(Session& session) { return session.config().is_on(conf::Option::imapidresponse); }
bool idles(Session& session) { return session.config().seconds(conf::Option::imapidlepoll) > 0; }
bool compresses(Session& session) { return !session.compressing; }
bool is_admin(Session& session) { return session.caller && session.caller->is_admin(); }

constexpr std::array kListed{
    CapabilityRow{"IMAP4rev1", true},
    CapabilityRow{"LITERAL+", true, literal_plus},
    CapabilityRow{"LITERAL-", true, literal_minus},
    CapabilityRow{"ID", true, identifies},
    CapabilityRow{"ENABLE", true},
    CapabilityRow{"ACL"},
    CapabilityRow{"ANNOTATEMORE", false, legacy_annotations},
    CapabilityRow{"BINARY"},
    CapabilityRow{"CHILDREN"},
    CapabilityRow{"CONDSTORE"},
    CapabilityRow{"CREATE-SPECIAL-USE"},
    CapabilityRow{"ESEARCH"},
    CapabilityRow{"ESORT"},
    CapabilityRow{"LIST-EXTENDED"},
    CapabilityRow{"LIST-MYRIGHTS"},
    CapabilityRow{"LIST-STATUS"},
    CapabilityRow{"METADATA"},
    CapabilityRow{"MOVE"},
    CapabilityRow{"MULTIAPPEND"},
    CapabilityRow{"NAMESPACE"},
    CapabilityRow{"OBJECTID"},
    CapabilityRow{"QRESYNC"},
    CapabilityRow{"QUOTA"},
    CapabilityRow{"QUOTASET"},
    CapabilityRow{"RIGHTS=kxten"},
    CapabilityRow{"SAVEDATE"},
    CapabilityRow{"SEARCHRES"},
    CapabilityRow{"SORT"},
    CapabilityRow{"SORT=DISPLAY"},
    CapabilityRow{"SPECIAL-USE"},
    CapabilityRow{"STATUS=SIZE"},
    CapabilityRow{"THREAD=ORDEREDSUBJECT"},
    CapabilityRow{"THREAD=REFERENCES"},
    CapabilityRow{"UIDPLUS"},
    CapabilityRow{"UNSELECT"},
    CapabilityRow{"WITHIN"},
    CapabilityRow{"DIGEST=SHA1"},
    CapabilityRow{"SORT=MODSEQ"},
    CapabilityRow{"SORT=UID"},
    CapabilityRow{"XLIST"},
};
constexpr std::array kListedLast{
    CapabilityRow{"UNAUTHENTICATE", false, is_admin},
    CapabilityRow{"COMPRESS=DEFLATE", false, compresses},
    CapabilityRow{"QUOTA=RES-STORAGE"},
    CapabilityRow{"QUOTA=RES-MESSAGE"},
    CapabilityRow{"X-QUOTA=STORAGE"},
    CapabilityRow{"X-QUOTA=MESSAGE"},
    CapabilityRow{"X-QUOTA=X-ANNOTATION-STORAGE"},
    CapabilityRow{"X-QUOTA=X-NUM-FOLDERS"},
    CapabilityRow{"IDLE", false, idles},
};

class CapabilityList {
 public:
  explicit CapabilityList(Session& session) : session_(session) {
    for (std::string& word : session.config().words(conf::Option::suppress_capabilities)) {
      suppressed_.push_back(std::move(word));
    }
  }
  void add(std::string_view word) {
    const bool hidden = std::any_of(suppressed_.begin(), suppressed_.end(),
                                    [&](const std::string& name) { return equal_ignoring_case(name, word); });
    if (!word.empty() && !hidden) {
      text_ += text_.empty() ? "" : " ";
      text_ += word;
    }
  }
  template <std::size_t N>
  void add_rows(const std::array<CapabilityRow, N>& rows, bool brief) {
    for (const CapabilityRow& row : rows) {
      if ((!brief || row.in_greeting) && (row.holds == nullptr || row.holds(session_))) {
        add(row.word);
      }
    }
  }
  void add_login() {
    Transport& transport = session_.transport;
    if (session_.caller) {
      add("LOGINDISABLED");
      return;
    }
    if (transport.can_start_tls()) {
      add("STARTTLS");
    }
    if (!transport.plaintext_allowed()) {
      add("LOGINDISABLED");
    }
    const std::string mechanisms = transport.mechanisms();
    for (const std::string_view mechanism : split(mechanisms, ' ')) {
      add(mechanism);
    }
    if (!mechanisms.empty()) {
      add("SASL-IR");
    }
  }
  std::string take() { return std::move(text_); }

 private:
  Session& session_;
  std::vector<std::string> suppressed_;
  std::string text_;
};

}  // namespace

std::string capabilities(Session& session, bool brief) {
  CapabilityList list(session);
  list.add_rows(kListed, brief);
  list.add_login();
  if (!brief) {
    list.add_rows(kListedLast, false);
    const std::int64_t most = session.config().integer(conf::Option::maxmessagesize);
    list.add(fmt::format("APPENDLIMIT={}", most > 0 ? most : std::int64_t{UINT32_MAX}));
  }
  return list.take();
}

}  // namespace cyr::imapd
