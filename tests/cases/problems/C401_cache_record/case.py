"""One bit of cyrus.cache is wrong, in what it says of message 5: mail programs would show a wrong header."""
import zlib

import mailboxfile

MAILBOX = "user.leena"


def damage(box):
    box.flip("cache", box.index()[1][5]["cache_offset"] + 40, 0x10)


def check(box, before):
    was, now = before.index(), box.index()
    cache = box.read("cache")
    assert cache[:4] == now[0]["generation_no"].to_bytes(4, "big")
    for uid, record in now[1].items():
        assert zlib.crc32(mailboxfile.cache_record(cache, record["cache_offset"])) == was[1][uid]["cache_crc"]
        assert all(record[f] == was[1][uid][f] for f in ("flags", "internaldate", "guid", "savedate", "modseq", "cache_crc"))
