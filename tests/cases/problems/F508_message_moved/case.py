"""A script has renamed message files: two have changed places, a third has a name that no message had yet."""
import os

MAILBOX = "user.leena"


def damage(box):
    for here, there in ((11, 20), (12, 11), (20, 12), (14, 17)):
        os.rename(box.path(here), box.path(there))


def check(box, before):
    assert box.index()[1] == before.index()[1]            # flags too
    assert box.index()[0]["last_uid"] == before.index()[0]["last_uid"] and not box.exists(17)
    for uid in (11, 12, 14):
        record = before.index()[1][uid]
        assert len(box.read(uid)) == record["size"] and int(os.stat(box.path(uid)).st_mtime) == record["internaldate"]
