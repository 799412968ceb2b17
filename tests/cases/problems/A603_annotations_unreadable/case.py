"""A part of cyrus.annotations was overwritten with zeros; one note is lost, the others are whole."""
import os

MAILBOX = "user.fred"


def damage(box):
    data = bytearray(box.read("annotations"))
    at = data.index(b"note paper", data.index(b"2\0/comment\0\0"))
    data[at - 8:at + 24] = bytes(32)
    box.write("annotations", bytes(data))


def check(box, before):
    assert sorted(box.database("annotations")) == [
        b"1\0/comment\0\0", b"1\0/comment\0[.OwNeR.]\0", b"2\0/altsubject\0[.OwNeR.]\0", b"2\0/comment\0[.OwNeR.]\0",
        b"3\0/comment\0\0", b"3\0/comment\0[.OwNeR.]\0"]
    was, now = before.index(), box.index()
    assert now[1] == was[1]
    assert now[0]["quota_annot_used"] == was[0]["quota_annot_used"]  # message 2 is expunged, so that the lost one did not count
    assert box.reader.quota()["user.fred"] == {"S": [672261, None], "M": [64, 9002], "AS": [6690, None], "NF": [28, None]}
    kept, = box.kept(os.path.relpath(box.path("annotations"), box.root))
    assert bytes(32) in kept
