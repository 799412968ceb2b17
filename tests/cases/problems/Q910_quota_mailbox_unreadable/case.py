"""The disk was full when an index was written: cyrus.index is empty.  quota -f cannot count this mailbox and says so; its work is
not to repair it."""
MAILBOX = "user.leena"
RUN = ["quota", "-f", "-q"]
EXIT = 1
STANDING = ["Q910"]


def damage(box):
    box.write("index", b"")


def check(box, before):
    assert box.read("index") == b""
    assert box.header() == before.header() and box.exists(1)
