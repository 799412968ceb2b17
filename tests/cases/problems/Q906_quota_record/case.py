"""One octet of a quota file is wrong, so that it cannot be read: the limit of the storage is no number any more.  What is still
legible is kept, the usage counted."""
MAILBOX = "user.mona"
RUN = ["quota", "-f", "-q"]
EXIT = 1                                                 # somebody has to set the limit again
FILE = "config/quota/m/user.mona"
OLD = b"%(S (37538 u5000) M (18 9005) AS (0 105) NF (7 65) MODSEQ 21)\n"


def damage(box):
    box.write(FILE, OLD)


def check(box, before):
    assert box.quota(FILE) == {"S": [37538, None], "M": [18, 9005], "AS": [0, 105], "NF": [7, 65]}
    assert box.header()["quotaroot"] == "user.mona"
    assert box.kept(FILE) == [OLD]
    modseq = int(box.read(FILE).split(b" MODSEQ ")[1].rstrip(b")\n"))
    assert modseq >= 21, "MODSEQ was 21 and legible, and is %d" % modseq
