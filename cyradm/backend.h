// What the commands need from a store: a server over IMAP (imap_backend.h) or the store's own files
// (local_backend.cc, `--local`), behind one interface. The commands know nothing else.
//
// Names go in and come out as an administrator sees them (administrator's namespace, the server's hierarchy
// separator, modified UTF-7). An Error's `what` is the server's own text without tag and NO/BAD ("Mailbox
// does not exist"), because the commands print it as it stands; a local backend uses the same words. Errc::io
// means that the connection is gone; Errc::unsupported, that the server lacks the extension; Errc::cancelled,
// Ctrl-C.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/error.h"

namespace cyr::cyradm {

// One LIST or LSUB response.
struct MailboxRow {
  std::string name;
  std::vector<std::string> attributes;  // "\HasChildren", spelt and ordered as the server does
  std::string extended;                 // LIST-EXTENDED data as sent, without its parentheses; mostly empty
};

struct ListQuery {
  std::string pattern = "*";  // * and % as in RFC 3501 6.3.8
  std::string reference = {};
  bool subscribed = false;       // alone: LSUB's answer
  bool special_use = false;      // only mailboxes with a special use (RFC 6154)
  bool recursive_match = false;  // RFC 5258
};

struct CreateOptions {
  std::optional<std::string> partition;
  std::optional<std::string> special_use;  // "\Junk"; several separated by blanks
};

struct AclEntry {
  std::string id;  // a leading '-' makes it negative
  std::string rights;
};

struct QuotaResource {
  std::string name;         // STORAGE, MESSAGE, X-NUM-FOLDERS, X-ANNOTATION-STORAGE
  std::uint64_t used = 0;   // KiB or a count, as the resource has it
  std::uint64_t limit = 0;  // the same unit
};

struct QuotaRoot {
  std::string name;
  std::vector<QuotaResource> resources;  // only those with a limit
};

struct QuotaLimit {
  std::string resource;
  std::uint64_t limit = 0;
};

// A server or mailbox annotation: "/shared/vendor/cmu/cyrus-imapd/expire" and its value; no value: NIL.
struct MetadataEntry {
  std::string entry;
  std::optional<std::string> value;
};

struct IdField {
  std::string name;
  std::optional<std::string> value;
};

// The `authenticate` command's own options; what is not given is as on the command line of the program.
struct LoginOptions {
  std::string user;                 // "": the program's
  std::string mechanisms;           // "": as the server offers; several separated by blanks
  std::string service;              // SASL service name; "" is imap
  std::optional<unsigned> min_ssf;  // bits of protection, as SASL counts them
  std::optional<unsigned> max_ssf;
  bool no_tls = false;
  std::string key_file;  // client certificate and key
  std::string ca_file;
  std::string ca_directory;
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  // What the prompt shows: the server as the user named it, or the configuration file.
  [[nodiscard]] virtual std::string name() const = 0;
  // '/' or '.'.
  virtual Result<char> separator() = 0;
  // Each matching mailbox once, in the store's order, while they arrive: nothing is collected. An error of
  // `visit` ends the listing and is returned.
  virtual Status list(const ListQuery& query, const std::function<Status(MailboxRow)>& visit) = 0;

  virtual Status create(const std::string& mailbox, const CreateOptions& options) = 0;
  virtual Status remove(const std::string& mailbox) = 0;
  // `from` equal to `to` with a partition: moves it there.
  virtual Status rename(const std::string& from, const std::string& to,
                        const std::optional<std::string>& partition) = 0;

  virtual Result<std::vector<AclEntry>> acl(const std::string& mailbox) = 0;
  // `rights`: letters replace, "+letters" add, "-letters" take away, "" removes (store.md 4.3). No macros.
  virtual Status set_acl(const std::string& mailbox, const std::string& id, const std::string& rights) = 0;
  virtual Status delete_acl(const std::string& mailbox, const std::string& id) = 0;

  // Errc::not_found "Quota root does not exist".
  virtual Result<QuotaRoot> quota(const std::string& root) = 0;
  // The root (mostly one, or none) that `mailbox` is under.
  virtual Result<std::vector<QuotaRoot>> quota_roots(const std::string& mailbox) = 0;
  // Replaces all limits of the root; a resource that is not named is unlimited afterwards.
  virtual Status set_quota(const std::string& root, const std::vector<QuotaLimit>& limits) = 0;

  // `mailbox` "": of the server. `pattern`: a full entry name, or one ending in "/*": "/private/*".
  virtual Result<std::vector<MetadataEntry>> metadata(const std::string& mailbox,
                                                      const std::string& pattern) = 0;
  // No value removes the entry.
  virtual Status set_metadata(const std::string& mailbox, const std::string& entry,
                              const std::optional<std::string>& value) = 0;

  virtual Status subscribe(const std::string& mailbox) = 0;
  virtual Status unsubscribe(const std::string& mailbox) = 0;

  // `report`: what the repair has to say, line by line, without line feed. A server says nothing.
  using ReportLine = std::function<void(std::string_view line)>;
  virtual Status reconstruct(const std::string& mailbox, bool recursive, const ReportLine& report) = 0;
  // quota -f, for the roots at and below `root`; "" is every root. A server has no command for it.
  virtual Status fix_quota(const std::string& root, const ReportLine& report) = 0;
  virtual Status transfer(const std::string& mailbox, const std::string& server,
                          const std::optional<std::string>& partition) = 0;

  // The answer to ID, in the server's order; empty when it answers NIL.
  virtual Result<std::vector<IdField>> identify() = 0;
  // Logs in on a connection that is not logged in yet (`server -noauthenticate`).
  virtual Status authenticate(const LoginOptions& options) {
    (void)options;
    return make_error(Errc::unsupported, "there is nobody to log in to");
  }
  // Names for completion; a server does not tell them: those seen so far.
  virtual std::vector<std::string> partitions() = 0;
};

// `cyradm --local CONF`, `cyradm --root DIR`.
struct LocalOptions {
  std::string config_file = "/etc/imapd.conf";
  std::string root;        // not empty: every absolute path of the configuration lies below it
  std::string user;        // whose subscriptions and private annotations; "" is the first word of `admins`
  bool read_only = false;  // --dry-run: through read_only_io()
};

// Opens the store, as the store's user when started as root. Defined in local_backend.cc.
Result<std::unique_ptr<Backend>> open_local_backend(const LocalOptions& options);

}  // namespace cyr::cyradm
