"""A failing disk or memory changed one bit in the header of cyrus.index; everything is again as it was, last_uid too."""
MAILBOX = "user.leena"


def damage(box):
    box.flip("index", 30, 0x04)                          # last_uid 16 becomes 1040, the checksum stays


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
