"""The disk gave back a sector of mailboxes.db as zeros.  Four records by name are hit; the records by unique id say the same, so
nothing is lost but the trust in the disk."""
MAILBOX = "user.leena.Sent"
EXIT = 2                                                 # somebody should know of it
LIST = "config/mailboxes.db"


def damage(box):
    data = box.read(LIST)
    start = data.index(b"Nuser\x1fleena\x1fSent%") // 512 * 512
    box.write(LIST, data[:start] + bytes(512) + data[start + 512:])


def check(box, before):
    assert box.reader.list == before.reader.list
    assert len(box.database(LIST)) == 347
    assert box.index() == before.index() and box.header() == before.header()
    assert [len(old) for old in box.kept(LIST)] == [66456]
