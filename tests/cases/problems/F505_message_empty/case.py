"""After a crash on a full disk the file of one message is empty, and so is that of one which was just being delivered."""
MAILBOX = "user.leena"
CODES = ["R310"]                                         # the message is gone


def damage(box):
    box.write(5, b"")
    box.write(17, b"")


def check(box, before):
    (was, old), (now, records) = before.index(), box.index()
    assert records == {uid: r for uid, r in old.items() if uid != 5}
    assert now["last_uid"] == was["last_uid"] and now["exists"] == was["exists"] - 1
    assert now["deletedmodseq"] > was["highestmodseq"]
    assert now["quota_mailbox_used"] == was["quota_mailbox_used"] - old[5]["size"]
    assert not box.exists(5) and not box.exists(17)
    assert box.kept_of(box.path(5)) == [b""] and box.kept_of(box.path(17)) == [b""]
