"""One bit of cyrus.annotations is wrong: a note says that it is on message "r", which is no number."""
import os

STORE = "skiplist"                                       # a format without checksums
MAILBOX = "user.fred.Trash"


def damage(box):
    box.flip("annotations", box.read("annotations").index(b"2\0/comment\0"), 0x40)


def check(box, before):
    assert sorted(box.database("annotations")) == [b"1\0/comment\0\0", b"1\0/comment\0[.OwNeR.]\0"]
    was, now = before.index(), box.index()
    assert now[1] == was[1] and now[0]["quota_annot_used"] == was[0]["quota_annot_used"] - len(b"private 2")
    kept, = box.kept(os.path.relpath(box.path("annotations"), box.root))
    assert b"r\0/comment\0[.OwNeR.]\0" in kept and b"private 2" in kept[kept.index(b"r\0/comment"):]
