"""cyrus.index is gone, and nothing tells which messages were expunged.

statuscache.db counts 14 messages of 33511 octets: two of the 16 files were expunged, the second and one of two of the same size."""
MAILBOX = "user.leena"
CODES = ["I201", "F501"]


def damage(box):
    box.edit_database("config/statuscache.db", "twoskip", {"user.leena%": "I 8 (14 17 1795329482 1 33511 1 19)"})
    box.remove("index")


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert box.uids() == sorted(old) == sorted(records)   # rather one too many than one too few
    assert now["uidvalidity"] == was["uidvalidity"] and now["last_uid"] == was["last_uid"] and now["highestmodseq"] >= 19
    assert all(records[uid][field] == r[field] for uid, r in old.items() for field in ("internaldate", "size", "guid"))
    assert now["exists"] == 16 and now["quota_mailbox_used"] == sum(r["size"] for r in old.values())
