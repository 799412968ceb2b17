"""mailboxes.db has a wrong octet in its header; when it is rebuilt, a quota root turns up that no mailbox has any more."""
MAILBOX = "user.leena"
CODES = ["D802"]
EXIT = 2
LIST, ROOT = "config/mailboxes.db", "config/quota/m/user.mike"


def damage(box):
    box.flip(LIST, 61, 0x10)                              # in the CRC of the file's header
    box.write(ROOT, box.read("config/quota/m/user.mona"))


def check(box, before):
    assert box.reader.list == before.reader.list
    assert box.read(ROOT) == box.read("config/quota/m/user.mona")
    assert len(box.kept(LIST)) == 1
