"""cyrus.header, cyrus.index (minor versions 6-17) and cyrus.cache, written from the format pages; independent of the
C++ code.  Tolerant where asked: read_index(tolerant=True) gives every record whose octets are there and says which
checksums are wrong, which is what "left on disk" means for a damaged file.
"""
import struct
import zlib

import dlist

MAGIC = (b"\xa1\x02\x8b\x0dCyrus mailbox header\n"
         b"\"The best thing about this system was that it had lots of goals.\"\n"
         b"\t--Jim Morris on Andrew\n")

# name, offset, format, first version, last version
HEADER_FIELDS = [
    ("generation_no", 0, "I", 6, 17), ("format", 4, "I", 6, 17), ("minor_version", 8, "I", 6, 17),
    ("start_offset", 12, "I", 6, 17), ("record_size", 16, "I", 6, 17), ("num_records", 20, "I", 6, 17),
    ("last_appenddate", 24, "I", 6, 17), ("last_uid", 28, "I", 6, 17), ("quota_mailbox_used", 32, "Q", 6, 17),
    ("pop3_last_login", 40, "I", 6, 17), ("uidvalidity", 44, "I", 6, 17), ("deleted", 48, "I", 6, 17),
    ("answered", 52, "I", 6, 17), ("flagged", 56, "I", 6, 17), ("options", 60, "I", 6, 17),
    ("leaked_cache_records", 64, "I", 6, 17), ("highestmodseq", 68, "Q", 8, 17), ("deletedmodseq", 76, "Q", 12, 17),
    ("exists", 84, "I", 12, 17), ("first_expunged", 88, "I", 12, 17), ("last_repack_time", 92, "I", 12, 17),
    ("header_file_crc", 96, "I", 12, 17), ("sync_crc_basic", 100, "I", 12, 17), ("recentuid", 104, "I", 12, 17),
    ("recenttime", 108, "I", 12, 17), ("pop3_show_after", 112, "I", 13, 17), ("quota_annot_used", 116, "I", 13, 17),
    ("sync_crc_annot", 120, "I", 13, 17), ("unseen", 124, "I", 14, 17), ("createdmodseq", 128, "Q", 16, 17),
    ("changes_epoch", 136, "I", 17, 17), ("header_crc", 124, "I", 12, 13), ("header_crc", 156, "I", 14, 17)]

RECORD_FIELDS = [
    ("uid", 0, "I", 6, 17), ("internaldate", 4, "I", 6, 17), ("sentdate", 8, "I", 6, 17), ("size", 12, "I", 6, 17),
    ("header_size", 16, "I", 6, 17), ("gmtime", 20, "I", 12, 17), ("cache_offset", 24, "I", 6, 17),
    ("last_updated", 28, "I", 6, 17), ("system_flags", 32, "I", 6, 17), ("user_flags", 36, "4I", 6, 17),
    ("savedate", 52, "I", 15, 17), ("cache_version", 56, "I", 6, 17), ("guid", 60, "20s", 10, 17),
    ("modseq", 72, "Q", 8, 9), ("modseq", 80, "Q", 10, 17), ("cid", 88, "Q", 13, 17),
    ("createdmodseq", 96, "Q", 16, 17), ("cache_crc", 88, "I", 12, 12), ("cache_crc", 96, "I", 13, 15),
    ("cache_crc", 104, "I", 16, 17), ("record_crc", 92, "I", 12, 12), ("record_crc", 100, "I", 13, 15),
    ("record_crc", 108, "I", 16, 17)]

SIZES = {6: (76, 60), 7: (76, 72), 8: (92, 80), 9: (96, 80), 10: (96, 88), 12: (128, 96), 13: (128, 104),
         14: (160, 104), 15: (160, 104), 16: (160, 112), 17: (160, 112)}

SYSTEM_FLAGS = [(0, "\\Answered"), (1, "\\Flagged"), (2, "\\Deleted"), (3, "\\Draft"), (4, "\\Seen")]
ARCHIVED, UNLINKED, EXPUNGED = 1 << 29, 1 << 30, 1 << 31


class Broken(Exception):
    pass


def decode(fields, data, at, version, room=None):
    """The fields of VERSION at offset AT; with ROOM only those that end within ROOM octets."""
    out = {}
    for name, offset, form, first, last in fields:
        if not first <= version <= last:
            continue
        if room is not None and offset + struct.calcsize(">" + form) > room:
            continue
        value = struct.unpack_from(">" + form, data, at + offset)
        out[name] = value if len(value) > 1 else value[0]
    return out


def read_header(data):
    """{'flags': [name or None by bit], 'quotaroot', 'uniqueid', 'acl': {id: rights}, 'name', 'type'}"""
    if not data.startswith(MAGIC):
        raise Broken("cyrus.header: magic is wrong")
    return read_header_body(data[len(MAGIC):])


def read_header_body(body):
    if body.startswith(b"%"):
        line = body.split(b"\n", 1)[0]
        try:
            got = dlist.parse(line)
        except dlist.Bad as bad:
            raise Broken("cyrus.header: %s" % bad) from bad
        return {"flags": got.get("U") or [], "quotaroot": got.get("Q"), "uniqueid": got.get("I"),
                "acl": got.get("A") or {}, "name": got.get("N"), "type": got.get("T")}
    lines = body.split(b"\n")
    if len(lines) < 3 or b"\t" not in lines[0]:
        raise Broken("cyrus.header: text form is damaged")
    root, uniqueid = lines[0].split(b"\t")[:2]
    flags = [dlist.text(x) or None for x in lines[1].split(b" ")]
    if flags and flags[-1] is None:
        flags.pop()
    return {"flags": flags, "quotaroot": dlist.text(root) or None, "uniqueid": dlist.text(uniqueid),
            "acl": parse_acl(lines[2]), "name": None, "type": None}


def parse_acl(line):
    words = dlist.text(line).split("\t")
    return {words[i]: words[i + 1] for i in range(0, len(words) - 1, 2)}


def read_index(data, tolerant=False, version=None):
    """(header fields, [record fields]); a record has 'crc_ok' (None below version 12).

    tolerant: whatever is whole is read; VERSION overrides a spoiled minor_version."""
    if len(data) < 24:
        raise Broken("cyrus.index: %d octets" % len(data))
    minor = version or struct.unpack_from(">I", data, 8)[0]
    if minor not in SIZES:
        raise Broken("cyrus.index: minor version %d" % minor)
    size, record_size = SIZES[minor]
    if not tolerant and len(data) < size:
        raise Broken("cyrus.index: shorter than its header")
    header = decode(HEADER_FIELDS, data, 0, minor, min(len(data), size))
    header["crc_ok"] = None
    if minor >= 12 and len(data) >= size:
        header["crc_ok"] = zlib.crc32(data[:size - 4]) == header["header_crc"]
    if not tolerant and header["crc_ok"] is False:
        raise Broken("cyrus.index: header checksum is wrong")
    if not tolerant and (header["start_offset"], header["record_size"]) != (size, record_size):
        raise Broken("cyrus.index: sizes do not fit version %d" % minor)
    records, count = [], header.get("num_records", 0)
    for number in range(count):
        at = size + number * record_size
        if at + record_size > len(data):
            if tolerant:
                break
            raise Broken("cyrus.index: ends inside record %d" % (number + 1))
        record = decode(RECORD_FIELDS, data, at, minor)
        record["crc_ok"] = None
        if minor >= 12:
            record["crc_ok"] = zlib.crc32(data[at:at + record_size - 4]) == record["record_crc"]
            if not tolerant and not record["crc_ok"]:
                raise Broken("cyrus.index: record %d: checksum is wrong" % (number + 1))
        if not tolerant and records and records[-1]["uid"] >= record["uid"]:
            raise Broken("cyrus.index: record %d: UID is not ascending" % (number + 1))
        records.append(record)
    return header, records


def flag_names(record, names):
    """System flags, then keywords by name; a set bit without a name is 'bit N'."""
    out = [name for bit, name in SYSTEM_FLAGS if record["system_flags"] >> bit & 1]
    for bit in range(128):
        if record["user_flags"][bit // 32] >> (bit % 32) & 1:
            out.append(names[bit] if bit < len(names) and names[bit] else "bit %d" % bit)
    return out


def cache_record(data, offset):
    """The octets of one cache record (ten items with length words and padding)."""
    at = offset
    for _ in range(10):
        if at + 4 > len(data):
            raise Broken("cyrus.cache: record at %d reaches behind the end" % offset)
        at += 4 + ((struct.unpack_from(">I", data, at)[0] + 3) & ~3)
    if at > len(data):
        raise Broken("cyrus.cache: record at %d reaches behind the end" % offset)
    return data[offset:at]


def cache_items(record):
    """The ten items as a list of octet strings."""
    out, at = [], 0
    for _ in range(10):
        length = struct.unpack_from(">I", record, at)[0]
        out.append(record[at + 4:at + 4 + length])
        at += 4 + ((length + 3) & ~3)
    return out
