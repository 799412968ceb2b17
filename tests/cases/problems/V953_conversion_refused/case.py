"""The mailbox is to go back to a server of Cyrus 2.5 and would lose something, which nobody has accepted yet: it is told
what, and the mailbox stays as it is."""
MAILBOX = "user.leena"
RUN = ["reconstruct", "-V", "13", "{mailbox}"]
CODES = ["V952"]
STANDING = ["V952", "V953"]
EXIT = 2                                                 # what was asked for is not done


def damage(box):
    assert box.index()[0]["minor_version"] == 17


def check(box, before):
    assert box.index() == before.index()                 # the time in its header, too: it was not written
