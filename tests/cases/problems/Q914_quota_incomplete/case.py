"""One of three mailboxes of a root has an empty cyrus.index, so a sum would be too small: the root keeps the usage it has.  Another
root with a wrong usage is corrected all the same."""
MAILBOX = "bb.sub"
RUN = ["quota", "-f", "-q"]
CODES = ["Q902", "Q910"]
EXIT = 1
STANDING = ["Q910", "Q914"]
OTHER = b"%(S (999 20000) M (14) AS (0) NF (1) MODSEQ 0)\n"


def damage(box):
    box.write("index", b"")
    box.write("config/quota/a/archive", OTHER)


def check(box, before):
    assert box.read("config/quota/b/bb") == b"%(S (221805) M (17) AS (0) NF (3) MODSEQ 0)\n"
    assert box.read("config/quota/a/archive") == b"%(S (12050 20000) M (14) AS (0) NF (1) MODSEQ 0)\n"
    assert box.kept("config/quota/a/archive") == [OTHER] and box.kept("config/quota/b/bb") == []
