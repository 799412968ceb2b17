"""A writer died between the two records of a mailbox in mailboxes.db: the one by unique id still has the access list from before a
SETACL.  The one by name is what the server goes by."""
MAILBOX = "user.leena.Sent"
LIST = "config/mailboxes.db"
KEY = b"I20ecdy4l46j9xzzgi8eobe5d"


def damage(box):
    old = box.database(LIST)[KEY]
    assert old.count(b"A %(leena lrswipkxtecdan)") == 1
    box.edit_database(LIST, "twoskip", {KEY: old.replace(b"A %(leena lrswipkxtecdan)", b"A %(leena lrswipkxtecdan fred lrs)")})


def check(box, before):
    assert {**box.entry, "mtime": 0} == {**before.entry, "mtime": 0} and box.entry["id_record"]
    assert box.database(LIST)[KEY].endswith(b" A %(leena lrswipkxtecdan) H ())")
    assert box.header() == before.header()
