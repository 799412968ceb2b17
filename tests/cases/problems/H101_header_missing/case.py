"""cyrus.header of a shared folder is gone: with it went its access list, unless mailboxes.db still has it."""
import zlib

MAILBOX = "archive"                                      # with a quota root and negative rights


def damage(box):
    box.remove("header")


def check(box, before):
    assert box.header() == before.header() and len(box.header()["acl"]) == 7
    assert list(box.header()["acl"]) == list(before.header()["acl"])         # the order counts
    assert box.index()[0]["header_file_crc"] == zlib.crc32(box.read("header")) == before.index()[0]["header_file_crc"]
    assert box.index()[1] == before.index()[1]
