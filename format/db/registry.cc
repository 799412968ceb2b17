#include "format/db/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/base/file.h"
#include "format/db/berkeley.h"
#include "format/db/berkeley_format.h"
#include "format/db/file_database.h"
#include "format/db/flat_format.h"
#include "format/db/lmdb.h"
#include "format/db/order.h"
#include "format/db/quotalegacy.h"
#include "format/db/skiplist_format.h"
#include "format/db/sql.h"
#include "format/db/twom_format.h"
#include "format/db/twoskip_format.h"
#include "format/db/zeroskip.h"

namespace cyr::db {

namespace {

constexpr std::size_t head_size = std::size_t{64} << 10;  // bytes that detect() looks at

constexpr std::string_view nosync = "-nosync";

using OpenResult = Result<std::unique_ptr<Database>>;

template <const FileFormat& (*format)()>
OpenResult open_file(Io& io, const fs::path& path, const OpenOptions& options) {
  return FileDatabase::open(io, path, format(), options);
}
template <Kind kind>
OpenResult open_berkeley(Io& io, const fs::path& path, const OpenOptions& options) {
  return berkeley::open(io, path, kind, options);
}
template <const FileFormat& (*format)()>
const FileFormat* format_pointer() {
  return &format();
}

bool is_skiplist(Bytes head, bool /*whole*/) { return as_text(head).starts_with(skiplist::magic); }
bool is_twom(Bytes head, bool /*whole*/) { return as_text(head).starts_with(twom::magic); }
bool is_twoskip(Bytes head, bool /*whole*/) { return as_text(head).starts_with(twoskip::magic); }

// At least one line, and nothing but lines; the last one may be cut when this is not the whole file. There
// are no zeros in a flat file but those of damage: a database of another kind that lost its header may well
// have a line end somewhere in these bytes.
bool is_flat(Bytes head, bool whole) {
  constexpr std::size_t share_of_zeros = 8;
  const std::string_view text = as_text(head);
  if (static_cast<std::size_t>(std::count(text.begin(), text.end(), '\0')) > text.size() / share_of_zeros) {
    return false;
  }
  std::uint64_t offset = 0;
  while (offset < text.size()) {
    const auto line = flat::decode_line(text, offset);
    if (!line) {
      return !whole && offset > 0 && text.find('\n', offset) == std::string_view::npos;
    }
    offset = line->end;
  }
  return offset > 0;
}
bool is_berkeley(Bytes head, bool /*whole*/) {
  const auto known = berkeley::recognise(head);
  return known && known->btree;
}
bool is_berkeley_hash(Bytes head, bool /*whole*/) {
  const auto known = berkeley::recognise(head);
  return known && !known->btree;
}
bool is_sqlite(Bytes head, bool /*whole*/) {
  return as_text(head).starts_with(std::string_view("SQLite format 3\0", 16));
}
bool is_lmdb(Bytes head, bool /*whole*/) { return lmdb::recognise(head); }
bool never(Bytes /*head*/, bool /*whole*/) { return false; }

}  // namespace

const std::vector<Backend>& backends() {
  static const std::vector<Backend> rows = {
      {Kind::flat, "flat", open_file<flat_format>, is_flat, format_pointer<flat_format>, nullptr,
       salvage_flat},
      {Kind::skiplist, "skiplist", open_file<skiplist_format>, is_skiplist, format_pointer<skiplist_format>,
       dump_skiplist, salvage_skiplist},
      {Kind::quotalegacy, "quotalegacy", quotalegacy::open_tree, never, nullptr, nullptr,
       salvage_quotalegacy},
      {Kind::twoskip, "twoskip", open_file<twoskip_format>, is_twoskip, format_pointer<twoskip_format>,
       dump_twoskip, salvage_twoskip},
      {Kind::twom, "twom", open_file<twom_format>, is_twom, format_pointer<twom_format>, dump_twom,
       salvage_twom},
      {Kind::sql, "sql", sql::open_table, is_sqlite, nullptr, nullptr, nullptr},
      {Kind::lmdb, "lmdb", lmdb::open_file, is_lmdb, nullptr, nullptr, nullptr, {}, false},
      {Kind::zeroskip, "zeroskip", zeroskip::open_directory, never, nullptr, nullptr, nullptr,
       zeroskip::caution, false},
      {Kind::berkeley, "berkeley", open_berkeley<Kind::berkeley>, is_berkeley,
       format_pointer<berkeley_format>, nullptr, salvage_berkeley},
      {Kind::berkeley_hash, "berkeley-hash", open_berkeley<Kind::berkeley_hash>, is_berkeley_hash,
       format_pointer<berkeley_hash_format>, nullptr, salvage_berkeley},
  };
  return rows;
}

const Backend& backend_of(Kind kind) {
  const auto& rows = backends();
  return *std::find_if(rows.begin(), rows.end(), [&](const Backend& row) { return row.kind == kind; });
}

Status check_writable(Kind kind, const fs::path& path) {
  if (backend_of(kind).writable) {
    return success();
  }
  return make_error(Errc::unsupported, fmt::format("{} databases are read here, not written", name_of(kind)))
      .at(path)
      .with_hint("twoskip is what every release since 2.5 reads");
}

std::optional<Kind> kind_from_name(std::string_view name) {
  if (!name_syncs(name)) {
    name.remove_suffix(nosync.size());
  }
  if (name == "db3") {  // 2.0 to 2.1.15
    return Kind::berkeley;
  }
  for (const Backend& row : backends()) {
    if (row.name == name) {
      return row.kind;
    }
  }
  return {};
}

bool name_syncs(std::string_view name) { return !name.ends_with(nosync); }

std::string_view name_of(Kind kind) { return backend_of(kind).name; }

Result<std::optional<Kind>> detect(Io& io, const fs::path& path) {
  CYR_TRY(const FileInfo info, io.stat(path));
  if (info.kind == FileKind::directory) {
    CYR_TRY(const bool zeroskip, io.exists(path / ".zsdb"));
    return std::optional(zeroskip ? Kind::zeroskip : Kind::quotalegacy);
  }
  CYR_TRY(const File file, File::open(io, path));
  Buffer head(static_cast<std::size_t>(std::min<std::uint64_t>(info.size, head_size)));
  CYR_TRY(const std::size_t have, file.read(head, 0));
  for (const Backend& row : backends()) {
    if (row.recognise(Bytes(head).first(have), have == info.size)) {
      return std::optional(row.kind);
    }
  }
  return std::optional<Kind>();
}

Result<std::unique_ptr<Database>> open(Io& io, const fs::path& path, Kind kind, const OpenOptions& options) {
  auto database = backend_of(kind).open(io, path, options);
  if (!database && database.error().code == Errc::corrupt) {
    const auto found = detect(io, path);
    if (found && *found && **found != kind) {
      database.error().what = fmt::format("is a {} database, not {}", name_of(**found), name_of(kind));
      database.error().offset.reset();
    }
  }
  return database;
}

Result<std::unique_ptr<Hold>> Database::hold() { return std::make_unique<Hold>(); }

Result<bool> Database::sorted_by(const KeyOrder& order) {
  bool sorted = true;
  bool any = false;
  std::string previous;
  CYR_CHECK(for_each("", [&](std::string_view key, std::string_view /*value*/) -> Result<Visit> {
    sorted = !any || order.less(previous, key);
    any = true;
    previous.assign(key);
    return sorted ? Visit::go_on : Visit::stop;
  }));
  return sorted;
}

Status Database::put(std::string_view key, std::string_view value) {
  CYR_TRY(const auto transaction, begin());
  CYR_CHECK(transaction->put(key, value));
  return transaction->commit();
}

Status Database::erase(std::string_view key) {
  CYR_TRY(const auto transaction, begin());
  CYR_CHECK(transaction->erase(key));
  return transaction->commit();
}

}  // namespace cyr::db
