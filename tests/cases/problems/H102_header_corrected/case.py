"""One bit of cyrus.header is wrong, in the name of a keyword: the folder's messages are suddenly labelled "Cills"."""
import os
import zlib

MAILBOX = "user.fred.Work.2003"


def damage(box):
    box.flip("header", box.read("header").index(b"Bills"), 0x01)


def check(box, before):
    assert box.header() == before.header() and "Bills" in box.header()["flags"]
    assert zlib.crc32(box.read("header")) == before.index()[0]["header_file_crc"] == box.index()[0]["header_file_crc"]
    assert box.kept(os.path.relpath(box.path("header"), box.root)) == [box.read("header").replace(b"Bills", b"Cills")]
    assert box.index()[1] == before.index()[1]
