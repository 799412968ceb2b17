"""cyrus.index ends in the middle of its last but one record, as after a crash or on a full disk.  Both messages are
there: they keep their UIDs and dates, and what the counters of the header prove of their flags."""
MAILBOX = "user.leena"
CODES = ["F501"]                                         # the two messages whose records are gone


def damage(box):
    at, size, _ = box.record_at(15)
    box.write("index", box.read("index")[:at + size // 2])


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert {u: r for u, r in records.items() if u < 15} == {u: r for u, r in old.items() if u < 15}
    assert [now[k] for k in ("uidvalidity", "last_uid", "exists", "flagged", "unseen", "quota_mailbox_used")] == [
        was[k] for k in ("uidvalidity", "last_uid", "exists", "flagged", "unseen", "quota_mailbox_used")]
    for uid in (15, 16):
        assert [records[uid][k] for k in ("internaldate", "size", "guid")] == [
            old[uid][k] for k in ("internaldate", "size", "guid")]
        assert records[uid]["flags"] == ["\\Flagged"]    # both had it; one of two was \Answered and \Draft
        assert records[uid]["modseq"] > was["highestmodseq"]
