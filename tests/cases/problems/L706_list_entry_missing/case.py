"""A mailbox is not in mailboxes.db any more, but its directory is there.  reconstruct -f finds it and lists it again, with what its
header and index say."""
MAILBOX = "user.leena.Sent"
RUN = ["reconstruct", "-f", "{mailbox}"]
LIST = "config/mailboxes.db"


def damage(box):
    box.edit_database(LIST, "twoskip", {b"Nuser\x1fleena\x1fSent": None, b"I20ecdy4l46j9xzzgi8eobe5d": None})


def check(box, before):
    forget = {"mtime": 0, "foldermodseq": 0}             # nothing but the list has them
    assert {**box.entry, **forget} == {**before.entry, **forget} and box.entry["id_record"]
    assert box.index() == before.index() and box.header() == before.header()
    assert set(box.reader.list) == set(before.reader.list)
