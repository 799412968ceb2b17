"""A newer server gave the mailbox a JMAP id, in which a byte is wrong now: it can be read, but no cyrus.header can hold it,
so that the server could never write this file again."""
import os

STORE = "versions"                                       # index version 10: no CRC of the header
MAILBOX = "user.leena.Junk"
VALUE = b' J "P4\\"7"'


def damage(box):
    box.write_header_file(box.read("header").replace(b" A %(", VALUE + b" A %("))


def check(box, before):
    assert b" J " not in box.read("header")
    assert box.header() == before.header() and box.header()["flags"] == ["Recipes"]
    kept, = box.kept(os.path.relpath(box.path("header"), box.root))
    assert VALUE in kept
    assert box.index()[1] == before.index()[1]
