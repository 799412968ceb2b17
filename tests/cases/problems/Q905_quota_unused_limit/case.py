"""A quota root has a limit and no mailbox: made for a user who has not come yet, or left of one who is gone.  It stays, since
nobody else knows the limit."""
import os

MAILBOX = None
RUN = ["quota", "-f", "-q"]
STANDING = ["Q905"]
FILE = "config/quota/n/user.newcomer"
OLD = b"%(S (0 60000) M (0) AS (0) NF (0) MODSEQ 1)\n"


def damage(box):
    os.makedirs(os.path.dirname(box.path(FILE)))
    box.write(FILE, OLD)


def check(box, before):
    assert box.read(FILE) == OLD and box.kept(FILE) == []
