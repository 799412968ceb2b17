"""cyrus.header has an older access list than mailboxes.db: the server died between the two writes of a SETACL."""
MAILBOX = "user.bovik.Work"


def damage(box):
    data = box.read("header")
    box.write_header_file(data.replace(b" ted lrswipted -fred lrs", b""))
    assert len(box.read("header")) == len(data) - 24


def check(box, before):
    assert box.header() == before.header()
    assert box.header()["acl"] == {"bovik": "lrswipkxtecdan", "ted": "lrswipted", "-fred": "lrs"}
    assert box.entry == before.entry                     # mailboxes.db is right
    assert box.index()[1] == before.index()[1]
