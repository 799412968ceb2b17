"""A bit of the index header is wrong, in the very number that quota -f takes.  The records are sound and tell the right one."""
MAILBOX = "bb.sub"
RUN = ["quota", "-f", "-q"]
EXIT = 1                                                 # the index is still damaged
STANDING = ["Q913"]
FILE = "config/quota/b/bb"


def damage(box):
    box.flip("index", 38, 0x40)                          # 1010 octets become 17394


def check(box, before):
    assert box.index(tolerant=True)[0]["quota_mailbox_used"] == 17394
    assert box.read(FILE) == b"%(S (221805) M (17) AS (0) NF (3) MODSEQ 0)\n"
