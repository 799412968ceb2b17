"""mailboxes.db was restored from a backup made before the mailbox was created anew: it has another UIDVALIDITY than the index, which
is what clients have seen."""
MAILBOX = "user.leena.Sent"
LIST = "config/mailboxes.db"


def damage(box):
    values = box.database(LIST)
    for key in (b"Nuser\x1fleena\x1fSent", b"I20ecdy4l46j9xzzgi8eobe5d"):
        assert values[key].count(b" V 1795329482 ") == 1
        box.edit_database(LIST, "twoskip", {key: values[key].replace(b" V 1795329482 ", b" V 1700000000 ")})


def check(box, before):
    assert {**box.entry, "mtime": 0} == {**before.entry, "mtime": 0} and box.entry["uidvalidity"] == 1795329482
    assert b" V 1795329482 " in box.database(LIST)[b"I20ecdy4l46j9xzzgi8eobe5d"]
    assert box.index() == before.index()
    others = [name for name in before.reader.list if name != box.name]
    assert all(box.reader.list[name] == before.reader.list[name] for name in others)
