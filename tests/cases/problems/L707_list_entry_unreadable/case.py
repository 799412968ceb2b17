"""The record of a mailbox in mailboxes.db was cut off in the middle by a script.  The record by unique id says the same and is used."""
MAILBOX = "user.leena.Sent"
LIST = "config/mailboxes.db"
KEY = b"Nuser\x1fleena\x1fSent"


def damage(box):
    box.edit_database(LIST, "twoskip", {KEY: b"%(T e I 20ecdy4l46j9xzzgi8eobe5d P default V 1795"})


def check(box, before):
    assert {**box.entry, "mtime": 0} == {**before.entry, "mtime": 0} and box.entry["id_record"]
    assert {**box.reader.list, box.name: 0} == {**before.reader.list, box.name: 0}
    assert box.index() == before.index()
