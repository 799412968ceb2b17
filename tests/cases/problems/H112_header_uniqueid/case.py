"""cyrus.header came from a backup of an earlier mailbox of this name, which had another unique id."""
MAILBOX = "user.leena"
EARLIER = b"k2x0c5m9qh1t8w3z7r4v6n0b"


def damage(box):
    box.write_header_file(box.read("header").replace(box.entry["uniqueid"].encode(), EARLIER))
    assert box.header()["uniqueid"] == EARLIER.decode()


def check(box, before):
    assert box.header() == before.header() and box.header()["uniqueid"] == box.entry["uniqueid"]
    assert box.entry == before.entry
    assert box.index()[1] == before.index()[1]
