"""Something that is no record stands behind the last record of cyrus.index, as an append leaves it that was cut off."""
MAILBOX = "user.leena"


def damage(box):
    box.write("index", box.read("index") + b"\xee" * 37)


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
    assert len(box.read("index")) == 160 + 16 * 112
