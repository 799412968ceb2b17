"""Somebody deleted the record by unique id of a mailbox from mailboxes.db; the record by name is there.  The server finds the mailbox
by name and not by id."""
MAILBOX = "user.leena.Sent"
LIST = "config/mailboxes.db"
KEY = b"I20ecdy4l46j9xzzgi8eobe5d"


def damage(box):
    box.edit_database(LIST, "twoskip", {KEY: None})


def check(box, before):
    assert {**box.entry, "mtime": 0} == {**before.entry, "mtime": 0} and box.entry["id_record"]
    assert box.database(LIST)[KEY].startswith(b"%(T e N user\x1fleena\x1fSent P default V 1795329482 C 1 F 2 M ")
    assert box.database(LIST)[KEY].endswith(b" A %(leena lrswipkxtecdan) H ())")
    assert len(box.database(LIST)) == 347
