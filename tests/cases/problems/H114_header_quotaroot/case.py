"""A folder got a quota of its own, but its cyrus.header still names the quota of the folder above."""
MAILBOX = "user.bovik.Work"


def damage(box):
    box.write_header_file(box.read("header").replace(b" Q user.bovik.Work ", b" Q user.bovik "))
    assert box.header()["quotaroot"] == "user.bovik"


def check(box, before):
    assert box.header() == before.header() and box.header()["quotaroot"] == "user.bovik.Work"
    quota = box.reader.quota()                           # the usages were right and stay so
    assert quota["user.bovik.Work"] == {"S": [688, 10000], "M": [1, None], "AS": [17, None], "NF": [2, None]}
    assert quota["user.bovik"] == {"S": [1192398, 50000], "M": [113, 9000], "AS": [105, 100], "NF": [29, 60]}
    assert box.index()[1] == before.index()[1]
