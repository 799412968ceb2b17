#include "format/db/dump.h"

#include <fmt/format.h>

#include <string>

#include "format/db/skiplist_format.h"
#include "format/db/twom_view.h"
#include "format/db/twoskip_format.h"

namespace cyr::db {

namespace {

constexpr std::uint32_t level_of_values = 3;

// Cyrus shows NUL as '-'; other control characters are left out of the way of the terminal too.
std::string shown(std::string_view key) {
  std::string out(key);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      c = '-';
    }
  }
  return out;
}

std::string twoskip_record(const twoskip::Record& record, bool values) {
  using twoskip::RecordType;
  if (record.type == RecordType::erased) {
    return fmt::format("{:08X} DELETE ptr={:08X}\n", record.offset, record.slot(0));
  }
  if (record.type == RecordType::commit) {
    return fmt::format("{:08X} COMMIT start={:08X}\n", record.offset, record.slot(0));
  }
  std::string out = fmt::format("{:08X} {} kl={} dl={} lvl={} ({})\n\t", record.offset,
                                record.type == RecordType::dummy ? "DUMMY" : "RECORD", record.key.size(),
                                record.value.size(), record.level, shown(record.key));
  for (unsigned i = 0; i <= record.level; ++i) {
    out += fmt::format("{:08X} ", record.slot(i));
    if (i % 8 == 0 && i < record.level) {
      out += "\n\t";
    }
  }
  if (values) {
    out += "\n\tv=(" + shown(record.value) + ')';
  }
  return out + '\n';
}

// The library shows this much of a key or value.
std::string shown_start(std::string_view text) { return shown(text.substr(0, 79)); }

std::string twom_record(const twom::Record& record, bool values) {
  std::string out =
      fmt::format("{:08X} {} kl={} dl={} lvl={} ({})\n", record.offset, twom::name_of(record.type),
                  record.key.size(), record.value.size(), record.level, shown_start(record.key));
  if (record.type == twom::RecordType::replace || record.type == twom::RecordType::fat_replace) {
    out += fmt::format("\t{:08X} <-\n", record.ancestor);
  }
  out += fmt::format("\t{:08X} {:08X}", record.slot(0), record.slot(1));
  for (unsigned level = 1; level < record.level; ++level) {
    out += fmt::format("{}{:08X} ", (level - 1) % 8 == 0 ? "\n\t" : "", record.slot(level + 1));
  }
  out += '\n';
  if (values) {
    out += "\tv=(" + shown_start(record.value) + ")\n";
  }
  return out + (record.cut_key_size ? "\tkey size is cut to 16 bits, as early 3.13 builds wrote it\n" : "");
}

std::string skiplist_node(const skiplist::Node& node, std::string_view type) {
  std::string out = fmt::format("{:04X}: {} kl={} dl={} lvl={}\n\t", node.offset, type, node.key.size(),
                                node.value.size(), node.level);
  for (unsigned level = 0; level < node.level; ++level) {
    out += fmt::format("{:04X} ", node.next(level));
  }
  return out + '\n';
}

std::string skiplist_record(const skiplist::LogRecord& record, std::uint64_t offset) {
  using skiplist::RecordType;
  switch (record.type) {
    case RecordType::erased:
      return fmt::format("{:04X}: DELETE offset={:04X}\n", offset, record.victim);
    case RecordType::commit:
      return fmt::format("{:04X}: COMMIT \n", offset);
    default:
      return skiplist_node(record.node, record.type == RecordType::add ? "ADD" : "INORDER");
  }
}

}  // namespace

Status dump_twoskip(const DumpSource& source, const DumpSink& sink) {
  const Bytes file = source.file;
  CYR_TRY(const twoskip::Header header, twoskip::decode_header(file));
  CYR_CHECK(sink(fmt::format("HEADER: v={} fl={} num={} sz=({:08X}/{:08X})\n", header.version, header.flags,
                             header.num_records, header.current_size, header.repack_size)));
  for (std::uint64_t offset = twoskip::dummy_offset; offset < file.size();) {
    if (twoskip::is_blank(file, offset)) {
      CYR_CHECK(sink(fmt::format("{:08X} BLANK\n", offset)));
      offset += 8;
      continue;
    }
    CYR_TRY(const twoskip::Record record, twoskip::decode_record(file, offset, file.size()));
    CYR_CHECK(sink(twoskip_record(record, source.level >= level_of_values)));
    offset = record.end();
  }
  return success();
}

Status dump_twom(const DumpSource& source, const DumpSink& sink) {
  using twom::RecordType;
  const Bytes file = source.file;
  CYR_TRY(const twom::Header header, twom::decode_header(file));
  const twom::Checksum kind = header.checksum();
  CYR_CHECK(sink(fmt::format("UUID: uuid={}\nFNAME: fname={}\nCHECKSUM ENGINE: {}\n",
                             twom::uuid_text(header.uuid), source.path.string(),
                             kind == twom::Checksum::xxh3   ? "XXH64"
                             : kind == twom::Checksum::null ? "NULL"
                                                            : "EXTERNAL")));
  CYR_CHECK(sink(fmt::format("HEADER: v={} g={} fl={:08X} num=({}/{}) sz=({:08X}/{:08X}/{:08X}) ml={}\n",
                             header.version, header.generation, header.flags, header.num_records,
                             header.num_commits, header.dirty_size, header.current_size, header.repack_size,
                             header.maxlevel)));
  for (std::uint64_t offset = twom::dummy_offset; offset < header.current_size;) {
    CYR_TRY(const twom::Record record, twom::decode_record(file, offset, header.current_size, kind));
    if (record.type == RecordType::commit) {
      CYR_CHECK(sink(fmt::format("{:08X} COMMIT start={:08X}\n", offset, record.slot(0))));
    } else if (record.type == RecordType::erased) {
      CYR_TRY(const twom::Record victim, twom::decode_record(file, record.ancestor, offset, kind));
      CYR_CHECK(sink(fmt::format("{:08X} DELETE kl={} ({})\n\t{:08X} <-\n", offset, victim.key.size(),
                                 shown_start(victim.key), record.ancestor)));
    } else {
      CYR_CHECK(sink(twom_record(record, source.level >= level_of_values)));
    }
    offset = record.end();
  }
  return success();
}

Status dump_skiplist(const DumpSource& source, const DumpSink& sink) {
  const Bytes file = source.file;
  CYR_TRY(const skiplist::Header header, skiplist::decode_header(file));
  (void)header;
  CYR_TRY(const skiplist::Node dummy, skiplist::decode_node(file, skiplist::dummy_offset));
  CYR_CHECK(sink(skiplist_node(dummy, "DUMMY")));
  for (std::uint64_t offset = dummy.end(); offset < file.size();) {
    CYR_TRY(const skiplist::LogRecord record, skiplist::decode_log_record(file, offset));
    CYR_CHECK(sink(skiplist_record(record, offset)));
    offset = record.end;
  }
  return success();
}

}  // namespace cyr::db
