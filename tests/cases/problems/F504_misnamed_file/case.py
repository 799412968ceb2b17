"""A script left a copy of a message under a name with leading zeros, which no Cyrus program would look for."""
MAILBOX = "user.leena"
STANDING = ["F504"]


def damage(box):
    box.write(box.in_mailbox("007."), box.read(7))


def check(box, before):
    assert box.index() == before.index()
    assert box.read(box.in_mailbox("007.")) == box.read(7)
