"""cyrus.index is gone."""
MAILBOX = "user.leena"
CODES = ["F501"]                                         # each message is found anew


def damage(box):
    box.remove("index")


def check(box, before):
    assert set(before.uids()) <= set(box.uids())
    (was, _), (now, records) = before.index(), box.index()
    assert now["uidvalidity"] == was["uidvalidity"] and now["last_uid"] == was["last_uid"]
    assert all(records[uid]["internaldate"] == r["internaldate"] for uid, r in before.index()[1].items() if uid in records)
