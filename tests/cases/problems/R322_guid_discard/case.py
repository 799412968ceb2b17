"""A message file ends early; with -U the message goes.  What was left of its file is kept with the old versions."""
import os

MAILBOX = "user.leena"
RUN = ["reconstruct", "-U", "{mailbox}"]
CODES = ["R320"]


def damage(box):
    box.write(12, box.read(12)[:512])


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    assert sorted(new) == [u for u in sorted(old) if u != 12] and not box.exists(12)
    assert [len(x) for x in box.kept(os.path.relpath(box.path(12), box.root))] == [512]
    assert now["exists"] == was["exists"] - 1 and now["flagged"] == was["flagged"] - 1
    assert now["quota_mailbox_used"] == was["quota_mailbox_used"] - 801
    assert now["deletedmodseq"] > was["highestmodseq"] and now["last_uid"] == was["last_uid"]
    assert now["uidvalidity"] == was["uidvalidity"]
