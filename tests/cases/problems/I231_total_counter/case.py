"""Counters in the header of cyrus.index are wrong: clients were told of a message too many and of nothing flagged."""
MAILBOX = "user.leena"


def damage(box):
    box.set_index(exists=16, flagged=0)


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
