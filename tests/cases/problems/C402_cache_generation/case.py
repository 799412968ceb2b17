"""The server died while it repacked the mailbox: the new cyrus.index is there, but cyrus.cache is still the old one."""
import zlib

import mailboxfile

MAILBOX = "user.leena"


def damage(box):
    box.set_index(generation_no=1)


def check(box, before):
    was, now = before.index(), box.index()
    cache = box.read("cache")
    assert now[0]["generation_no"] >= 1 and cache[:4] == now[0]["generation_no"].to_bytes(4, "big")
    for uid, record in now[1].items():
        assert zlib.crc32(mailboxfile.cache_record(cache, record["cache_offset"])) == was[1][uid]["cache_crc"]
        assert all(record[f] == was[1][uid][f] for f in ("flags", "internaldate", "guid", "savedate", "modseq", "cache_crc"))
