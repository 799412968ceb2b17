"""A quota -f of Cyrus was interrupted in the middle of the mailboxes of a root, and left its sums in the record.  A server goes on
adding to them."""
MAILBOX = "user.mona"
RUN = ["quota", "-f", "-q"]
FILE = "config/quota/m/user.mona"
OLD = b"%(S (37538 55000) M (18 9005) AS (0 105) NF (7 65) SCAN %(MBOX user.mona.Junk S 777 M 2 AS 0 NF 3) MODSEQ 21)\n"


def damage(box):
    box.write(FILE, OLD)


def check(box, before):
    data = box.read(FILE)
    assert data.startswith(b"%(S (37538 55000) M (18 9005) AS (0 105) NF (7 65) MODSEQ ") and b"SCAN" not in data
    assert box.kept(FILE) == [OLD]
