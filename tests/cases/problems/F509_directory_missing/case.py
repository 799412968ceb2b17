"""The directory of a mailbox is gone; the list still has the mailbox."""
import shutil

MAILBOX = "user.leena"
CODES = ["I201", "H101"]                                 # index and header are gone with it


def damage(box):
    shutil.rmtree(box.places["spool"])


def check(box, before):
    (was, _), (now, records) = before.index(), box.index()
    assert not records and now["exists"] == now["quota_mailbox_used"] == 0
    assert now["uidvalidity"] == was["uidvalidity"] and now["last_uid"] == was["last_uid"]
    assert now["highestmodseq"] >= was["highestmodseq"]
    assert box.header() == before.header()
