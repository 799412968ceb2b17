#include "format/db/zeroskip.h"

#include <algorithm>
#include <map>

#include "format/db/read_only_database.h"
#include "format/db/zeroskip_format.h"

namespace cyr::db::zeroskip {

namespace {

struct DataFile {
  fs::path path;
  FileName name;
};

// Those that count, oldest first: packed files, then what is not packed yet. What a packed file holds may
// still be there unpacked too.
Result<std::vector<DataFile>> data_files(Io& io, const fs::path& path, const Marker& marker) {
  CYR_TRY(const auto entries, io.list(path));
  std::vector<DataFile> all;
  for (const DirEntry& entry : entries) {
    if (const auto name = parse_name(entry.name, marker.uuid)) {
      all.push_back({path / entry.name, *name});
    }
  }
  std::sort(all.begin(), all.end(), [](const DataFile& a, const DataFile& b) {
    if (a.name.start != b.name.start) {
      return a.name.start < b.name.start;
    }
    return a.name.packed != b.name.packed ? a.name.packed : a.name.end > b.name.end;
  });
  std::vector<DataFile> out;
  for (DataFile& file : all) {
    const bool contained = !out.empty() && out.back().name.packed && file.name.end <= out.back().name.end;
    if (!contained) {
      out.push_back(std::move(file));
    }
  }
  return out;
}

using Records = std::map<std::string_view, std::string_view>;

bool only_zeros(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

// Applies the committed transactions of one file. `last`: the active file, which may end in the middle of
// one.
Status apply(Bytes file, const FileName& name, bool last, Records& records) {
  CYR_CHECK(check_header(file));
  std::vector<Record> transaction;
  for (std::uint64_t offset = header_size; offset < file.size();) {
    bool cut = false;
    const auto record = decode_record(file, offset, cut);
    if (!record) {
      if (last && (cut || only_zeros(file.subspan(static_cast<std::size_t>(offset))))) {
        return success();
      }
      return record.error();
    }
    offset = record->end;
    if (record->kind != RecordKind::commit) {
      transaction.push_back(*record);
      continue;
    }
    for (const Record& done : transaction) {
      records.erase(done.key);
      if (done.kind == RecordKind::entry) {
        records.emplace(done.key, done.value);
      }
    }
    transaction.clear();
    if (name.packed || record->last) {
      return success();  // an index of offsets follows
    }
  }
  return success();
}

}  // namespace

Result<std::unique_ptr<Database>> open_directory(Io& io, const fs::path& path, const OpenOptions& options) {
  CYR_TRY(const bool there, io.exists(path / std::string(marker_name)));
  if (!there) {
    return options.create
               ? make_error(Errc::unsupported, "zeroskip databases are read here, not written").at(path)
               : make_error(Errc::not_found, "has no zeroskip database").at(path);
  }
  CYR_TRY(const FileBytes marker_bytes, io.read_file(path / std::string(marker_name)));
  const auto marker = decode_marker(marker_bytes.bytes());
  if (!marker) {
    Error error = marker.error();
    return error.at(path / std::string(marker_name));
  }
  CYR_TRY(const auto files, data_files(io, path, *marker));
  if (files.empty()) {
    return corrupt("has no data file of the UUID " + marker->uuid).at(path);
  }
  std::vector<FileBytes> content;
  Records records;
  for (const DataFile& file : files) {
    CYR_TRY(FileBytes bytes, io.read_file(file.path));
    content.push_back(std::move(bytes));
    Status done = apply(content.back().bytes(), file.name, &file == &files.back(), records);
    if (!done) {
      return std::move(done.error()).at(file.path);
    }
  }
  std::vector<Entry> entries;
  for (const auto& [key, value] : records) {
    entries.push_back({key, value});
  }
  return std::unique_ptr<Database>(
      std::make_unique<ReadOnlyDatabase>(Kind::zeroskip, path, std::move(content), std::move(entries)));
}

}  // namespace cyr::db::zeroskip
