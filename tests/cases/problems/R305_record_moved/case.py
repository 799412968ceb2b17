"""Two records of the index changed places, so that UID 13 stands before UID 12."""
MAILBOX = "user.leena"
VARIES = ["sync_crc"]                                    # the new record has the time of the run


def damage(box):
    at, size, _ = box.record_at(12)
    data = box.read("index")
    one, two = data[at:at + size], data[at + size:at + 2 * size]
    box.write("index", data[:at] + two + one + data[at + 2 * size:])


def check(box, before):
    (was, old), (now, new) = before.index(), box.index()
    assert new == old
    own = ("last_repack_time", "header_crc")             # the index was written anew
    assert all(now[k] == v for k, v in was.items() if k not in own)
    assert list(box.index()[1]) == list(before.index()[1])
