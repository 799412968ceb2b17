"""The mailboxes of a user were removed by hand, and the file of his quota root was forgotten.  It has no limit, so it goes."""
import os

MAILBOX = None
RUN = ["quota", "-f", "-q"]
FILE = "config/quota/g/user.goner"
OLD = b"%(S (1419) M (3) AS (0) NF (2) MODSEQ 12)\n"


def damage(box):
    os.makedirs(os.path.dirname(box.path(FILE)))
    box.write(FILE, OLD)


def check(box, before):
    assert not box.exists(FILE) and box.kept(FILE) == [OLD]
    assert box.quota("config/quota/b/bb")["S"] == [221805, None]
