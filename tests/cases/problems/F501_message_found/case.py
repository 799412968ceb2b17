"""The server stopped after it had written a new message's file and before the index knew of it."""
import mailboxfile

MAILBOX = "user.mona"
UID = 17


def damage(box):
    box.new_message(UID)


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert {uid: r for uid, r in records.items() if uid != UID} == old
    record, data = records[UID], box.read(UID)
    assert record["size"] == len(data) and record["internaldate"] == 1100000000 and record["flags"] == []
    assert record["modseq"] > was["highestmodseq"] and now["highestmodseq"] >= record["modseq"]
    assert (now["last_uid"], now["exists"]) == (UID, was["exists"] + 1) and now["uidvalidity"] == was["uidvalidity"]
    assert now["quota_mailbox_used"] == was["quota_mailbox_used"] + len(data) and now["unseen"] == was["unseen"] + 1
    cached = mailboxfile.cache_items(mailboxfile.cache_record(box.read("cache"), record["cache_offset"]))
    assert any(b"new@example.org" in item for item in cached)
    (kept,) = box.kept("config/quota/m/user.mona")
    assert box.quota("config/quota/m/user.mona")["S"][0] == int(kept.split(b"(")[2].split()[0]) + len(data)
