"""reconstruct --undo was interrupted by a power failure and left a file that was to become a message again."""
MAILBOX = "user.leena"


def damage(box):
    box.write(box.in_mailbox("5..NEW"), box.read(5))


def check(box, before):
    assert box.index() == before.index() and len(box.read(5)) == before.index()[1][5]["size"]
    assert not box.exists(box.in_mailbox("5..NEW"))
    assert box.kept_of(box.in_mailbox("5..NEW")) == [box.read(5)]
