"""cyrus.index came from a mailbox that was made anew and has another UIDVALIDITY than mailboxes.db, which -M believes: what
clients have stays valid."""
MAILBOX = "user.leena"
RUN = ["reconstruct", "-M", "{mailbox}"]


def damage(box):
    box.set_index(uidvalidity=1700000000)


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
    assert box.reader.list["user.leena"] == before.entry
