"""A quota file was restored from an old backup: its usage is wrong, its limits are right.  quota -f counts it anew."""
MAILBOX = "user.mona"
RUN = ["quota", "-f", "-q"]
FILE = "config/quota/m/user.mona"
OLD = b"%(S (999 55000) M (3 9005) AS (0 105) NF (7 65) MODSEQ 21)\n"


def damage(box):
    box.write(FILE, OLD)


def check(box, before):
    assert box.quota(FILE) == {"S": [37538, 55000], "M": [18, 9005], "AS": [0, 105], "NF": [7, 65]}
    assert b" MODSEQ 22)" in box.read(FILE)              # a change is a change, for a client that asks what is new
    assert box.kept(FILE) == [OLD]
