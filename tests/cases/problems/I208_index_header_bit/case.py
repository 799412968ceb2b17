"""One bit of last_uid changed in an index of Cyrus 2.3, which has no checksums: the mailbox of 3 messages would give its
next one the UID 268435460."""
STORE = "versions"
MAILBOX = "user.wes.R&-D"                                # index version 9


def damage(box):
    box.set_index(last_uid=3 | 1 << 28)


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
