// What must hold for any bytes that are taken for a database file.
#pragma once

#include <cstdlib>
#include <map>
#include <string>

#include "format/db/flat_format.h"
#include "format/db/salvage.h"
#include "format/db/stream_sink.h"
#include "format/db/view.h"

namespace cyr::fuzz {

using Records = std::map<std::string, std::string>;

inline void must(bool holds) {
  if (!holds) {
    std::abort();
  }
}

// The records in the order of the file, or the error.
inline Result<std::vector<std::pair<std::string, std::string>>> read_all(const db::View& view,
                                                                         const db::KeyOrder& order) {
  std::vector<std::pair<std::string, std::string>> out;
  CYR_CHECK(view.scan({}, order, [&](const db::Entry& entry) -> Result<db::Visit> {
    out.emplace_back(entry.key, entry.value);
    return db::Visit::go_on;
  }));
  return out;
}

inline db::KeyOrder order_of(const db::View& view, const db::FileFormat& format) {
  const auto orders = view.orders();
  return db::KeyOrder(orders && !format.fixed_order() ? orders->pick(format.default_order())
                                                      : format.default_order());
}

// A sound file: every record is found by its key, and a new file of the same records is sound and holds the
// same.
inline void check_sound(const db::View& view, const db::FileFormat& format, const db::KeyOrder& order) {
  const auto records = read_all(view, order);
  must(records.has_value());
  db::MemorySink sink;
  const auto writer = format.writer(sink, 1);
  must(writer.has_value());
  bool writable = true;
  for (const auto& [key, value] : *records) {
    const auto found = view.find(key, order);
    must(found && *found && (*found)->value == value);
    writable = writable && (*writer)->add(key, value).has_value();
  }
  if (!writable || !(*writer)->finish()) {
    return;  // an empty key in a file that only we would call sound
  }
  if (sink.content().empty()) {
    return;  // flat without lines
  }
  const auto again = format.view(sink.content());
  must(again && (*again)->check());
  const auto copied = read_all(**again, order);
  must(copied && *copied == *records);
}

// A transaction on the bytes: what was put is there, and abort brings everything back.
inline void check_edit(Bytes data, const db::FileFormat& format, const db::KeyOrder& order, bool keep) {
  db::MemoryImage image(Buffer(data.begin(), data.end()));
  const auto ready = format.prepare(image, order);
  if (!ready || *ready != db::Readiness::ready) {
    return;
  }
  const auto before_view = format.view(image.bytes());
  must(before_view.has_value());
  const bool sound = (*before_view)->check().has_value();
  const auto before = read_all(**before_view, order);
  const auto editor = format.edit(image, order);
  must(editor.has_value());
  const bool changed = (*editor)->put("key", "new value") && (*editor)->erase("gone") &&
                       (*editor)->put("other", "") && (*editor)->erase("key") &&
                       (*editor)->put("key", "last value");
  if (changed) {
    const auto view = (*editor)->view();
    must(view.has_value());
    const auto found = (*view)->find("key", order);
    // Links that were damaged before may end in an error, never in another value.
    must(found ? *found && (*found)->value == "last value" : !sound);
  }
  if ((*editor)->rewrites()) {
    return;
  }
  const bool done = (keep && changed ? (*editor)->commit() : (*editor)->abort()).has_value();
  if (!sound) {
    return;
  }
  must(changed && done);
  const auto after_view = format.view(image.bytes());
  must(after_view && (*after_view)->check());
  const auto after = read_all(**after_view, order);
  must(after && before && (keep || *after == *before));
}

// Nothing is invented: what was saved stands in the file, but for bits that are marked as put right. A sound
// file gives its records, unless a flat value is better explained by a line end that lost a bit.
inline void check_salvage(Bytes data, const db::FileFormat& format) {
  const db::Kind kind = format.kind();
  if (kind != db::Kind::flat && kind != db::Kind::skiplist && kind != db::Kind::twoskip) {
    return;
  }
  db::SalvageReport report;
  db::SalvageOptions options;
  must(db::salvage_bytes({posix_io(), "file", data, options}, kind, report).has_value());
  const std::string_view text = as_text(data);
  // A line of a flat file may mix escapes and bytes that should be escaped.
  std::string scratch;
  const std::string_view unescaped = db::flat::unescape(text, scratch);
  const auto stands = [&](std::string_view part) {
    std::string escaped;
    db::flat::append_escaped(escaped, part);
    return text.find(part) != std::string_view::npos || unescaped.find(part) != std::string_view::npos ||
           text.find(escaped) != std::string_view::npos;
  };
  bool repaired = false;
  for (const db::SalvagedRecord& record : report.records) {
    const bool literal = !record.has(db::Mark::repaired_bit) && !record.has(db::Mark::wrong_era);
    must(!literal || (stands(record.key) && stands(record.value)));
    repaired = repaired || record.has(db::Mark::repaired_bit);
  }
  const auto view = format.view(data);
  if (repaired || !report.notes.empty() || !view || !(*view)->check()) {
    return;
  }
  const auto records = read_all(**view, order_of(**view, format));
  must(records && records->size() == report.records.size());
  for (std::size_t i = 0; i < records->size(); ++i) {
    must((*records)[i].first == report.records[i].key && (*records)[i].second == report.records[i].value);
  }
}

inline void check_database(Bytes data, const db::FileFormat& format) {
  check_salvage(data, format);
  const auto view = format.view(data);
  if (!view) {
    return;
  }
  const db::KeyOrder order = order_of(**view, format);
  (void)read_all(**view, order);
  (void)(*view)->find("key", order);
  (void)db::scan_prefix(**view, "user.", order,
                        [](const db::Entry&) -> Result<db::Visit> { return db::Visit::go_on; });
  (void)format.replay(data, order);
  if ((*view)->check()) {
    check_sound(**view, format, order);
  }
  check_edit(data, format, order, false);
  check_edit(data, format, order, true);
}

}  // namespace cyr::fuzz
