"""The index says that the mailbox uses 12345 bytes more than its messages have, and the quota root was told the same."""
MAILBOX = "user.mona"


def damage(box):
    header, _ = box.index()
    box.set_index(quota_mailbox_used=header["quota_mailbox_used"] + 12345)
    quota = box.read("config/quota/m/user.mona")
    assert quota.startswith(b"%(S (37538 55000) ")
    box.write("config/quota/m/user.mona", quota.replace(b"(37538 ", b"(49883 "))


def check(box, before):
    assert box.index_as_told() == before.index_as_told()
    assert box.read("config/quota/m/user.mona").startswith(b"%(S (37538 55000) M (18 9005) AS (0 105) NF (7 65) ")
