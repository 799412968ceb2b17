"""Twenty bytes in the header of cyrus.index became zeros.  The records are intact; UIDVALIDITY and last_uid come from
mailboxes.db and statuscache.db, the usage is added up again."""
MAILBOX = "user.leena"


def damage(box):
    data = box.read("index")
    box.write("index", data[:28] + bytes(20) + data[48:])


def check(box, before):
    was, old = before.index_as_told()
    assert was["pop3_last_login"] != 0                   # nothing else knows that one
    assert box.index_as_told() == ({**was, "pop3_last_login": 0}, old)
