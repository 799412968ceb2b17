"""The index calls a message snoozed, but no annotation says until when, as after an older cyrus.annotations was put back."""
MAILBOX = "user.leena"
SNOOZED = 1 << 26


def damage(box):
    box.set_record(12, system_flags=2 | SNOOZED)


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    assert new[12]["system_flags"] == old[12]["system_flags"] == 2
    assert new == old and now["exists"] == was["exists"]
