"""A folder was renamed and the server died before cyrus.header had the new name."""
MAILBOX = "user.fred.New Name"


def damage(box):
    box.write_header_file(box.read("header").replace(b"user.fred.New Name", b"user.fred.Old Name"))
    assert box.header()["name"] == "user.fred.Old Name"


def check(box, before):
    assert box.header() == before.header() and box.header()["name"] == "user.fred.New Name"
    assert box.entry == before.entry
    assert box.index()[1] == before.index()[1]
