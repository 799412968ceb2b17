"""One record of the index is all zeros.  Its message is there still and keeps its UID; what is gone is what only the record knew, but the
counters of the index prove that the message was answered and read."""
MAILBOX = "user.leena"
CODES = ["F501"]                                         # the message of the lost record
VARIES = ["sync_crc"]                                    # the new record has the time of the run


def damage(box):
    data = box.read("index")
    at, size, _ = box.record_at(14)
    box.write("index", data[:at] + bytes(size) + data[at + size:])


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    assert old[14]["flags"] == new[14]["flags"] == ["\\Answered", "\\Seen"]
    assert all(new[14][k] == old[14][k] for k in ("internaldate", "sentdate", "size", "guid", "cache_crc"))
    assert all(new[uid][k] == r[k] for uid, r in old.items() if uid != 14 for k in r if k not in ("cache_offset", "record_crc", "crc_ok"))
    assert sorted(new) == sorted(old)
    assert all(now[k] == was[k] for k in ("uidvalidity", "last_uid", "exists", "answered", "unseen", "quota_mailbox_used"))
    assert now["highestmodseq"] > was["highestmodseq"]   # so that clients look at the message again
