"""One bit of the size of a message went wrong in an index of version 9, which has no CRCs.  The message file has the right size."""
STORE = "versions"
MAILBOX = "user.wes"


def damage(box):
    box.set_record(15, size=403 ^ 1 << 16)


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    changed = {"modseq", "last_updated"}
    assert old[15]["size"] == 403 and {k: v for k, v in new[15].items() if k not in changed} == {
        k: v for k, v in old[15].items() if k not in changed}
    assert new[15]["modseq"] > was["highestmodseq"]      # so that clients ask for the size again
    assert all(new[uid] == r for uid, r in old.items() if uid != 15)
    assert now["quota_mailbox_used"] == was["quota_mailbox_used"] and now["minor_version"] == 9
