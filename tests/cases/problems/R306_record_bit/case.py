"""One bit of an internaldate went wrong in an index of version 9, which has no CRCs.  The time of the message file shows it."""
STORE = "versions"
MAILBOX = "user.wes"


def damage(box):
    box.set_record(15, internaldate=1044781736 ^ 1 << 20)


def check(box, before):
    assert before.index()[1][15]["internaldate"] == 1044781736
    assert box.index()[1] == before.index()[1]
    assert box.index()[0]["minor_version"] == 9
