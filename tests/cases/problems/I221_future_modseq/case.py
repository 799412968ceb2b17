"""The header of cyrus.index is older than its records: a message was changed under a modseq that it does not know."""
MAILBOX = "user.leena"


def damage(box):
    box.set_index(highestmodseq=17)


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
