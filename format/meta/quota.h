// Quota roots: the record of each release (store.md 5.3), the rule which root a mailbox belongs to (5.4), and
// the roots of a store over either container (one file per root, or one database). Format page:
// format/doc/quota.md.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "format/db/database.h"

namespace cyr::meta {

enum class Resource : std::uint8_t { storage, message, annotation_storage, folders };
inline constexpr std::size_t resource_count = 4;
struct ResourceInfo {
  std::string_view name;  // as in IMAP and in reports
  std::string_view key;   // in the record
  std::int64_t unit;      // a limit of 1 allows this much usage (bytes or items)
};
inline constexpr std::array<ResourceInfo, resource_count> resources{{
    {"STORAGE", "S", 1024},
    {"MESSAGE", "M", 1},
    {"X-ANNOTATION-STORAGE", "AS", 1024},
    {"X-NUM-FOLDERS", "NF", 1},
}};

// In bytes or items, indexed by Resource. Signed as in Cyrus, where an underflow shows as a negative number.
using Usage = std::array<std::int64_t, resource_count>;
// a + b, stopping at the ends of the range.
[[nodiscard]] Usage add(const Usage& a, const Usage& b);

// Sums of a `quota -f` that is running; every mailbox up to `mailbox` (bytewise, internal name) is in them.
struct QuotaScan {
  std::string mailbox;
  Usage used{};
  friend bool operator==(const QuotaScan&, const QuotaScan&) = default;
};

// How the record is written.
enum class QuotaForm : std::uint8_t {
  text,          // "USED LIMIT": 2.0-2.4, STORAGE only
  dlist,         // 2.5, 3.0
  dlist_modseq,  // 3.2+
};

struct QuotaRoot {
  std::string name;  // internal form; "example.org!" is a whole domain
  Usage used{};
  std::array<std::optional<std::int64_t>, resource_count>
      limit{};  // in units of the resource; nothing: unlimited
  std::optional<QuotaScan> scan;
  std::uint64_t modseq = 0;
  QuotaForm form = QuotaForm::dlist_modseq;

  [[nodiscard]] bool has_limit() const;
  friend bool operator==(const QuotaRoot&, const QuotaRoot&) = default;
};

// A record's value without the LF that ends a quotalegacy file. Reads every form that any release wrote.
// Errc::corrupt.
[[nodiscard]] Result<QuotaRoot> decode_quota(std::string_view name, std::string_view value);
// What can be read of a record that decode_quota() refuses: a resource counts only when its list is whole,
// since a number at the cut may have lost digits.
struct SalvagedQuota {
  QuotaRoot root;
  std::vector<Resource> lost;  // resources whose limit is not known
};
[[nodiscard]] SalvagedQuota salvage_quota(std::string_view name, std::string_view value);
// In root.form; resources that `text` cannot hold are left out.
[[nodiscard]] std::string encode_quota(const QuotaRoot& root);

// True if `root` covers `mailbox` by its name: equal, above it, or "dom!" and the mailbox is in that domain.
[[nodiscard]] bool covers(std::string_view root, std::string_view mailbox);

// True if the internal name (mailbox or root) is of this domain; "" is that of names without one.
[[nodiscard]] bool in_domain(std::string_view name, std::string_view domain);
// Candidates for the root of `mailbox`, longest first: the name, each parent, then "dom!".
[[nodiscard]] std::vector<std::string> quota_root_candidates(std::string_view mailbox);

// The longest covering root of many mailboxes among a fixed set.
class QuotaRootFinder {
 public:
  void add(std::string name) { names_.insert(std::move(name)); }
  // Empty: no root.
  [[nodiscard]] std::string_view find(std::string_view mailbox) const;

 private:
  std::set<std::string, std::less<>> names_;
};

// Change of one root under its lock; return false to leave it as it is, or make `root` nothing to remove it.
using QuotaChange = std::function<Result<bool>(std::optional<QuotaRoot>& root)>;

class Quotas {
 public:
  explicit Quotas(std::unique_ptr<db::Database> database) : database_(std::move(database)) {}
  Quotas(Quotas&&) noexcept = default;
  Quotas& operator=(Quotas&&) noexcept = default;

  // Errc::not_found is no error here: nothing. Errc::corrupt when the record cannot be read.
  Result<std::optional<QuotaRoot>> get(std::string_view name);
  // Every root whose name starts with `prefix`, in the container's order; unreadable ones as the error (key
  // given).
  using Visitor = std::function<Result<db::Visit>(std::string_view name, std::string_view value,
                                                  const Result<QuotaRoot>& root)>;
  Status for_each(std::string_view prefix, const Visitor& visit);
  // Reads, changes and writes one record in one transaction.
  Status change(std::string_view name, const QuotaChange& change);
  // By looking candidates up, longest first: works when a mailbox's header is lost. Nothing: no root.
  Result<std::optional<std::string>> find_root(std::string_view mailbox);

  [[nodiscard]] db::Database& database() { return *database_; }

 private:
  std::unique_ptr<db::Database> database_;
};

}  // namespace cyr::meta
