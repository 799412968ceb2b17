"""A message file was moved from the archive partition back to the spool by hand; the index says that it is in the archive."""
import os
import zlib

import mailboxfile

STORE = "modern"
MAILBOX = "user.leena"
CODES = ["C401"]                                         # the spool has a cache of its own
ARCHIVED = mailboxfile.ARCHIVED


def damage(box):
    os.rename(box.archive_path(12), box.path(12))


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    assert old[12]["system_flags"] == ARCHIVED | 2 and new[12]["system_flags"] == 2
    assert box.exists(12) and not os.path.exists(box.archive_path(12))
    changed = ("system_flags", "modseq", "last_updated", "cache_offset", "record_crc")
    assert all(new[12][k] == v for k, v in old[12].items() if k not in changed)
    assert all(new[uid][k] == v for uid, r in old.items() if uid != 12 for k, v in r.items() if k not in changed[2:])
    assert all(new[uid]["system_flags"] == r["system_flags"] for uid, r in old.items() if uid != 12)
    caches = {0: box.read("cache"), ARCHIVED: box.read(os.path.join(box.places["archive"], "cyrus.cache"))}
    for r in new.values():
        cache = caches[r["system_flags"] & ARCHIVED]
        assert zlib.crc32(mailboxfile.cache_record(cache, r["cache_offset"])) == r["cache_crc"]
    assert new[12]["cache_offset"] == 35728              # behind the ten others of the spool
    assert all(now[k] == was[k] for k in ("exists", "unseen", "quota_mailbox_used", "last_uid", "uidvalidity"))
