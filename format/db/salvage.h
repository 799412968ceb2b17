// Reading what is left of a damaged database (format/doc/salvage.md): every record whose own bytes are whole,
// whatever the header, the pointers and the records around it say, less those that are provably dead. Nothing
// is written, no value is invented: keys and values are bytes of the file, but for single bits that a
// checksum proves to be flipped.
//
// One salvager per backend, `<backend>_salvage.cc`, named in its row of registry.cc.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/file.h"
#include "format/db/database.h"

namespace cyr::db {

struct SalvageOptions {
  std::optional<Kind> kind;          // taken where the content does not tell (a damaged magic)
  bool include_uncommitted = false;  // records of transactions without COMMIT too
  bool lock = true;  // hold a shared lock as long as the report lives; false: the caller sees to that
  OpenOptions open;  // hashing of quotalegacy paths; `order` where the keys allow more than one
};

// What is to be known of one record that was kept.
enum class Mark : std::uint8_t {
  repaired_bit = 1,   // one flipped bit of it was put right, proven by its checksum or structure
  older_version = 2,  // a later version of the key was there and cannot be read
  maybe_deleted = 4,  // a DELETE may have hit it, or one may be lost; kept, since a live key must not be lost
  uncommitted = 8,    // of a transaction without COMMIT; only with include_uncommitted
  wrong_era = 16,     // flat: 0xff bytes as releases before 2.5 wrote them, taken literally
  rebuilt_head = 32,  // its head was damaged; key and value are proven by their own checksum
};

struct SalvagedRecord {
  std::string_view key;  // into the file or SalvageReport::store
  std::string_view value;
  std::uint64_t offset = 0;  // of the record in the file; 0 for a file of its own (quotalegacy)
  std::uint8_t marks = 0;
  [[nodiscard]] bool has(Mark mark) const { return (marks & static_cast<std::uint8_t>(mark)) != 0; }
  void set(Mark mark) { marks |= static_cast<std::uint8_t>(mark); }
};

// Whole records that are dead. Versions that a later one replaced are only counted
// (SalvageReport::superseded).
struct DroppedRecord {
  enum class Proof : std::uint8_t {
    erased,    // the DELETE at `proof`
    unlinked,  // a pointer of the record at `proof` passes over it
  };
  std::string_view key;
  std::uint64_t offset = 0;
  Proof why = Proof::erased;
  std::uint64_t proof = 0;  // offset
};

// Whole or half records that are not kept although they may be wanted.
struct LeftOutRecord {
  std::string_view key;
  std::string_view value;  // as it stands in the file
  std::uint64_t offset = 0;
  std::string why;  // "uncommitted", "two lines run together" ...
};

// Bytes that belong to no whole record. The keys are those of the nearest whole records that enclose what may
// be lost there, where that can be told; nothing: no bound on that side.
struct DamagedRegion {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // bytes
  std::string what;          // lower-case phrase
  fs::path file;             // where a database is several files; else empty
  std::optional<std::string> key_before;
  std::optional<std::string> key_after;
};

// A place in the order of keys where something live points to a record that cannot be read.
struct LostRecord {
  std::uint64_t offset = 0;  // where the record should be
  std::optional<std::string>
      key;  // where key and value do not match their checksum: the key as it stands there
  std::optional<std::string> key_before;
  std::optional<std::string> key_after;
};

struct SalvageReport {
  std::optional<Kind> kind;             // nothing: the file is none of ours, or empty
  Order order = Order::raw;             // that `records` are in
  std::vector<SalvagedRecord> records;  // no key twice
  std::vector<DroppedRecord> dropped;
  std::vector<LeftOutRecord> left_out;
  std::vector<DamagedRegion> damaged;  // by offset
  std::vector<LostRecord> lost;
  std::uint64_t superseded = 0;           // older versions of keys that are in `records` or `dropped`
  std::optional<std::uint64_t> expected;  // live records that a sound header tells of
  bool header_rebuilt = false;            // the header could not be used
  bool beyond_file = false;  // records of an environment's cache and logs are here, which the file has not
  std::vector<std::string> notes;  // anything else that was odd, one line each

  // Bytes of records that do not stand in the file as they are (escapes, repaired bits, overflow pages).
  std::deque<std::string> store;
  [[nodiscard]] std::string_view keep(std::string text) { return store.emplace_back(std::move(text)); }
  // The file itself, so that the views of it live as long as the report.
  File lock;
  FileBytes content;

  // All live records are here, for all that can be told. Repaired bits and a rebuilt header are no loss.
  [[nodiscard]] bool complete() const;
};

// What a salvager gets. `file` is the whole file; empty where the database is no single file.
struct SalvageSource {
  Io& io;
  fs::path path;
  Bytes file;
  const SalvageOptions& options;
};

// A row of registry.cc. Fills everything but kind, lock and content; records in any order, no key twice.
// Hostile bytes are no error, damage is none either; only system calls fail. Time is linear in the file
// (times a logarithm), memory is some offsets per record.
using Salvager = Status (*)(const SalvageSource& source, SalvageReport& report);

Status salvage_twoskip(const SalvageSource& source, SalvageReport& report);
Status salvage_twom(const SalvageSource& source, SalvageReport& report);
Status salvage_skiplist(const SalvageSource& source, SalvageReport& report);
Status salvage_flat(const SalvageSource& source, SalvageReport& report);
Status salvage_quotalegacy(const SalvageSource& source, SalvageReport& report);
Status salvage_berkeley(const SalvageSource& source, SalvageReport& report);  // btree and hash

// The salvager of `kind`, and the records sorted. The views in the report are good as long as `source.file`
// is.
Status salvage_bytes(const SalvageSource& source, Kind kind, SalvageReport& report);

// Errc::not_found when there is no file. The backend is what the content says, else `options.kind`.
Result<SalvageReport> salvage(Io& io, const fs::path& path, const SalvageOptions& options = {});

}  // namespace cyr::db
