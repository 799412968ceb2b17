"""The mailbox is to go back to a server of Cyrus 2.5, whose index cannot hold all that the present one does.  The
administrator was told what is lost and accepts it; messages, flags and what fits nowhere else (as annotations) are kept."""
import facts

MAILBOX = "user.leena"
RUN = ["reconstruct", "-V", "13", "--accept-loss", "{mailbox}"]
CODES = ["V951"]
REAL = ["reconstruct", "-V", "13", "{mailbox}"]          # it loses without asking


def damage(box):
    assert box.index()[0]["minor_version"] == 17


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert now["minor_version"] == 13
    kept = ("uidvalidity", "last_uid", "highestmodseq", "exists", "answered", "deleted", "flagged", "quota_mailbox_used",
            "sync_crc_basic", "sync_crc_annot")
    assert [now[k] for k in kept] == [was[k] for k in kept]
    assert sorted(records) == sorted(old)
    kept = ("internaldate", "size", "guid", "modseq", "system_flags", "user_flags", "last_updated", "flags")
    assert [[r[k] for k in kept] for r in records.values()] == [[r[k] for k in kept] for r in old.values()]
    notes = facts.read_annotations(box.path("annotations"))
    for uid, record in old.items():
        for field in ("savedate", "createdmodseq"):
            assert notes[str(uid), "/vendor/cmu/cyrus-imapd/" + field, ""] == str(record[field])
