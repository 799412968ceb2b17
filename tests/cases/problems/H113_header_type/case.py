"""cyrus.header calls the folder of a user's sieve scripts one of mail; mailboxes.db knows better."""
MAILBOX = "user.bovik.#sieve"


def damage(box):
    box.write_header_file(box.read("header").replace(b"%(T f ", b"%(T e "))
    assert box.header()["type"] == "e"


def check(box, before):
    assert box.header() == before.header() and box.header()["type"] == "f"
    assert box.entry == before.entry
    assert box.index()[1] == before.index()[1]
