"""The file of a message ends early that was expunged before.  The message goes for good; what was left of its file is kept with the old versions."""
import os

MAILBOX = "user.leena"
CODES = ["R320"]


def damage(box):
    box.write(2, box.read(2)[:512])


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    assert 2 not in before.uids() and sorted(new) == [u for u in sorted(old) if u != 2] and not box.exists(2)
    assert [len(x) for x in box.kept(os.path.relpath(box.path(2), box.root))] == [512]
    assert all(now[k] == was[k] for k in ("exists", "flagged", "unseen", "quota_mailbox_used", "last_uid", "uidvalidity"))
