"""A message file was moved to the archive partition by hand; the index says that it is in the spool."""
import os
import zlib

import mailboxfile

STORE = "modern"
MAILBOX = "user.leena"
CODES = ["C401"]                                         # the archive has a cache of its own
ARCHIVED = mailboxfile.ARCHIVED


def damage(box):
    os.rename(box.path(5), box.archive_path(5))


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    assert old[5]["system_flags"] == 0 and new[5]["system_flags"] == ARCHIVED
    assert os.path.exists(box.archive_path(5)) and not box.exists(5)
    changed = ("system_flags", "modseq", "last_updated", "cache_offset", "record_crc")
    assert all(new[5][k] == v for k, v in old[5].items() if k not in changed)
    assert all(new[uid][k] == v for uid, r in old.items() if uid != 5 for k, v in r.items() if k not in changed[2:])
    assert all(new[uid]["system_flags"] == r["system_flags"] for uid, r in old.items() if uid != 5)
    caches = {0: box.read("cache"), ARCHIVED: box.read(os.path.join(box.places["archive"], "cyrus.cache"))}
    for r in new.values():
        cache = caches[r["system_flags"] & ARCHIVED]
        assert zlib.crc32(mailboxfile.cache_record(cache, r["cache_offset"])) == r["cache_crc"]
    assert new[5]["cache_offset"] == 4                   # the first of the archive's
    assert all(now[k] == was[k] for k in ("exists", "unseen", "quota_mailbox_used", "last_uid", "uidvalidity"))
