"""The directory of a mailbox was removed by hand: its messages are gone, and its quota root still counts them."""
import shutil

MAILBOX = "bb.sub"
RUN = ["quota", "-f", "-q"]
CODES = ["Q902"]                                         # the usage of its root
EXIT = 1                                                 # the mailbox is still in the list
STANDING = ["Q911"]
FILE = "config/quota/b/bb"


def damage(box):
    shutil.rmtree(box.places["spool"])


def check(box, before):
    assert not box.exists(box.places["spool"])
    assert box.quota(FILE) == {"S": [220795, None], "M": [15, None], "AS": [0, None], "NF": [3, None]}
    assert box.kept(FILE) == [b"%(S (221805) M (17) AS (0) NF (3) MODSEQ 0)\n"]
