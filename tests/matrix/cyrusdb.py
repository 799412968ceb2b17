"""Readers of the Cyrus key/value files, written from the format pages and independent of the C++ code they judge.

Every function returns the live records as a list of (key, value) byte strings in file order, found by walking the
level 0 chain (skiplist, twoskip) or the lines (flat).  Anything that breaks the format raises Broken.
"""
import os
import struct
import zlib

TWOSKIP_MAGIC = b"\xa1\x02\x8b\x0dtwoskip file\0\0\0\0"
SKIPLIST_MAGIC = b"\xa1\x02\x8b\x0dskiplist file\0\0\0"


class Broken(Exception):
    """The file breaks its format; the text names file and offset."""


def kind_of(data):
    if data.startswith(TWOSKIP_MAGIC):
        return "twoskip"
    if data.startswith(SKIPLIST_MAGIC):
        return "skiplist"
    return "flat"


def read(path):
    """(kind, records) of a database file of any kind."""
    with open(path, "rb") as f:
        data = f.read()
    kind = kind_of(data)
    reader = {"twoskip": read_twoskip, "skiplist": read_skiplist, "flat": read_flat}[kind]
    return kind, reader(data, path)


def unescape_flat(field):
    """Bytes 0, TAB, LF, CR are 0xff 0x80|b; 0xff is doubled; a lone 0xff at the end is dropped."""
    if b"\xff" not in field:
        return field
    out, i = bytearray(), 0
    while i < len(field):
        if field[i] != 0xFF:
            out.append(field[i])
            i += 1
        else:
            if i + 1 < len(field):
                out.append(0xFF if field[i + 1] == 0xFF else field[i + 1] & 0x7F)
            i += 2
    return bytes(out)


def read_flat(data, path="flat"):
    if data and not data.endswith(b"\n"):
        raise Broken("%s: last line has no end" % path)
    records = []
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        key, tab, value = line.partition(b"\t")
        if not tab:
            raise Broken("%s: line %d has no TAB" % (path, number))
        records.append((unescape_flat(key), unescape_flat(value)))
    return records


def read_skiplist(data, path="skiplist"):
    def word(at):
        if at + 4 > len(data):
            raise Broken("%s: offset %d lies behind the end" % (path, at))
        return struct.unpack_from(">I", data, at)[0]

    def pad(n):
        return (n + 3) & ~3

    dummy = 48
    if word(dummy) != 257:
        raise Broken("%s: no DUMMY at offset %d" % (path, dummy))
    at, records, steps = word(dummy + 12), [], 0          # keylen 0, datalen 0: pointers begin at +12
    while at:
        kind, keylen = word(at), word(at + 4)
        if kind not in (1, 2):
            raise Broken("%s: offset %d is no node" % (path, at))
        vallen = word(at + 8 + pad(keylen))
        value_at = at + 12 + pad(keylen)
        if value_at + pad(vallen) + 4 > len(data):
            raise Broken("%s: node at %d reaches behind the end" % (path, at))
        records.append((data[at + 8:at + 8 + keylen], data[value_at:value_at + vallen]))
        at = word(value_at + pad(vallen))
        steps += 1
        if steps > len(data) // 16:
            raise Broken("%s: the chain is a loop" % path)
    return records


class Twoskip:
    """The head of one twoskip record, checked against its own CRC."""

    def __init__(self, data, at, path):
        if at % 8 or at + 24 > len(data):
            raise Broken("%s: no record can be at offset %d" % (path, at))
        self.type, level, keylen, vallen = struct.unpack_from(">BBHI", data, at)
        pos = at + 8
        if keylen == 0xFFFF:
            keylen = struct.unpack_from(">Q", data, pos)[0]
            pos += 8
        if vallen == 0xFFFFFFFF:
            vallen = struct.unpack_from(">Q", data, pos)[0]
            pos += 8
        end = pos + 8 * (level + 1)
        if level > 31 or end + 8 > len(data):
            raise Broken("%s: record at %d is damaged" % (path, at))
        self.pointers = struct.unpack_from(">%dQ" % (level + 1), data, pos)
        head, self.tail_crc = struct.unpack_from(">II", data, end)
        if zlib.crc32(data[at:end]) != head:
            raise Broken("%s: record at %d: head checksum is wrong" % (path, at))
        self.at, body = at, end + 8
        self.key, self.value = data[body:body + keylen], data[body + keylen:body + keylen + vallen]
        self.body = data[body:body + ((keylen + vallen + 7) & ~7)]

    def whole(self):
        return len(self.body) % 8 == 0 and zlib.crc32(self.body) == self.tail_crc

    def next(self, limit):
        first, second = self.pointers[0], (self.pointers + (0,))[1]
        if self.type != ord("+") and self.type != ord("="):
            return first                                    # DELETE: one pointer
        if first >= limit:
            return second
        if second >= limit:
            return first
        return max(first, second)


def read_twoskip(data, path="twoskip"):
    if len(data) < 336:
        raise Broken("%s: %d octets are less than an empty database" % (path, len(data)))
    version, _gen, count, _repack, size, flags, crc = struct.unpack_from(">IQQQQII", data, 20)
    if zlib.crc32(data[:60]) != crc:
        raise Broken("%s: header checksum is wrong" % path)
    if version != 1 or size > len(data):
        raise Broken("%s: version %d, current_size %d of %d octets" % (path, version, size, len(data)))
    if flags & 1 or size != len(data):
        raise Broken("%s: not closed cleanly" % path)
    records, record = [], Twoskip(data, 64, path)
    for _ in range(len(data) // 24):
        at = record.next(size)
        if not at:
            break
        record = Twoskip(data, at, path)
        if record.type == ord("+"):
            if not record.whole():
                raise Broken("%s: record at %d: tail checksum is wrong" % (path, at))
            if records and records[-1][0] >= record.key:
                raise Broken("%s: record at %d is out of order" % (path, at))
            records.append((record.key, record.value))
    else:
        raise Broken("%s: the chain is a loop" % path)
    if len(records) != count:
        raise Broken("%s: header says %d records, the chain has %d" % (path, count, len(records)))
    return records


def read_quotalegacy(confdir):
    """All quota root files below CONFDIR: {root: (path, value)}; value has its first LF turned back into a blank."""
    roots = {}
    for top, domain in [(confdir, "")] + [(d, os.path.basename(d) + "!") for d in _domains(confdir)]:
        base = os.path.join(top, "quota")
        for folder, _, names in os.walk(base):
            for name in names:
                if name.endswith(".NEW"):
                    continue
                path = os.path.join(folder, name)
                with open(path, "rb") as f:
                    data = f.read()
                if data and not data.endswith(b"\n"):
                    raise Broken("%s: last line has no end" % path)
                value = data[:-1]
                if not value.startswith(b"%"):
                    value = value.replace(b"\n", b" ", 1)
                root = domain + (name if folder != base else "")
                roots[root] = (path, value)
    return roots


def _domains(confdir):
    base = os.path.join(confdir, "domain")
    found = []
    if os.path.isdir(base):
        for letter in sorted(os.listdir(base)):
            inner = os.path.join(base, letter)
            found += [os.path.join(inner, name) for name in sorted(os.listdir(inner))]
    return found
