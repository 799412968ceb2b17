"""A restore mixed up two folders: the cyrus.header of each lies in the other's directory, and so every label of a message
has another one's name."""
import os
import zlib

MAILBOX = "user.bovik.New Name"
OTHER = "user.bovik.New Name.Kid"


def header_of_other(box):
    return box.reader.places(OTHER, box.reader.list[OTHER])["header"]


def damage(box):
    own, other = box.read("header"), box.read(header_of_other(box))
    box.write("header", other)
    box.write(header_of_other(box), own)


def check(box, before):
    assert box.header() == before.header()
    assert zlib.crc32(box.read("header")) == box.index()[0]["header_file_crc"]
    assert box.index()[1] == before.index()[1] and "Bills" in box.index()[1][4]["flags"]
    assert box.read(header_of_other(box)) == box.read("header")              # nobody has asked for that mailbox
    kept, = box.kept(os.path.relpath(box.path("header"), box.root))
    assert b' N "user.bovik.New Name.Kid" ' in kept         # which finds its own one there
