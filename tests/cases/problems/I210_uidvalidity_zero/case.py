"""The index has UIDVALIDITY 0, as early 2.4 releases left it.  It gets the one that clients know from mailboxes.db, so that
nobody has to fetch the mailbox again."""
MAILBOX = "user.leena"


def damage(box):
    box.set_index(uidvalidity=0)


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
