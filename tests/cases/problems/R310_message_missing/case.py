"""A message file was removed by hand: its record has nothing to show any more."""
MAILBOX = "user.leena"


def damage(box):
    box.remove(5)


def check(box, before):
    assert box.uids() == [u for u in before.uids() if u != 5]
