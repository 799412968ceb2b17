"""The mailbox was converted to a newer index version, and what the older one had to keep as annotations stayed behind."""
MAILBOX = "user.fred.Trash"
VENDOR = b"/vendor/cmu/cyrus-imapd/"


def damage(box):
    box.edit_annotations("twoskip", {(2, VENDOR + b"savedate", b""): b"1100000000", (2, VENDOR + b"createdmodseq", b""): b"1"})


def check(box, before):
    assert sorted(box.database("annotations")) == [
        b"1\0/comment\0\0", b"1\0/comment\0[.OwNeR.]\0", b"2\0/comment\0[.OwNeR.]\0"]
    was, now = before.index(), box.index()
    assert now[1] == was[1] and now[1][2]["savedate"] > 1100000000           # the record knows it better
    assert all(now[0][f] == was[0][f] for f in ("quota_annot_used", "sync_crc_annot"))
