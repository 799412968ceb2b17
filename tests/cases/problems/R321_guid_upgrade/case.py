"""A message file ends early; with -R what is left of it stays, as a new message with the flags and the internaldate of the old one."""
import hashlib

MAILBOX = "user.leena"
RUN = ["reconstruct", "-R", "{mailbox}"]
CODES = ["R320", "F502"]


def damage(box):
    box.write(12, box.read(12)[:512])


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    assert sorted(new) == [u for u in sorted(old) if u != 12] + [17]
    assert new[17]["flags"] == old[12]["flags"] == ["\\Flagged"]
    assert new[17]["internaldate"] == old[12]["internaldate"] and new[17]["savedate"] == old[12]["savedate"]
    assert not box.exists(12) and len(box.read(17)) == 512
    assert new[17]["guid"] == hashlib.sha1(box.read(17)).digest() and new[17]["size"] == 512
    assert now["last_uid"] == 17 and now["exists"] == was["exists"] and now["flagged"] == was["flagged"]
    assert now["quota_mailbox_used"] == was["quota_mailbox_used"] - 801 + 512
    assert new[17]["modseq"] > was["highestmodseq"] and now["deletedmodseq"] > was["highestmodseq"]
    assert now["uidvalidity"] == was["uidvalidity"]
