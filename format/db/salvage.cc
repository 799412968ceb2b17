#include "format/db/salvage.h"

#include <algorithm>

#include "format/db/skiplist_format.h"
#include "format/db/twoskip_format.h"

namespace cyr::db {

namespace {

// The linear view of a twoskip file, resuming at the next multiple of 8 after whatever cannot be read.
void salvage_twoskip(Bytes file, Salvaged& out) {
  std::map<std::uint64_t, std::string> at;  // keys by offset of their latest record
  std::uint64_t offset = 0;
  while (offset + 8 <= file.size()) {
    auto record = twoskip::decode_record(file, offset, file.size());
    const bool whole = record && record->tail_is_sound();
    if (!whole) {
      out.skipped += twoskip::is_blank(file, offset) ? 0 : 8;
      offset += 8;
      continue;
    }
    if (record->type == twoskip::RecordType::record) {
      out.records.insert_or_assign(std::string(record->key), std::string(record->value));
      at.insert_or_assign(record->offset, std::string(record->key));
    } else if (record->type == twoskip::RecordType::erased) {
      // A DELETE names the record after its victim; the victim is the greatest key below that one (0: the last of all).
      const auto after = at.find(record->slot(0));
      auto victim = record->slot(0) == 0 ? out.records.end()
                    : after == at.end()  ? out.records.begin()
                                         : out.records.lower_bound(after->second);
      if (victim != out.records.begin()) {
        out.records.erase(std::prev(victim));
      }
    }
    offset = record->end();
  }
}

void salvage_skiplist(Bytes file, Salvaged& out) {
  std::map<std::uint64_t, std::string> at;
  std::uint64_t offset = 0;
  while (offset + 4 <= file.size()) {
    const auto record = skiplist::decode_log_record(file, offset);
    if (!record || record->end <= offset) {
      out.skipped += 4;
      offset += 4;
      continue;
    }
    const auto type = record->type;
    if (type == skiplist::RecordType::add || type == skiplist::RecordType::inorder) {
      if (!record->node.key.empty()) {
        out.records.insert_or_assign(std::string(record->node.key), std::string(record->node.value));
        at.insert_or_assign(offset, std::string(record->node.key));
      }
    } else if (type == skiplist::RecordType::erased) {
      if (const auto victim = at.find(record->victim); victim != at.end()) {
        out.records.erase(victim->second);
      }
    }
    offset = record->end;
  }
}

// One record a line, key TAB value; 0xFF escapes the byte after it less 128 (cyrusdb.md, flat).
void salvage_flat(Bytes file, Salvaged& out) {
  const auto unescape = [](std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\xff' && i + 1 < text.size()) {
        plain += static_cast<char>(static_cast<unsigned char>(text[++i]) & 0x7FU);
      } else {
        plain += text[i];
      }
    }
    return plain;
  };
  std::string_view rest = as_text(file);
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    const auto tab = line.find('\t');
    if (end == std::string_view::npos || tab == std::string_view::npos || tab == 0) {
      out.skipped += line.size();
    } else {
      out.records.insert_or_assign(unescape(line.substr(0, tab)), unescape(line.substr(tab + 1)));
    }
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
}

}  // namespace

Result<Salvaged> salvage(Io& io, const fs::path& path, std::optional<Kind> kind) {
  CYR_TRY(const auto file, io.read_file(path));
  Salvaged out;
  if (const auto found = detect(io, path); found && *found) {
    kind = *found;
  }
  out.kind = kind;
  if (kind == Kind::twoskip) {
    salvage_twoskip(file.bytes(), out);
  } else if (kind == Kind::skiplist) {
    salvage_skiplist(file.bytes(), out);
  } else if (kind == Kind::flat) {
    salvage_flat(file.bytes(), out);
  }
  return out;
}

}  // namespace cyr::db
