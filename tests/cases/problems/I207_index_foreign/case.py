"""Two mailboxes' cyrus.index changed places, by a slip in restoring them.  The mailbox takes its own one back from where it
lies; what lies there is left, it is the other mailbox's to repair."""
from box import Box

MAILBOX = "user.leena"
OTHER = "info"


def damage(box):
    other = Box(box.root, OTHER, box.bindir)
    own, foreign = box.read("index"), other.read("index")
    box.write("index", foreign)
    other.write("index", own)


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
    assert Box(box.root, OTHER, box.bindir).index() == before.index()      # still there
