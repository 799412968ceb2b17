"""cyrus.index and cyrus.expunge of every minor version, 2 to 20, written from the format pages and independent of the C++
code; strict: sizes, checksums and the order of UIDs must be right.  mailboxfile.py has more, for the versions of 3.6.1.
"""
import struct
import zlib

import mailboxfile
from mailboxfile import Broken

NANO = 1_000_000_000
SIZES = {2: (44, 52), 3: (56, 52), 4: (76, 52), 5: (76, 56), **mailboxfile.SIZES, 18: (160, 112), 19: (160, 112),
         20: (192, 144)}

# What mailboxfile has no rows for: (name, offset, format, first version, last version)
OLD_HEADER = [("generation_no", 0, "I", 2, 5), ("num_records", 20, "I", 2, 5), ("last_uid", 28, "I", 2, 5),
              ("pop3_last_login", 36, "I", 2, 5), ("uidvalidity", 40, "I", 2, 5), ("options", 56, "I", 4, 5)]
OLD_RECORD = [("uid", 0, "I", 2, 5), ("internaldate", 4, "I", 2, 5), ("size", 12, "I", 2, 5), ("cache_offset", 24, "I", 2, 5),
              ("last_updated", 28, "I", 2, 5), ("system_flags", 32, "I", 2, 5), ("user_flags", 36, "4I", 2, 5)]
NEW_HEADER = [("generation_no", 0, "I", 18, 20), ("num_records", 20, "I", 18, 20), ("last_uid", 28, "I", 18, 19),
              ("last_uid", 88, "I", 20, 20), ("pop3_last_login", 40, "I", 18, 19), ("pop3_last_login", 40, "Q", 20, 20),
              ("uidvalidity", 44, "I", 18, 19), ("uidvalidity", 92, "I", 20, 20), ("options", 60, "I", 18, 18),
              ("options", 64, "I", 19, 20), ("highestmodseq", 68, "Q", 18, 18), ("highestmodseq", 72, "Q", 19, 20),
              ("exists", 84, "I", 18, 18), ("exists", 60, "I", 19, 20), ("recentuid", 104, "I", 18, 19),
              ("recentuid", 184, "I", 20, 20), ("recenttime", 108, "I", 18, 19), ("recenttime", 104, "Q", 20, 20),
              ("pop3_show_after", 112, "I", 18, 19), ("pop3_show_after", 112, "Q", 20, 20), ("createdmodseq", 128, "Q", 18, 20),
              ("deletedmodseq", 76, "Q", 18, 18), ("deletedmodseq", 80, "Q", 19, 20), ("changes_epoch", 136, "I", 18, 18),
              ("changes_epoch", 152, "I", 19, 19), ("changes_epoch", 160, "Q", 20, 20)]
NEW_RECORD = [("uid", 0, "I", 18, 20), ("internaldate", 4, "I", 18, 19), ("internaldate", 8, "Q", 20, 20),
              ("size", 12, "I", 18, 19), ("size", 24, "Q", 20, 20), ("cache_offset", 24, "I", 18, 19),
              ("cache_offset", 4, "I", 20, 20), ("last_updated", 28, "I", 18, 19), ("last_updated", 112, "Q", 20, 20),
              ("system_flags", 32, "I", 18, 19), ("system_flags", 36, "I", 20, 20), ("user_flags", 36, "4I", 18, 19),
              ("user_flags", 40, "4I", 20, 20), ("savedate", 52, "I", 18, 19), ("savedate", 120, "Q", 20, 20),
              ("cache_version", 56, "I", 18, 20), ("guid", 60, "20s", 18, 20), ("modseq", 80, "Q", 18, 20),
              ("cid", 88, "Q", 18, 20), ("createdmodseq", 96, "Q", 18, 20), ("basecid", 128, "Q", 20, 20),
              ("cache_crc", 104, "I", 18, 19), ("cache_crc", 136, "I", 20, 20)]
HEADER = mailboxfile.HEADER_FIELDS + OLD_HEADER + NEW_HEADER
RECORD = mailboxfile.RECORD_FIELDS + OLD_RECORD + NEW_RECORD
HEADER_TIMES, RECORD_TIMES = ("pop3_last_login", "recenttime", "pop3_show_after", "changes_epoch"), ("last_updated", "savedate")


def checked(data, at, size, what):
    if zlib.crc32(data[at:at + size - 4]) != struct.unpack_from(">I", data, at + size - 4)[0]:
        raise Broken("%s: checksum is wrong" % what)


def read(data, in_order=True):
    """(header fields, [record fields]); times in seconds, the fraction of internaldate in 'nsec'."""
    minor = struct.unpack_from(">I", data, 8)[0]
    if minor not in SIZES:
        raise Broken("minor version %d" % minor)
    size, record_size = struct.unpack_from(">2I", data, 12)
    if minor >= 6 and (size, record_size) != SIZES[minor]:
        raise Broken("sizes %d and %d do not fit version %d" % (size, record_size, minor))
    if minor >= 12:
        checked(data, 0, size, "header")
    header = mailboxfile.decode(HEADER, data, 0, minor, size)
    header["minor_version"] = minor
    if minor == 20:
        header.update({k: header[k] // NANO for k in HEADER_TIMES})
    records = []
    for number in range(header["num_records"]):
        at = size + number * record_size
        if at + record_size > len(data):
            raise Broken("ends inside record %d" % (number + 1))
        if minor >= 12:
            checked(data, at, record_size, "record %d" % (number + 1))
        records.append(record(data, at, minor))
    uids = [r["uid"] for r in records]
    if in_order and any(a >= b for a, b in zip(uids, uids[1:])):
        raise Broken("UIDs are not ascending")
    return header, records


def record(data, at, minor):
    out = mailboxfile.decode(RECORD, data, at, minor)
    out["nsec"] = 0
    if minor == 20:
        out["nsec"] = out["internaldate"] % NANO
        out["internaldate"] //= NANO
        out.update({k: out[k] // NANO for k in RECORD_TIMES})
    return out
