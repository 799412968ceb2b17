"""The last record of the index is there twice, as after a write that was done again."""
MAILBOX = "user.leena"


def damage(box):
    at, size, _ = box.record_at(16)
    data = box.read("index")
    box.write("index", data + data[at:at + size])
    box.set_index(num_records=17)


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    assert now["num_records"] == 16 and new == old
    assert all(now[k] == was[k] for k in ("exists", "flagged", "last_uid", "uidvalidity", "quota_mailbox_used"))
