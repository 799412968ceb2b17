"""The index of a mailbox without messages has highestmodseq 0.  It does not fall below what clients have seen, which
statuscache.db and mailboxes.db know."""
MAILBOX = "user.leena.Junk"


def damage(box):
    box.set_index(highestmodseq=0)


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
