"""The disk was full when a header was written: cyrus.header is empty.  The index is sound, so the mailbox is counted; which root the
servers take cannot be told."""
MAILBOX = "bb.sub"
RUN = ["quota", "-f", "-q"]
EXIT = 1
STANDING = ["Q912"]
FILE = "config/quota/b/bb"


def damage(box):
    box.write("header", b"")


def check(box, before):
    assert box.read("header") == b""
    assert box.read(FILE) == b"%(S (221805) M (17) AS (0) NF (3) MODSEQ 0)\n"
