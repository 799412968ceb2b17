"""A mailbox that still has the index of Cyrus 2.3 is brought to the present version: nothing changes for its owner, and each
message has its GUID now."""
import hashlib

STORE = "versions"
MAILBOX = "user.wes.R&-D"
RUN = ["reconstruct", "-V", "17", "{mailbox}"]


def damage(box):
    assert box.index()[0]["minor_version"] == 9


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert now["minor_version"] == 17
    assert [now[k] for k in ("uidvalidity", "last_uid", "quota_mailbox_used", "answered", "deleted", "flagged", "exists")] == [
        was[k] for k in ("uidvalidity", "last_uid", "quota_mailbox_used", "answered", "deleted", "flagged")] + [len(old)]
    assert now["highestmodseq"] >= was["highestmodseq"]
    assert sorted(records) == sorted(old)
    for uid, record in records.items():
        assert [f for f in record["flags"] if f != "\\Seen"] == old[uid]["flags"]
        assert [record[k] for k in ("internaldate", "size", "modseq")] == [
            old[uid][k] for k in ("internaldate", "size", "modseq")]
        assert record["guid"] == hashlib.sha1(box.read(uid)).digest()
