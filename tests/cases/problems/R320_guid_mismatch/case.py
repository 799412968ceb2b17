"""A message file ends early, so it is not what was delivered.  Nobody has said yet what is to be done with it: it is named and left alone."""
MAILBOX = "user.leena"
EXIT = 2
STANDING = ["R320"]


def damage(box):
    box.write(12, box.read(12)[:512])


def check(box, before):
    assert box.index() == before.index()
    assert len(box.read(12)) == 512
